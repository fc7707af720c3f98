//! A case as it is written: sections that begin with a line at the margin, and go on indented.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::IgnoredAny;

use crate::table::{Table, cells};

/// One case.
#[derive(Debug)]
pub(crate) struct Case {
    /// Its file, below the folder of all cases.
    pub(crate) file: String,
    pub(crate) sources: Vec<Source>,
    pub(crate) streams: Vec<Stream>,
    /// What comes, in the order of arrival.
    pub(crate) input: Vec<Event>,
    /// What each stream finally holds.
    pub(crate) rows: BTreeMap<String, Table>,
    /// Dead letters without a record: rows that the engine made.
    pub(crate) dead_letters: Vec<[String; 3]>,
    /// What the planner says, where it refuses the case.
    pub(crate) errors: Option<Vec<String>>,
}

/// A source.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    /// Further fields of the manifest, as lines of YAML.
    pub(crate) fields: Vec<String>,
    /// How many partitions it has.
    pub(crate) partitions: usize,
}

impl Source {
    /// Whether it is a table, which is loaded before what comes after it is read.
    pub(crate) fn is_table(&self) -> bool {
        self.fields.iter().any(|f| f.starts_with("table:"))
    }
}

/// A column of a source: `NAME TYPE [required] [from PATH]`.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) required: bool,
    pub(crate) from: Option<String>,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) name: String,
    /// Further fields of the manifest, as lines of YAML.
    pub(crate) fields: Vec<String>,
    pub(crate) sql: String,
}

/// Something that comes, or a look at what is there.
#[derive(Debug)]
pub(crate) enum Event {
    Record(Record),
    /// A partition of a source from which nothing comes for a while.
    Idle(usize, usize),
    /// What a stream holds so far.
    SoFar(String, Table),
}

/// A record, and what becomes of it where that is not the usual.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) source: usize,
    pub(crate) partition: usize,
    pub(crate) key: Option<String>,
    pub(crate) value: Option<String>,
    pub(crate) fates: Vec<Fate>,
}

/// `REASON [in STREAM]`: a dead letter of a stream, or of the source.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fate {
    pub(crate) reason: String,
    pub(crate) stream: String,
}

impl Fate {
    /// Counted, and in no dead letter.
    pub(crate) const DROPPED: &str = "Dropped";
    /// Left out by the batch query alone.
    pub(crate) const ABSENT: &str = "Absent";
}

/// A section: its first line, and those below it.
struct Section<'a> {
    line: usize,
    head: &'a str,
    rest: &'a str,
    body: Vec<&'a str>,
}

impl Case {
    /// Reads a case.
    pub(crate) fn read(path: &Path) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
        let file = path.strip_prefix(root).unwrap().display().to_string();
        let text = std::fs::read_to_string(path).unwrap();
        let mut case = Self {
            file,
            sources: Vec::new(),
            streams: Vec::new(),
            input: Vec::new(),
            rows: BTreeMap::new(),
            dead_letters: Vec::new(),
            errors: None,
        };
        assert!(
            text.starts_with("-- "),
            "{}: the first line says what is shown",
            case.file
        );
        for section in sections(&text) {
            let taken = case.take(&section);
            taken.unwrap_or_else(|e| panic!("{}, line {}: {e}", case.file, section.line));
        }
        case
    }

    fn take(&mut self, section: &Section<'_>) -> Result<(), String> {
        let words: Vec<&str> = section.head.split_whitespace().collect();
        match words.as_slice() {
            ["source", name] => self.sources.push(source(name, section)?),
            ["stream", name] => {
                let (fields, sql) = split_fields(&section.body);
                self.streams.push(Stream {
                    name: (*name).to_owned(),
                    fields,
                    sql: dedent(&sql),
                });
            }
            ["input", name] => self.input(name, &section.body)?,
            ["rows", name] => {
                self.known(name)?;
                let table = Table::read(section.body.iter().copied())?;
                if self.rows.insert((*name).to_owned(), table).is_some() {
                    return Err(format!("the rows of {name} are there already"));
                }
            }
            ["rows", name, "so", "far"] => {
                self.known(name)?;
                let table = Table::read(section.body.iter().copied())?;
                self.input.push(Event::SoFar((*name).to_owned(), table));
            }
            ["dead", "letters"] => {
                for row in Table::read(section.body.iter().copied())?.rows {
                    let row = row.try_into();
                    self.dead_letters
                        .push(row.map_err(|_| "write stream, reason and value")?);
                }
            }
            ["errors"] => {
                let lines = section.body.iter().map(|l| l.trim().to_owned());
                self.errors = Some(lines.filter(|l| !l.is_empty()).collect());
            }
            ["batch", name] => self.known(name)?,
            _ => return Err(format!("there is no section `{}`", section.head)),
        }
        Ok(())
    }

    fn known(&self, stream: &str) -> Result<(), String> {
        let known = self.streams.iter().any(|s| s.name == stream);
        known
            .then_some(())
            .ok_or(format!("there is no stream `{stream}` above"))
    }

    fn input(&mut self, name: &str, lines: &[&str]) -> Result<(), String> {
        let source = self.sources.iter().position(|s| s.name == name);
        let source = source.ok_or(format!("there is no source `{name}` above"))?;
        let mut table = Table::default();
        for line in lines.iter().map(|l| l.trim()).filter(|l| !l.is_empty()) {
            let event = if let Some(partition) = line.strip_prefix("idle") {
                Event::Idle(source, number(partition)?)
            } else if let Some((cells, comment)) = cells(line) {
                table.add(cells)?;
                let Some(cells) = table.rows.pop() else {
                    continue;
                };
                Event::Record(tabled(source, &table.names, &cells, fates(comment))?)
            } else {
                Event::Record(raw(source, line)?)
            };
            let (Event::Idle(_, partition) | Event::Record(Record { partition, .. })) = &event
            else {
                continue;
            };
            let partitions = &mut self.sources[source].partitions;
            *partitions = (*partitions).max(partition + 1);
            self.input.push(event);
        }
        Ok(())
    }
}

fn sections(text: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.starts_with("--") {
            continue;
        }
        if line.is_empty() || line.starts_with(' ') {
            if let Some(section) = sections.last_mut() {
                section.body.push(line);
            }
            continue;
        }
        let (head, rest) = line.split_once(':').unwrap_or((line, ""));
        sections.push(Section {
            line: number + 1,
            head,
            rest,
            body: Vec::new(),
        });
    }
    sections
}

fn source(name: &str, section: &Section<'_>) -> Result<Source, String> {
    let (fields, more) = split_fields(&section.body);
    let columns = format!("{} {}", section.rest, more.join(" "));
    let columns = split_outside_parentheses(&columns);
    Ok(Source {
        name: name.to_owned(),
        columns: columns
            .iter()
            .map(|c| column(c))
            .collect::<Result<_, _>>()?,
        fields,
        partitions: 1,
    })
}

fn column(text: &str) -> Result<Column, String> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let usage = format!("`{text}` is no column: write NAME TYPE [required] [from PATH]");
    let [name, kind, rest @ ..] = words.as_slice() else {
        return Err(usage);
    };
    let (required, from) = match rest {
        [] => (false, None),
        ["required"] => (true, None),
        ["from", path] => (false, Some((*path).to_owned())),
        ["required", "from", path] => (true, Some((*path).to_owned())),
        _ => return Err(usage),
    };
    Ok(Column {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        required,
        from,
    })
}

/// Splits at commas that are in no parentheses.
fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut depth = 0;
    let parts = text.split(|c| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        c == ',' && depth == 0
    });
    parts.map(str::trim).filter(|p| !p.is_empty()).collect()
}

/// The lines `name: value` at the top of a section, and the rest.
fn split_fields<'a>(body: &[&'a str]) -> (Vec<String>, Vec<&'a str>) {
    let is_field = |line: &&&str| {
        let name = line.trim().split_once(": ").map(|(name, _)| name);
        name.is_some_and(|n| n.chars().all(|c| c.is_ascii_alphabetic()))
    };
    let count = body.iter().take_while(is_field).count();
    let fields = body.iter().take(count).map(|l| l.trim().to_owned());
    (fields.collect(), body[count..].to_vec())
}

fn dedent(lines: &[&str]) -> String {
    let full = lines.iter().filter(|l| !l.trim().is_empty());
    let margin = full.map(|l| l.len() - l.trim_start().len()).min();
    let cut = |line: &&str| {
        line.get(margin.unwrap_or(0)..)
            .unwrap_or("")
            .trim_end()
            .to_owned()
    };
    let lines: Vec<String> = lines.iter().map(cut).collect();
    lines.join("\n").trim_end().to_owned()
}

fn number(text: &str) -> Result<usize, String> {
    match text.trim() {
        "" => Ok(0),
        text => text
            .parse()
            .map_err(|_| format!("`{text}` is no partition")),
    }
}

/// A record told cell by cell. A column `#` is its partition, `@key` its key; a row of empty cells is a null value.
fn tabled(
    source: usize,
    names: &[String],
    cells: &[String],
    fates: Vec<Fate>,
) -> Result<Record, String> {
    let mut record = Record {
        source,
        partition: 0,
        key: None,
        value: None,
        fates,
    };
    let mut fields = Vec::new();
    for (name, cell) in names.iter().zip(cells).filter(|(_, cell)| !cell.is_empty()) {
        match name.as_str() {
            "#" => record.partition = number(cell)?,
            "@key" => record.key = Some(cell.clone()),
            name => fields.push(format!("{}: {}", quoted(name), json(cell))),
        }
    }
    if !fields.is_empty() {
        record.value = Some(format!("{{{}}}", fields.join(", ")));
    }
    Ok(record)
}

/// A record as it is, `[PARTITION>] VALUE`.
fn raw(source: usize, line: &str) -> Result<Record, String> {
    let (value, comment) = line.rsplit_once(" -- ").unwrap_or((line, ""));
    let (partition, value) = match value.split_once("> ") {
        Some((p, value)) if p.chars().all(|c| c.is_ascii_digit()) => (number(p)?, value),
        _ => (0, value),
    };
    Ok(Record {
        source,
        partition,
        key: None,
        value: Some(value.trim().to_owned()),
        fates: fates(comment),
    })
}

/// What the comment on a record expects: `REASON [in STREAM]; …`. Any other comment is for people.
fn fates(comment: &str) -> Vec<Fate> {
    let comment = comment.trim().trim_start_matches("--");
    let fates = comment.split(';').filter_map(|fate| {
        let words: Vec<&str> = fate.split_whitespace().collect();
        let (reason, stream) = match words.as_slice() {
            [reason] => (reason, ""),
            [reason, "in", stream] => (reason, *stream),
            _ => return None,
        };
        Some(Fate {
            reason: (*reason).to_owned(),
            stream: stream.to_owned(),
        })
    });
    fates
        .filter(|f| f.reason.starts_with(char::is_uppercase))
        .collect()
}

/// A cell as JSON: as written if it is that, or else as text.
fn json(cell: &str) -> String {
    match serde_json::from_str::<IgnoredAny>(cell) {
        Ok(_) => cell.to_owned(),
        Err(_) => quoted(cell),
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
