//! Avro schemas: from their JSON to what must be known to walk over a record.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::TimeUnit;
use serde_json::{Map, Value};

/// A type.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Null,
    Boolean,
    /// `int` and `long`: both are written alike.
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Arc<[String]>),
    Array(Arc<Node>),
    Map(Arc<Node>),
    Union(Arc<[Node]>),
    /// An index into [`Schema::records`].
    Record(usize),
    /// Big-endian two's complement, in so many bytes; `None` where their number is written.
    Decimal {
        scale: u8,
        size: Option<usize>,
    },
    Date,
    Timestamp(TimeUnit),
}

/// A field of a record.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) node: Node,
}

/// A schema with all that it names.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) root: Node,
    pub(super) records: Vec<Vec<Field>>,
}

impl Schema {
    /// Reads a schema and those that it refers to, which come first.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, references: &[(String, String)]) -> Result<Self, String> {
        let mut parser = Parser::default();
        for (name, text) in references {
            let parsed = json(text).and_then(|value| parser.node(&value, ""));
            parsed.map_err(|why| format!("the schema `{name}`, which it refers to: {why}"))?;
        }
        let root = parser.node(&json(text)?, "")?;
        Ok(Self {
            root,
            records: parser.records,
        })
    }
}

fn json(text: &str) -> Result<Value, String> {
    // A primitive type may stand alone, without quotes.
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(_) if primitive(text.trim()).is_some() => Ok(Value::from(text.trim())),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

#[derive(Default)]
struct Parser {
    names: HashMap<String, Node>,
    records: Vec<Vec<Field>>,
}

impl Parser {
    fn node(&mut self, value: &Value, namespace: &str) -> Result<Node, String> {
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(branches) => {
                let branches = branches.iter().map(|branch| self.node(branch, namespace));
                Ok(Node::Union(branches.collect::<Result<_, _>>()?))
            }
            Value::Object(object) => self.object(object, namespace),
            other => Err(format!("{other} is no type")),
        }
    }

    fn named(&self, name: &str, namespace: &str) -> Result<Node, String> {
        if let Some(node) = primitive(name) {
            return Ok(node);
        }
        let found = self.names.get(&full_name(name, namespace));
        found
            .or_else(|| self.names.get(name))
            .cloned()
            .ok_or_else(|| format!("it names the type `{name}`, which is not defined"))
    }

    fn object(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Node, String> {
        let kind = object.get("type").ok_or("a type has no `type`")?;
        let Value::String(kind) = kind else {
            return self.node(kind, namespace);
        };
        match kind.as_str() {
            "record" | "error" => self.record(object, namespace),
            "enum" => {
                let symbols = list(object, "symbols")?.iter().map(|symbol| {
                    let symbol = symbol.as_str().ok_or("a symbol of an enum is no text")?;
                    Ok(symbol.to_owned())
                });
                let node = Node::Enum(symbols.collect::<Result<_, String>>()?);
                self.define(object, namespace, node)
            }
            "fixed" => {
                let size = object.get("size").and_then(Value::as_u64);
                let size = size.and_then(|size| usize::try_from(size).ok());
                let size = size.ok_or("a fixed type has no `size`")?;
                let node = logical(Node::Fixed(size), object)?;
                self.define(object, namespace, node)
            }
            "array" => {
                let items = object.get("items").ok_or("an array has no `items`")?;
                Ok(Node::Array(Arc::new(self.node(items, namespace)?)))
            }
            "map" => {
                let values = object.get("values").ok_or("a map has no `values`")?;
                Ok(Node::Map(Arc::new(self.node(values, namespace)?)))
            }
            name => logical(self.named(name, namespace)?, object),
        }
    }

    fn record(&mut self, object: &Map<String, Value>, namespace: &str) -> Result<Node, String> {
        let index = self.records.len();
        self.records.push(Vec::new());
        // A record may hold itself: it is defined before its fields are read.
        let node = self.define(object, namespace, Node::Record(index))?;
        let namespace = namespace_of(object, namespace);
        let mut fields = Vec::new();
        for field in list(object, "fields")? {
            let name = field.get("name").and_then(Value::as_str);
            let name = name.ok_or("a field has no `name`")?.to_owned();
            let kind = field.get("type").ok_or("a field has no `type`")?;
            let node = self.node(kind, &namespace)?;
            fields.push(Field { name, node });
        }
        if let Some(record) = self.records.get_mut(index) {
            *record = fields;
        }
        Ok(node)
    }

    fn define(
        &mut self,
        object: &Map<String, Value>,
        namespace: &str,
        node: Node,
    ) -> Result<Node, String> {
        let name = object.get("name").and_then(Value::as_str);
        let name = name.ok_or("a named type has no `name`")?;
        let namespace = object
            .get("namespace")
            .and_then(Value::as_str)
            .unwrap_or(namespace);
        self.names.insert(full_name(name, namespace), node.clone());
        Ok(node)
    }
}

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" | "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::String,
        _ => return None,
    })
}

/// The namespace of the names inside a record.
fn namespace_of(object: &Map<String, Value>, around: &str) -> String {
    let text = |field| object.get(field).and_then(Value::as_str);
    let own = text("name").and_then(|name| name.rsplit_once('.'));
    match (own, text("namespace")) {
        (Some((namespace, _)), _) => namespace.to_owned(),
        (None, Some(namespace)) => namespace.to_owned(),
        (None, None) => around.to_owned(),
    }
}

fn full_name(name: &str, namespace: &str) -> String {
    if name.contains('.') || namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

fn list<'a>(object: &'a Map<String, Value>, field: &str) -> Result<&'a Vec<Value>, String> {
    let found = object.get(field).and_then(Value::as_array);
    found.ok_or_else(|| format!("a type has no `{field}`"))
}

/// What a type means beyond what is written: Avro's logical types, and those that Debezium gives by a name of its own.
fn logical(node: Node, object: &Map<String, Value>) -> Result<Node, String> {
    let text = |field| object.get(field).and_then(Value::as_str);
    let meaning = text("logicalType").or_else(|| text("connect.name"));
    Ok(match (meaning, node) {
        (Some("decimal"), node @ (Node::Bytes | Node::Fixed(_))) => {
            let scale = object.get("scale").map_or(Some(0), Value::as_u64);
            let scale = scale.and_then(|scale| u8::try_from(scale).ok());
            let scale = scale.filter(|scale| *scale <= 127);
            Node::Decimal {
                scale: scale.ok_or("a decimal has no `scale` from 0 to 127")?,
                size: match node {
                    Node::Fixed(size) => Some(size),
                    _ => None,
                },
            }
        }
        (Some("date" | "io.debezium.time.Date"), Node::Long) => Node::Date,
        (
            Some("timestamp-millis" | "local-timestamp-millis" | "io.debezium.time.Timestamp"),
            Node::Long,
        ) => Node::Timestamp(TimeUnit::Millisecond),
        (
            Some("timestamp-micros" | "local-timestamp-micros" | "io.debezium.time.MicroTimestamp"),
            Node::Long,
        ) => Node::Timestamp(TimeUnit::Microsecond),
        (
            Some("timestamp-nanos" | "local-timestamp-nanos" | "io.debezium.time.NanoTimestamp"),
            Node::Long,
        ) => Node::Timestamp(TimeUnit::Nanosecond),
        // A logical type that is not known, or not of this type, means nothing: so says the specification.
        (_, node) => node,
    })
}
