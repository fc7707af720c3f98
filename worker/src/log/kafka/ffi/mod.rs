//! The calls to librdkafka that the `rdkafka` crate has no safe form of: reading and writing in batches, transactions
//! that say exactly what failed, and the group's metadata. Everything that leaves this module is safe to use.
#![allow(unsafe_code)]

mod reading;
mod writing;

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::bindings as rd;
use rdkafka::client::Client;

pub(super) use reading::{
    Fetched, GroupMetadata, Note, PartitionQueue, events_waiting, offset_metadata,
};
pub(super) use writing::{Lent, Producer, Row, TxnError, lend};

/// Adds servers to those that a client begins with. Those it knows already are not added twice.
pub(super) fn add_brokers<C: ClientContext>(client: &Client<C>, servers: &str) {
    if let Ok(servers) = CString::new(servers) {
        // SAFETY: the client is alive; librdkafka copies the text.
        unsafe { rd::rd_kafka_brokers_add(client.native_ptr(), servers.as_ptr()) };
    }
}

/// A call's time limit as librdkafka takes it.
fn millis(limit: Duration) -> c_int {
    c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX)
}

/// A C string that librdkafka owns, copied; null is empty.
///
/// # Safety
/// `text` is null or points at a NUL-terminated string that lives for the length of this call.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// Bytes behind a pointer; null is `None`.
///
/// # Safety
/// `data` is null or points at `len` bytes that neither move nor change during `'a`.
unsafe fn bytes<'a>(data: *const c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!data.is_null()).then(|| unsafe { std::slice::from_raw_parts(data.cast::<u8>(), len) })
}
