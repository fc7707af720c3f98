//! What records look like, as they are read and as they are written.

use tidemill_crds::sink::Timestamps;

/// How the records of a source are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    /// JSON objects.
    Json,
    /// Lines of fields.
    Csv {
        /// How fields are told apart.
        dialect: Csv,
        /// For each of the source's columns the index of its field in the line.
        fields: Vec<usize>,
    },
    /// The whole record is the only column.
    Raw,
    /// Changes of a table's rows as Debezium writes them, in JSON, with or without their schema around them.
    Debezium,
    /// Avro's binary encoding.
    Avro {
        /// Where the schemas are known.
        schemas: Schemas,
        /// Whether the records are changes of a table's rows, as Debezium writes them.
        changes: bool,
    },
    /// Protobuf's binary encoding.
    Protobuf {
        /// Where the schemas are known.
        schemas: Schemas,
        /// The message that records are, of a schema given as text with several.
        message: Option<String>,
    },
}

impl Format {
    /// The registry that knows the schemas of the records, if there is one.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        match self {
            Self::Avro {
                schemas: Schemas::Registry(registry),
                ..
            }
            | Self::Protobuf {
                schemas: Schemas::Registry(registry),
                ..
            } => Some(registry),
            _ => None,
        }
    }
}

/// Where the schemas of records are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Schemas {
    /// Each record has the number of its schema in a registry.
    Registry(Registry),
    /// All records are of this one.
    Text(String),
}

impl Schemas {
    /// The one schema, if there is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Registry(_) => None,
        }
    }
}

/// A schema registry with Confluent's API.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Registry {
    /// Its address.
    pub url: String,
    /// The name of the Secret with the credentials for it.
    pub secret: Option<String>,
    /// The subject under which schemas are asked for or registered; `None` asks by their number alone.
    pub subject: Option<String>,
}

/// How the fields of a line are told apart. All characters are of ASCII.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Csv {
    /// Stands between fields.
    pub delimiter: u8,
    /// Stands around a field; `None` where none is quoted.
    pub quote: Option<u8>,
    /// The text that means null where it is not quoted.
    pub null: String,
}

/// How the rows of an output are written to a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written {
    /// JSON objects.
    Json {
        /// How times are written.
        timestamps: Timestamps,
    },
    /// Lines of fields; the dialect has a quote.
    Csv {
        /// How fields are told apart.
        dialect: Csv,
        /// How times are written.
        timestamps: Timestamps,
    },
    /// The only column as text.
    Raw {
        /// How times are written.
        timestamps: Timestamps,
    },
    /// Avro's binary encoding, after the number of its schema.
    Avro {
        /// Where the schema is registered.
        registry: Registry,
        /// The name of the records.
        name: String,
    },
    /// Protobuf's binary encoding, after the number of its schema.
    Protobuf {
        /// Where the schema is registered.
        registry: Registry,
        /// The name of the message.
        name: String,
    },
}

impl Written {
    /// The registry in which the schema of the rows is registered, if there is one.
    #[must_use]
    pub fn registry(&self) -> Option<&Registry> {
        match self {
            Self::Avro { registry, .. } | Self::Protobuf { registry, .. } => Some(registry),
            Self::Json { .. } | Self::Csv { .. } | Self::Raw { .. } => None,
        }
    }
}
