//! The columns of the records that a generated source makes.

use tidemill_crds::ColumnType;

use crate::model::GeneratorKind;

const AMOUNT: ColumnType = ColumnType::Decimal {
    precision: 12,
    scale: 2,
};

/// Names and types of all columns of a kind, in order.
#[must_use]
pub fn generator_columns(kind: GeneratorKind) -> &'static [(&'static str, ColumnType)] {
    match kind {
        GeneratorKind::Transactions => &[
            ("tx_id", ColumnType::String),
            ("customer_id", ColumnType::String),
            ("account", ColumnType::Int64),
            ("amount", AMOUNT),
            ("currency", ColumnType::String),
            ("category", ColumnType::String),
            ("merchant", ColumnType::String),
            ("type", ColumnType::String),
            ("ts", ColumnType::Timestamp),
            ("is_fraud", ColumnType::Boolean),
            ("fraud_kind", ColumnType::String),
        ],
        GeneratorKind::Customers => &[
            ("customer_id", ColumnType::String),
            ("account", ColumnType::Int64),
            ("name", ColumnType::String),
            ("email", ColumnType::String),
            ("birthdate", ColumnType::Date),
            ("country", ColumnType::String),
            ("ts", ColumnType::Timestamp),
        ],
        GeneratorKind::NexmarkPeople => &[
            ("id", ColumnType::Int64),
            ("name", ColumnType::String),
            ("emailAddress", ColumnType::String),
            ("creditCard", ColumnType::String),
            ("city", ColumnType::String),
            ("state", ColumnType::String),
            ("dateTime", ColumnType::Timestamp),
            ("extra", ColumnType::String),
        ],
        GeneratorKind::NexmarkAuctions => &[
            ("id", ColumnType::Int64),
            ("itemName", ColumnType::String),
            ("description", ColumnType::String),
            ("initialBid", ColumnType::Int64),
            ("reserve", ColumnType::Int64),
            ("dateTime", ColumnType::Timestamp),
            ("expires", ColumnType::Timestamp),
            ("seller", ColumnType::Int64),
            ("category", ColumnType::Int64),
            ("extra", ColumnType::String),
        ],
        GeneratorKind::NexmarkBids => &[
            ("auction", ColumnType::Int64),
            ("bidder", ColumnType::Int64),
            ("price", ColumnType::Int64),
            ("channel", ColumnType::String),
            ("url", ColumnType::String),
            ("dateTime", ColumnType::Timestamp),
            ("extra", ColumnType::String),
        ],
    }
}
