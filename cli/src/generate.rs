//! `tidemill generate`: generated records on standard output.

use std::io::{self, Write as _};

use tidemill_engine::generator::{self, Generator, TimeSource};
use tidemill_plan::model::{self, GeneratorKind};

use crate::args::{Generate, Kind};
use crate::failure::Failure;

/// Records made at once.
const BATCH: usize = 4096;
/// Time of the first record: 2024-01-01T12:00:00Z.
const START: i64 = 1_704_110_400_000_000;

/// Prints the records that the options ask for.
pub(crate) fn generate(options: &Generate) -> Result<(), Failure> {
    if !(0.0..=1.0).contains(&options.fraud_ratio) {
        return Err(Failure::new(format!(
            "--fraud-ratio {}: a share is from 0 to 1",
            options.fraud_ratio
        )));
    }
    let spec = model::Generator {
        kind: match options.kind {
            Kind::Transactions => GeneratorKind::Transactions,
            Kind::Customers => GeneratorKind::Customers,
            Kind::NexmarkPeople => GeneratorKind::NexmarkPeople,
            Kind::NexmarkAuctions => GeneratorKind::NexmarkAuctions,
            Kind::NexmarkBids => GeneratorKind::NexmarkBids,
        },
        rate: 0,
        fraud_ratio: options.fraud_ratio,
        accounts: options.accounts,
        seed: options.seed,
        records: Some(options.records),
        partitions: 1,
    };
    let failed = |e: generator::GeneratorError| Failure::new(e.to_string());
    let records = Generator::new(&spec, generator::schema(spec.kind), 0).map_err(failed)?;
    let time = TimeSource::Synthetic {
        start: START,
        step: i64::from(options.step) * 1000,
    };
    let mut out = io::stdout().lock();
    let (mut made, mut lines) = (0, Vec::new());
    while made < options.records {
        lines.clear();
        let count = records
            .json_lines(made, BATCH, time, &mut lines)
            .map_err(failed)?;
        made += count as u64;
        match out.write_all(&lines) {
            Ok(()) => {}
            // Whoever reads us, `head` for one, has had enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => return Err(Failure::new(format!("standard output: {error}"))),
        }
    }
    Ok(())
}
