//! The functions that a query may call.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use datafusion_expr::{AggregateUDF, ScalarUDF, Volatility};

use super::records;

/// Aggregates whose results do not depend on the order of rows, with a state that can be merged.
const AGGREGATES: &[&str] = &[
    "approx_distinct",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "max",
    "median",
    "min",
    "regr_avgx",
    "regr_avgy",
    "regr_count",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "stddev",
    "stddev_pop",
    "sum",
    records::NAME,
    "var",
    "var_pop",
];

/// Flink's name for the time at which a row comes by.
const PROCESSING_TIME: &str = "PROCTIME";

/// What a name in a call stands for.
pub(crate) enum Named {
    /// A function of one row that gives the same whenever it is called.
    Scalar,
    /// A function of a group.
    Aggregate,
    /// A function whose value changes from call to call.
    Volatile,
    /// An aggregate that a stream does not offer.
    Ordered,
    /// Nothing.
    Unknown,
}

static SCALARS: LazyLock<BTreeMap<String, Arc<ScalarUDF>>> = LazyLock::new(|| {
    let mut map = BTreeMap::new();
    for function in datafusion_functions::all_default_functions() {
        for alias in function.aliases() {
            map.insert(alias.clone(), Arc::clone(&function));
        }
        map.insert(function.name().to_owned(), function);
    }
    map
});

static AGGREGATE_MAP: LazyLock<BTreeMap<String, Arc<AggregateUDF>>> = LazyLock::new(|| {
    let mut map = BTreeMap::new();
    let all = datafusion_functions_aggregate::all_default_aggregate_functions();
    for function in all.into_iter().chain([records::records()]) {
        for alias in function.aliases() {
            map.insert(alias.clone(), Arc::clone(&function));
        }
        map.insert(function.name().to_owned(), function);
    }
    map
});

pub(crate) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    SCALARS.get(&name.to_lowercase()).cloned()
}

pub(crate) fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    AGGREGATE_MAP.get(&name.to_lowercase()).cloned()
}

/// What a name in a call stands for, in any case of letters.
pub(crate) fn lookup(name: &str) -> Named {
    if let Some(function) = scalar(name) {
        return match function.signature().volatility {
            Volatility::Immutable => Named::Scalar,
            Volatility::Stable | Volatility::Volatile => Named::Volatile,
        };
    }
    if name.eq_ignore_ascii_case(PROCESSING_TIME) {
        return Named::Volatile;
    }
    match aggregate(name) {
        Some(function) if AGGREGATES.contains(&function.name()) => Named::Aggregate,
        Some(_) => Named::Ordered,
        None => Named::Unknown,
    }
}

/// All names that a query may call.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    SCALARS
        .iter()
        .filter(|(_, f)| f.signature().volatility == Volatility::Immutable)
        .map(|(name, _)| name.as_str())
        .chain(
            AGGREGATE_MAP
                .iter()
                .filter(|(_, f)| AGGREGATES.contains(&f.name()) && f.name() != records::NAME)
                .map(|(name, _)| name.as_str()),
        )
}
