//! A database outside the log: tables whose writes carry positions, fenced by claims.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use tidemill_engine::encode::{JsonEncoder, JsonOptions, Timestamps};
use tidemill_worker::log::{Position, TopicPartition};
use tidemill_worker::sink::{ExternalSink, Rows, SinkError};

use crate::client::SimulatedMembership;
use crate::world::{NoAnswer, Process, Site, own};

/// A row as it was written: JSON, and whether it is a deletion.
pub(crate) type Row = (String, bool);

/// A table with its progress.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rows: Vec<Row>,
    positions: BTreeMap<TopicPartition, Position>,
    claims: BTreeMap<TopicPartition, u64>,
    /// The latest generation of the group in which each partition was written.
    generations: BTreeMap<TopicPartition, i32>,
}

/// All tables, by output.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    pub(crate) by_name: BTreeMap<String, Table>,
    claims: u64,
}

/// A worker's connection to a table.
pub(crate) struct TableSink {
    process: Arc<Process>,
    table: String,
    encoder: JsonEncoder,
    membership: SimulatedMembership,
    claim: u64,
    /// The generation that it has claimed in.
    generation: i32,
}

impl TableSink {
    pub(crate) fn open(
        process: &Arc<Process>,
        membership: &SimulatedMembership,
        table: &str,
        schema: &SchemaRef,
    ) -> Option<Self> {
        let options = JsonOptions {
            timestamps: Timestamps::EpochMillis,
        };
        Some(Self {
            process: Arc::clone(process),
            table: table.to_owned(),
            encoder: JsonEncoder::new(schema, options).ok()?,
            membership: membership.clone(),
            claim: 0,
            generation: 0,
        })
    }

    fn text(&self, rows: &Rows) -> Result<Vec<Row>, SinkError> {
        let (mut arena, mut spans) = (Vec::new(), Vec::new());
        self.encoder
            .encode(&rows.batch, &mut arena, &mut spans)
            .map_err(|e| SinkError::Refused(e.to_string()))?;
        let mut out = Vec::with_capacity(spans.len());
        for (index, span) in spans.into_iter().enumerate() {
            let bytes = arena.get(span.start as usize..span.end as usize);
            let text = String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            let deleted = rows.deleted.as_ref().is_some_and(|d| d.value(index));
            out.push((text, deleted));
        }
        Ok(out)
    }
}

fn unavailable(why: NoAnswer) -> SinkError {
    match why {
        NoAnswer::Dead => SinkError::Refused("the process is dead".to_owned()),
        NoAnswer::Silence => SinkError::Unavailable("no answer".to_owned()),
    }
}

impl ExternalSink for TableSink {
    fn claim(&mut self, partitions: &[TopicPartition]) -> Result<Vec<Option<Position>>, SinkError> {
        let (world, name) = (Arc::clone(&self.process.world), self.table.clone());
        self.generation = self.membership.told();
        let claimed = self.process.ask(Site::Claim, || {
            let mut tables = own(&world.tables);
            tables.claims += 1;
            let claim = tables.claims;
            let table = tables.by_name.entry(name).or_default();
            let positions = partitions
                .iter()
                .map(|at| {
                    table.claims.insert(at.clone(), claim);
                    table.positions.get(at).cloned()
                })
                .collect();
            (claim, positions)
        });
        let (claim, positions) = claimed.map_err(unavailable)?;
        self.claim = claim;
        Ok(positions)
    }

    fn write(
        &mut self,
        rows: &[Rows],
        positions: &[(TopicPartition, Position)],
    ) -> Result<(), SinkError> {
        let mut texts = Vec::new();
        for batch in rows {
            texts.extend(self.text(batch)?);
        }
        let (world, name) = (Arc::clone(&self.process.world), self.table.clone());
        let (claim, generation) = (self.claim, self.generation);
        let written = self.process.ask(Site::Write, || {
            let mut tables = own(&world.tables);
            let table = tables.by_name.entry(name).or_default();
            if let Some((at, _)) = positions
                .iter()
                .find(|(at, _)| table.claims.get(at) != Some(&claim))
            {
                return Err(SinkError::Fenced(format!(
                    "{at:?} has been claimed by another"
                )));
            }
            for (at, _) in positions {
                let before = table.generations.insert(at.clone(), generation);
                if before.is_some_and(|before| before > generation) {
                    return Err(SinkError::Refused(format!(
                        "{at:?} is written by one of generation {generation} after one of {before:?}"
                    )));
                }
            }
            table.rows.extend(texts.clone());
            for (at, position) in positions {
                let stands = table.positions.get(at);
                if stands.is_none_or(|stands| stands.offset <= position.offset) {
                    table.positions.insert(at.clone(), position.clone());
                }
            }
            Ok(())
        });
        let written = written.map_err(unavailable)?;
        self.process.world.log().tell(|| {
            let upto: Vec<String> = positions
                .iter()
                .map(|(at, p)| format!("{}/{} {} `{}`", at.topic, at.partition, p.offset, p.clock))
                .collect();
            format!(
                "{} takes {} rows up to {}: {written:?}",
                self.table,
                texts.len(),
                upto.join(", ")
            )
        });
        written
    }
}
