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
    }
}
