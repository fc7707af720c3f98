//! Protobuf schemas: from the text of .proto files to how the fields of their messages are read.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::TimeUnit;
use prost_reflect::{FieldDescriptor, FileDescriptor, Kind as Described, MessageDescriptor};
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use crate::decode::datum::Datum;
use crate::decode::wanted::Wanted;

/// The name that the text in hand gets among its imports.
pub(super) const FILE: &str = "tidemill.schema.proto";

/// Files that Confluent's registry has without their being registered.
const KNOWN: [(&str, &str); 4] = [
    (
        "confluent/type/decimal.proto",
        "syntax = \"proto3\"; package confluent.type;
        message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }",
    ),
    (
        "confluent/meta.proto",
        "syntax = \"proto3\"; package confluent; import \"google/protobuf/descriptor.proto\";
        message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
        extend google.protobuf.FileOptions { Meta file_meta = 1088; }
        extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
        extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
        extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
        extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }",
    ),
    (
        "google/type/date.proto",
        "syntax = \"proto3\"; package google.type;
        message Date { int32 year = 1; int32 month = 2; int32 day = 3; }",
    ),
    (
        "google/type/decimal.proto",
        "syntax = \"proto3\"; package google.type; message Decimal { string value = 1; }",
    ),
];

/// How the fields of a message are read, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Level {
    pub(super) fields: HashMap<u32, Field>,
}

/// How a field is read that is wanted, or inside which something is.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) slot: Option<usize>,
    pub(super) kind: Kind,
    /// Whether it is its type's default where it is not there; else it is null.
    pub(super) has_default: bool,
    /// The slots inside it, where it has no fields that could be read.
    pub(super) blocks: std::ops::Range<usize>,
}

/// A field's type.
#[derive(Debug)]
pub(super) enum Kind {
    Boolean,
    Int32,
    Int64,
    UInt,
    SInt,
    Fixed32,
    Fixed64,
    SFixed32,
    SFixed64,
    Float,
    Double,
    Text,
    Bytes,
    Enum(Arc<HashMap<i32, String>>),
    Message(Message),
    /// Any number of values, in the words of a message.
    Many(&'static str),
}

/// A message within a message.
#[derive(Debug)]
pub(super) enum Message {
    /// Its fields are read.
    Level(Level),
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.type.Date`.
    Date,
    /// `confluent.type.Decimal`.
    Decimal,
    /// A message of one field, `value`, that stands for it: `google.protobuf.StringValue` and its like.
    Wrapper(Box<Kind>),
}

/// The messages of a schema that a record may be, each by the path of indices that leads to it.
#[derive(Debug)]
pub(super) struct Schema {
    messages: HashMap<Vec<usize>, Level>,
}

impl Schema {
    /// Reads a schema and the files that it imports, and finds in each of its messages what is wanted.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(
        text: &str,
        references: &[(String, String)],
        wanted: &Wanted,
    ) -> Result<Self, String> {
        let file = compile(text, references)?;
        let mut messages = HashMap::new();
        collect(file.messages(), &mut Vec::new(), wanted, &mut messages);
        Ok(Self { messages })
    }

    /// The message at a path of indices.
    pub(super) fn at(&self, path: &[usize]) -> Option<&Level> {
        self.messages.get(path)
    }
}

/// How the records of a schema are read that are all one message: the one of this name, or the only one.
///
/// # Errors
/// What is wrong with it.
pub(super) fn one(text: &str, name: Option<&str>, wanted: &Wanted) -> Result<Level, String> {
    let file = compile(text, &[])?;
    let names = || {
        let names = file
            .messages()
            .map(|message| message.full_name().to_owned());
        names.collect::<Vec<_>>().join(", ")
    };
    let message = match name {
        Some(name) => file
            .parent_pool()
            .get_message_by_name(name)
            .ok_or_else(|| format!("it has no message `{name}`; it has {}", names()))?,
        None => {
            let mut messages = file.messages();
            match (messages.next(), messages.next()) {
                (Some(message), None) => message,
                (None, _) => return Err("it has no message".to_owned()),
                (Some(_), Some(_)) => {
                    return Err(format!(
                        "say which message a record is, by `message`: {}",
                        names()
                    ));
                }
            }
        }
    };
    Ok(Level::new(&message, wanted))
}

pub(super) struct Files(HashMap<String, String>);

impl FileResolver for Files {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(text) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// A schema, those that it refers to, and those that need not be said.
pub(super) fn files(text: &str, references: &[(String, String)]) -> Files {
    let known = KNOWN.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let mut files: HashMap<String, String> = known.into();
    files.extend(references.iter().cloned());
    files.insert(FILE.to_owned(), text.to_owned());
    Files(files)
}

fn compile(text: &str, references: &[(String, String)]) -> Result<FileDescriptor, String> {
    let mut resolver = ChainFileResolver::new();
    resolver.add(files(text, references));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler
        .open_file(FILE)
        .map_err(|error| error.to_string())?;
    let pool = compiler.descriptor_pool();
    let file = pool.get_file_by_name(FILE);
    file.ok_or_else(|| "it cannot be read".to_owned())
}

fn collect(
    messages: impl Iterator<Item = MessageDescriptor>,
    path: &mut Vec<usize>,
    wanted: &Wanted,
    found: &mut HashMap<Vec<usize>, Level>,
) {
    for (index, message) in messages.enumerate() {
        path.push(index);
        found.insert(path.clone(), Level::new(&message, wanted));
        collect(message.child_messages(), path, wanted, found);
        path.pop();
    }
}

impl Level {
    fn new(message: &MessageDescriptor, wanted: &Wanted) -> Self {
        let fields = wanted.fields.iter().filter_map(|(name, wanted)| {
            let field = message.get_field_by_name(name)?;
            Some((field.number(), Field::new(&field, wanted)))
        });
        Self {
            fields: fields.collect(),
        }
    }
}

impl Field {
    fn new(field: &FieldDescriptor, wanted: &Wanted) -> Self {
        let kind = match field {
            _ if field.is_map() => Kind::Many("a map"),
            _ if field.is_list() => Kind::Many("a list"),
            _ => Kind::new(&field.kind(), wanted),
        };
        let inside = wanted.first + usize::from(wanted.slot.is_some())..wanted.end;
        let blocks = match &kind {
            Kind::Message(Message::Level(_)) => inside.start..inside.start,
            _ => inside,
        };
        Self {
            slot: wanted.slot,
            has_default: !field.supports_presence() && !field.is_list() && !field.is_map(),
            kind,
            blocks,
        }
    }
}

impl Kind {
    fn new(kind: &Described, wanted: &Wanted) -> Self {
        match kind {
            Described::Bool => Self::Boolean,
            Described::Int32 => Self::Int32,
            Described::Int64 => Self::Int64,
            Described::Uint32 | Described::Uint64 => Self::UInt,
            Described::Sint32 | Described::Sint64 => Self::SInt,
            Described::Fixed32 => Self::Fixed32,
            Described::Fixed64 => Self::Fixed64,
            Described::Sfixed32 => Self::SFixed32,
            Described::Sfixed64 => Self::SFixed64,
            Described::Float => Self::Float,
            Described::Double => Self::Double,
            Described::String => Self::Text,
            Described::Bytes => Self::Bytes,
            Described::Enum(described) => {
                let values = described.values();
                let values = values.map(|value| (value.number(), value.name().to_owned()));
                Self::Enum(Arc::new(values.collect()))
            }
            Described::Message(message) => Self::Message(Message::new(message, wanted)),
        }
    }

    /// What the field is where it is not there.
    pub(super) fn default(&self) -> Datum<'_> {
        match self {
            Self::Boolean => Datum::Boolean(false),
            Self::Int32
            | Self::Int64
            | Self::SInt
            | Self::SFixed32
            | Self::SFixed64
            | Self::UInt
            | Self::Fixed32
            | Self::Fixed64 => Datum::Int(0),
            Self::Float => Datum::Float(0.0),
            Self::Double => Datum::Double(0.0),
            Self::Text => Datum::Text(b""),
            Self::Bytes => Datum::Bytes(b""),
            Self::Enum(symbols) => match symbols.get(&0) {
                Some(symbol) => Datum::Text(symbol.as_bytes()),
                None => Datum::Int(0),
            },
            Self::Message(_) | Self::Many(_) => Datum::Absent,
        }
    }
}

impl Message {
    fn new(message: &MessageDescriptor, wanted: &Wanted) -> Self {
        match message.full_name() {
            "google.protobuf.Timestamp" => Self::Timestamp,
            "google.type.Date" => Self::Date,
            "confluent.type.Decimal" => Self::Decimal,
            "google.protobuf.DoubleValue"
            | "google.protobuf.FloatValue"
            | "google.protobuf.Int64Value"
            | "google.protobuf.UInt64Value"
            | "google.protobuf.Int32Value"
            | "google.protobuf.UInt32Value"
            | "google.protobuf.BoolValue"
            | "google.protobuf.StringValue"
            | "google.protobuf.BytesValue"
            | "google.type.Decimal" => {
                let value = message.get_field_by_name("value");
                let nothing = Wanted::default();
                match value {
                    Some(value) => Self::Wrapper(Box::new(Kind::new(&value.kind(), &nothing))),
                    None => Self::Level(Level::default()),
                }
            }
            _ => Self::Level(Level::new(message, wanted)),
        }
    }
}

/// The unit of `google.protobuf.Timestamp` as it is read.
pub(super) const UNIT: TimeUnit = TimeUnit::Microsecond;
