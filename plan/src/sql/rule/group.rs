//! The rows that rules judge together, as a query: rules of one stream with one window and one key share it.

use std::collections::BTreeSet;

use arrow::datatypes::Schema;
use tidemill_crds::Duration;
use tidemill_crds::alert_rule::WindowKind;
use twox_hash::XxHash64;

use crate::model::{EDITION, EVIDENCE, Editions, RECORD, RowsOf};
use crate::sql::{OF_RULES, part_name, records, window};

/// The column that counts the rows that are judged together, and the call that does.
pub(crate) const COUNT: &str = "count(*)";

/// The column that says whether an alert is not held back.
pub(crate) const FRESH: &str = "$fresh";

/// Which rows rules judge together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// The stream that they are of.
    pub(crate) stream: String,
    /// Its event time.
    pub(crate) time: String,
    /// Which of its rows.
    pub(crate) of: Together,
    /// The columns by which rows belong together.
    pub(crate) keys: Vec<String>,
}

/// Which rows of a stream are judged together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Together {
    /// Those of a window.
    Window(WindowKind),
    /// Each by itself, of those for which a rule fires.
    Alone {
        /// The rule.
        rule: String,
        /// Its condition.
        when: String,
    },
}

/// Stands for the condition of a rule where any will do.
const ANY: &str = "TRUE";

/// The rows of a group for which a rule fires, each with whether its alert is held back, as one of the same key was sent
/// shortly before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suppressed {
    /// The rule's condition over the rows of the group.
    pub(crate) when: String,
    /// For how long an alert holds others back.
    pub(crate) span: Duration,
}

impl Group {
    /// The query that has a column for each call. With windows that are judged at every row it has all columns of the stream
    /// besides; with others the key, the bounds of the window, and [`EVIDENCE`].
    pub(crate) fn sql(&self, calls: &BTreeSet<&str>) -> String {
        let mut calls = calls.clone();
        calls.insert(COUNT);
        let calls = &calls;
        match &self.of {
            Together::Window(WindowKind::Sliding(span)) => {
                let frame = format!(
                    "RANGE BETWEEN {} PRECEDING AND CURRENT ROW",
                    interval(*span)
                );
                self.at_rows(calls, &quoted(&self.reads()), &frame)
            }
            Together::Window(WindowKind::Count(full)) => {
                let before = full.saturating_sub(1);
                let frame = format!("ROWS BETWEEN {before} PRECEDING AND CURRENT ROW");
                let rows = self.at_rows(calls, &quoted(&self.reads()), &frame);
                // It is judged once it is full.
                format!("SELECT * FROM ({rows}) WHERE {} >= {full}", quoted(COUNT))
            }
            Together::Alone { when, .. } => {
                let rows = format!("(SELECT * FROM {} WHERE {when})", quoted(&self.reads()));
                self.at_rows(calls, &rows, "ROWS BETWEEN 0 PRECEDING AND CURRENT ROW")
            }
            Together::Window(WindowKind::Tumbling(size)) => self.at_ends(calls, "TUMBLE", &[*size]),
            Together::Window(WindowKind::Hopping { size, every }) => {
                self.at_ends(calls, "HOP", &[*every, *size])
            }
            Together::Window(WindowKind::Session(gap)) => self.at_ends(calls, "SESSION", &[*gap]),
        }
    }

    /// What tells it from others: no two have the same rows.
    pub(crate) fn identity(&self) -> String {
        self.sql(&BTreeSet::new())
    }

    /// The name of the stream that is made for it, which none in a manifest can have.
    pub(crate) fn name(&self) -> String {
        let own = match &self.of {
            Together::Alone { rule, .. } => hash(rule),
            Together::Window(_) => hash(&self.identity()),
        };
        part_name(&self.stream, &format!("{OF_RULES}{own}"))
    }

    /// What of its query an edit must leave as it is, for the stream to go on: all but a rule's condition, by which rows are
    /// filtered before they are kept.
    pub(crate) fn lasting(&self, calls: &BTreeSet<&str>) -> String {
        let mut any = self.clone();
        if let Together::Alone { when, .. } = &mut any.of {
            ANY.clone_into(when);
        }
        any.sql(calls)
    }

    /// The name of its stream, and what of that must stay as it is whatever calls there are.
    pub(crate) fn place(&self) -> (String, String) {
        (self.name(), self.lasting(&BTreeSet::new()))
    }

    /// The name of the stream that it reads: that which it is of, with what rules want to know of each row.
    pub(crate) fn reads(&self) -> String {
        match self.is_at_rows() {
            true => self.editions(),
            false => part_name(&self.stream, "-records"),
        }
    }

    /// The name of the stream in which each row has its edition.
    pub(crate) fn editions(&self) -> String {
        part_name(&self.stream, "-editions")
    }

    /// The query of a stream that has all of another.
    pub(crate) fn all_of(stream: &str) -> String {
        format!("SELECT * FROM {}", quoted(stream))
    }

    /// Whether a row of the stream makes one of its own, rather than the end of a window.
    pub(crate) fn is_at_rows(&self) -> bool {
        matches!(
            self.of,
            Together::Alone { .. }
                | Together::Window(WindowKind::Sliding(_) | WindowKind::Count(_))
        )
    }

    /// What its rows are.
    pub(crate) fn rows(&self, schema: &Schema) -> Option<RowsOf> {
        let index = |name: &str| schema.index_of(name).ok();
        let evidence = index(EVIDENCE)?;
        let frames = |span| {
            Some(RowsOf::Frames {
                time: index(&self.time)?,
                span,
                evidence,
            })
        };
        match self.of {
            Together::Window(WindowKind::Sliding(span)) => frames(Some(span.as_micros())),
            Together::Window(WindowKind::Count(_)) | Together::Alone { .. } => frames(None),
            Together::Window(_) => Some(RowsOf::Windows {
                start: index("window_start")?,
                end: index("window_end")?,
                evidence,
            }),
        }
    }

    /// The query of those of its rows for which a rule fires, with the column [`FRESH`].
    pub(crate) fn suppressed(&self, by: &Suppressed) -> String {
        let time = match self.is_at_rows() {
            true => &self.time,
            false => window::LAST_TIME,
        };
        format!(
            "SELECT *, tidemill_fresh({}) OVER ({}ORDER BY {}) AS {} FROM {} WHERE {}",
            by.span.as_micros(),
            self.partition_by(),
            quoted(time),
            quoted(FRESH),
            quoted(&self.name()),
            by.when,
        )
    }

    /// What of that an edit must leave as it is.
    pub(crate) fn suppressed_lasting(&self, by: &Suppressed) -> String {
        self.suppressed(&Suppressed {
            when: ANY.to_owned(),
            span: by.span,
        })
    }

    /// The name of the stream that is made for these.
    pub(crate) fn suppressed_name(&self, rule: &str) -> String {
        format!("{}-{}", self.name(), hash(rule))
    }

    fn at_rows(&self, calls: &BTreeSet<&str>, rows: &str, frame: &str) -> String {
        let by = self.partition_by();
        let over = format!("OVER ({by}ORDER BY {} {frame})", quoted(&self.time));
        let calls = calls
            .iter()
            .map(|call| format!(", {call} {over} AS {}", quoted(call)));
        let calls: String = calls.collect();
        format!("SELECT *{calls} FROM {rows}")
    }

    fn at_ends(&self, calls: &BTreeSet<&str>, function: &str, lengths: &[Duration]) -> String {
        let keys = self.keys.iter().map(|key| quoted(key));
        let bounds = ["window_start", "window_end", window::LAST_TIME].map(str::to_owned);
        let by = keys.chain(bounds).collect::<Vec<_>>().join(", ");
        let calls = calls
            .iter()
            .map(|call| format!(", {call} AS {}", quoted(call)));
        let calls: String = calls.collect();
        let lengths: String = lengths
            .iter()
            .map(|length| format!(", {}", interval(*length)))
            .collect();
        // The newest edition of its rows judges a window.
        let edition = quoted(EDITION);
        let evidence = format!(
            "concat('{{\"count\":', CAST(count(*) AS VARCHAR), ',\"records\":[', {}({}), ']}}')",
            records::NAME,
            quoted(RECORD)
        );
        format!(
            "SELECT {by}{calls}, max({edition}) AS {edition}, {evidence} AS {} FROM {function}(TABLE {}, DESCRIPTOR({}){lengths}) GROUP BY {by}",
            quoted(EVIDENCE),
            quoted(&self.reads()),
            quoted(&self.time)
        )
    }

    fn partition_by(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(|key| quoted(key)).collect();
        match keys.is_empty() {
            true => String::new(),
            false => format!("PARTITION BY {} ", keys.join(", ")),
        }
    }
}

/// A condition that each of several holds for the rows of its editions.
pub(crate) fn either(conditions: &[(Editions, &str)]) -> String {
    if let [(Editions::ALL, condition)] = conditions {
        return (*condition).to_owned();
    }
    let edition = quoted(EDITION);
    let case = |(editions, condition): &(Editions, &str)| {
        let until = editions.to.unwrap_or(i64::MAX);
        let from = editions.from.max(0);
        format!(
            " WHEN {edition} BETWEEN {from} AND {} THEN {condition}",
            until - 1
        )
    };
    let cases: String = conditions.iter().map(case).collect();
    format!("CASE{cases} ELSE FALSE END")
}

fn hash(text: &str) -> String {
    format!("{:016x}", XxHash64::oneshot(0, text.as_bytes()))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn interval(length: Duration) -> String {
    let micros = length.as_micros();
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    format!("INTERVAL '{seconds}.{rest:06}' SECOND")
}
