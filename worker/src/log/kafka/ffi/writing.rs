//! Writing in batches, and transactions.

use std::collections::HashMap;
use std::ffi::{CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};

use super::{GroupMetadata, millis, owned};
use crate::log::kafka::context::Context;

/// What a transactional call failed with, and what librdkafka says can be done about it.
#[derive(Debug, Clone)]
pub(in crate::log::kafka) struct TxnError {
    /// Its code.
    pub(in crate::log::kafka) code: RDKafkaErrorCode,
    /// What happened.
    pub(in crate::log::kafka) text: String,
    /// The same call may be made again.
    pub(in crate::log::kafka) retriable: bool,
    /// The transaction must be aborted.
    pub(in crate::log::kafka) abort: bool,
    /// The producer is done for.
    pub(in crate::log::kafka) fatal: bool,
}

impl TxnError {
    /// Takes the error over; null is success.
    ///
    /// # Safety
    /// `error` is null or an error that is ours to destroy.
    unsafe fn check(error: *mut rd::rd_kafka_error_t) -> Result<(), Self> {
        if error.is_null() {
            return Ok(());
        }
        // SAFETY: the caller's promise; nothing of it is kept.
        unsafe {
            let taken = Self {
                code: rd::rd_kafka_error_code(error).into(),
                text: owned(rd::rd_kafka_error_string(error)),
                retriable: rd::rd_kafka_error_is_retriable(error) != 0,
                abort: rd::rd_kafka_error_txn_requires_abort(error) != 0,
                fatal: rd::rd_kafka_error_is_fatal(error) != 0,
            };
            rd::rd_kafka_error_destroy(error);
            Err(taken)
        }
    }

    /// A record that was not taken: the transaction cannot go on without it.
    fn refused(code: RDKafkaErrorCode, topic: &str) -> Self {
        let text = format!("a record for topic {topic} was not taken: {code}");
        Self {
            code,
            text,
            retriable: false,
            abort: true,
            fatal: false,
        }
    }
}

/// Bytes of a record to write.
#[derive(Debug, Clone, Copy)]
pub(in crate::log::kafka) struct Row<'env> {
    /// The key.
    pub(in crate::log::kafka) key: Option<&'env [u8]>,
    /// The value; `None` is a tombstone.
    pub(in crate::log::kafka) value: Option<&'env [u8]>,
}

/// A transactional producer without delivery reports: a commit says itself whether everything was delivered.
pub(in crate::log::kafka) struct Producer {
    topics: HashMap<String, NonNull<rd::rd_kafka_topic_t>>,
    client: Client<Context>,
}

// SAFETY: librdkafka's handles may be used from any thread; the rest is `Send` by itself.
unsafe impl Send for Producer {}

unsafe extern "C" fn on_log(
    _: *const rd::rd_kafka_t,
    level: c_int,
    facility: *const c_char,
    text: *const c_char,
) {
    // SAFETY: librdkafka passes two strings that live for the length of the call.
    let (facility, text) = unsafe { (owned(facility), owned(text)) };
    let level = match level {
        0..=3 => RDKafkaLogLevel::Error,
        4 => RDKafkaLogLevel::Warning,
        5 | 6 => RDKafkaLogLevel::Info,
        _ => RDKafkaLogLevel::Debug,
    };
    Context::default().log(level, &facility, &text);
}

impl Producer {
    /// A client that has not talked to anybody yet.
    pub(in crate::log::kafka) fn open(config: &ClientConfig) -> Result<Self, KafkaError> {
        let native = config.create_native_config()?;
        // SAFETY: the configuration is ours until the client takes it over.
        unsafe { rd::rd_kafka_conf_set_log_cb(native.ptr(), Some(on_log)) };
        let client = Client::new(
            config,
            native,
            rd::rd_kafka_type_t::RD_KAFKA_PRODUCER,
            Context::default(),
        )?;
        Ok(Self {
            topics: HashMap::new(),
            client,
        })
    }

    /// For questions about the cluster.
    pub(in crate::log::kafka) fn client(&self) -> &Client<Context> {
        &self.client
    }

    /// Makes this the only producer of its transactional id, and ends what an earlier one left open.
    pub(in crate::log::kafka) fn init_transactions(&self, limit: Duration) -> Result<(), TxnError> {
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_init_transactions(
                self.client.native_ptr(),
                millis(limit),
            ))
        }
    }

    fn fatal(&self) -> Result<(), TxnError> {
        let mut text = [0 as c_char; 512];
        // SAFETY: librdkafka writes a NUL-terminated string of at most the length given.
        let code = unsafe {
            rd::rd_kafka_fatal_error(self.client.native_ptr(), text.as_mut_ptr(), text.len())
        };
        if code == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Ok(());
        }
        // SAFETY: as above.
        let text = unsafe { owned(text.as_ptr()) };
        Err(TxnError {
            code: code.into(),
            text,
            retriable: false,
            abort: false,
            fatal: true,
        })
    }

    /// How many records (and log lines) it still holds.
    fn outstanding(&self) -> c_int {
        // SAFETY: the client is alive.
        unsafe { rd::rd_kafka_outq_len(self.client.native_ptr()) }
    }

    /// Serves logs and errors, for at most this long.
    fn poll(&self, limit: Duration) {
        // SAFETY: the client is alive.
        unsafe { rd::rd_kafka_poll(self.client.native_ptr(), millis(limit)) };
    }

    fn topic(&mut self, name: &str) -> Result<*mut rd::rd_kafka_topic_t, TxnError> {
        if let Some(topic) = self.topics.get(name) {
            return Ok(topic.as_ptr());
        }
        let invalid = || TxnError::refused(RDKafkaErrorCode::InvalidTopic, name);
        let c_name = CString::new(name).map_err(|_| invalid())?;
        // SAFETY: the client is alive, the name for the length of the call; a null configuration is the default.
        let topic = unsafe {
            rd::rd_kafka_topic_new(self.client.native_ptr(), c_name.as_ptr(), ptr::null_mut())
        };
        let topic = NonNull::new(topic).ok_or_else(invalid)?;
        self.topics.insert(name.to_owned(), topic);
        Ok(topic.as_ptr())
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        for (_, topic) in self.topics.drain() {
            // SAFETY: ours, and not used after this; the client, which is dropped next, is still alive.
            unsafe { rd::rd_kafka_topic_destroy(topic.as_ptr()) };
        }
    }
}

/// A producer that may be lent bytes of `'env` without copying them; see [`lend`].
pub(in crate::log::kafka) struct Lent<'p, 'env> {
    producer: &'p mut Producer,
    /// `'env` must not be shortened: a shorter one would let bytes in that die before `lend` returns.
    _env: PhantomData<fn(&'env ()) -> &'env ()>,
}

/// Lets `run` write records whose bytes librdkafka reads where they are. Before this returns no record is outstanding
/// any more: should one be, the producer is destroyed, which waits for librdkafka's threads to end.
pub(in crate::log::kafka) fn lend<'env, R>(
    slot: &mut Option<Producer>,
    run: impl FnOnce(&mut Lent<'_, 'env>) -> R,
) -> Option<R> {
    struct Settle<'s>(&'s mut Option<Producer>);
    impl Drop for Settle<'_> {
        fn drop(&mut self) {
            let settled = |producer: &Producer| {
                producer.poll(Duration::ZERO);
                producer.outstanding() == 0
            };
            if !self.0.as_ref().is_some_and(settled) {
                *self.0 = None;
            }
        }
    }
    let settle = Settle(slot);
    let producer = settle.0.as_mut()?;
    Some(run(&mut Lent {
        producer,
        _env: PhantomData,
    }))
}

impl<'env> Lent<'_, 'env> {
    /// Begins a transaction.
    pub(in crate::log::kafka) fn begin(&self) -> Result<(), TxnError> {
        self.producer.poll(Duration::ZERO);
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_begin_transaction(
                self.producer.client.native_ptr(),
            ))
        }
    }

    /// Writes rows to a partition, in order; waits where the producer is full.
    pub(in crate::log::kafka) fn batch(
        &mut self,
        topic: &str,
        partition: i32,
        rows: &[Row<'env>],
    ) -> Result<(), TxnError> {
        let handle = self.producer.topic(topic)?;
        let mut messages: Vec<_> = rows.iter().map(message).collect();
        let count = c_int::try_from(messages.len()).unwrap_or(c_int::MAX);
        // SAFETY: the array has `count` messages. Without the flags COPY and FREE librdkafka reads keys and values where
        // they are until the record is delivered or given up; they live for `'env`, and `lend` sees to it that no
        // record is outstanding when `'env` may end. It never writes to them.
        let taken = unsafe {
            rd::rd_kafka_produce_batch(
                handle,
                partition,
                rd::RD_KAFKA_MSG_F_BLOCK,
                messages.as_mut_ptr(),
                count,
            )
        };
        if taken == count {
            return Ok(());
        }
        let failed = messages
            .iter()
            .map(|m| m.err)
            .find(|e| *e != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
        Err(TxnError::refused(
            failed.map_or(RDKafkaErrorCode::Fail, Into::into),
            topic,
        ))
    }

    /// Writes one record with headers.
    pub(in crate::log::kafka) fn single(
        &mut self,
        topic: &str,
        partition: i32,
        row: Row<'env>,
        headers: &[(&str, Option<&[u8]>)],
    ) -> Result<(), TxnError> {
        use rd::rd_kafka_vtype_t as V;
        let handle = self.producer.topic(topic)?;
        let client = self.producer.client.native_ptr();
        // SAFETY: a zeroed `rd_kafka_vu_t` is a valid value of a struct of an enum (with a zero value, END) and a union.
        let mut arguments: [rd::rd_kafka_vu_t; 6] = unsafe { std::mem::zeroed() };
        let mut used = 0;
        let mut add = |vtype, u| {
            if let Some(slot) = arguments.get_mut(used) {
                *slot = rd::rd_kafka_vu_t { vtype, u };
                used += 1;
            }
        };
        let memory = |data: &[u8]| rd::rd_kafka_vu_s__bindgen_ty_1 {
            mem: rd::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
                ptr: data.as_ptr().cast_mut().cast(),
                size: data.len(),
            },
        };
        let native = NativeHeaders::new(headers)
            .ok_or_else(|| TxnError::refused(RDKafkaErrorCode::InvalidArgument, topic))?;
        add(
            V::RD_KAFKA_VTYPE_RKT,
            rd::rd_kafka_vu_s__bindgen_ty_1 { rkt: handle },
        );
        add(
            V::RD_KAFKA_VTYPE_PARTITION,
            rd::rd_kafka_vu_s__bindgen_ty_1 { i32_: partition },
        );
        add(
            V::RD_KAFKA_VTYPE_MSGFLAGS,
            rd::rd_kafka_vu_s__bindgen_ty_1 {
                i: rd::RD_KAFKA_MSG_F_BLOCK,
            },
        );
        add(
            V::RD_KAFKA_VTYPE_HEADERS,
            rd::rd_kafka_vu_s__bindgen_ty_1 {
                headers: native.0.as_ptr(),
            },
        );
        if let Some(key) = row.key {
            add(V::RD_KAFKA_VTYPE_KEY, memory(key));
        }
        if let Some(value) = row.value {
            add(V::RD_KAFKA_VTYPE_VALUE, memory(value));
        }
        // SAFETY: `used` arguments, each with the union's member that its type names. Key and value as in `batch`. On
        // success librdkafka owns the headers, so ours must not be dropped.
        unsafe { TxnError::check(rd::rd_kafka_produceva(client, arguments.as_ptr(), used)) }
            .map_err(|error| TxnError {
                abort: true,
                ..error
            })?;
        std::mem::forget(native);
        Ok(())
    }

    /// Adds offsets to the transaction, as this member of the group.
    pub(in crate::log::kafka) fn send_offsets(
        &self,
        offsets: &TopicPartitionList,
        member: &GroupMetadata,
        limit: Duration,
    ) -> Result<(), TxnError> {
        let client = self.producer.client.native_ptr();
        // SAFETY: all three are alive for the length of the call, which keeps nothing of them.
        unsafe {
            let error = rd::rd_kafka_send_offsets_to_transaction(
                client,
                offsets.ptr(),
                member.as_ptr(),
                millis(limit),
            );
            TxnError::check(error)
        }
    }

    /// Waits until every record is delivered or given up; fails where the producer has been fenced meanwhile.
    pub(in crate::log::kafka) fn flush(&self, limit: Duration) -> Result<(), TxnError> {
        let until = Instant::now() + limit;
        loop {
            self.producer.fatal()?;
            // Not rd_kafka_flush: without delivery reports it looks every 10 ms only.
            if self.producer.outstanding() == 0 || Instant::now() >= until {
                return Ok(());
            }
            self.producer.poll(Duration::from_millis(1));
        }
    }

    /// Commits the transaction.
    pub(in crate::log::kafka) fn commit(&self, limit: Duration) -> Result<(), TxnError> {
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_commit_transaction(
                self.producer.client.native_ptr(),
                millis(limit),
            ))
        }
    }

    /// Aborts the transaction.
    pub(in crate::log::kafka) fn abort(&self, limit: Duration) -> Result<(), TxnError> {
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_abort_transaction(
                self.producer.client.native_ptr(),
                millis(limit),
            ))
        }
    }
}

/// A row as librdkafka takes it.
fn message(row: &Row<'_>) -> rd::rd_kafka_message_t {
    let parts = |data: Option<&[u8]>| match data {
        Some(data) => (data.as_ptr().cast_mut().cast::<c_void>(), data.len()),
        None => (ptr::null_mut(), 0),
    };
    let ((key, key_len), (payload, len)) = (parts(row.key), parts(row.value));
    rd::rd_kafka_message_t {
        err: rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
        rkt: ptr::null_mut(),
        partition: 0,
        payload,
        len,
        key,
        key_len,
        offset: 0,
        _private: ptr::null_mut(),
    }
}

/// Headers on their way into a record; librdkafka copies names and values.
struct NativeHeaders(NonNull<rd::rd_kafka_headers_t>);

impl NativeHeaders {
    fn new(headers: &[(&str, Option<&[u8]>)]) -> Option<Self> {
        // SAFETY: a new object, ours.
        let native = Self(NonNull::new(unsafe {
            rd::rd_kafka_headers_new(headers.len())
        })?);
        for (name, value) in headers {
            let (data, len) =
                value.map_or((ptr::null(), -1), |v| (v.as_ptr().cast(), v.len() as isize));
            // SAFETY: name and value are copied; the sizes are theirs, -1 with a null value is a null value.
            let code = unsafe {
                rd::rd_kafka_header_add(
                    native.0.as_ptr(),
                    name.as_ptr().cast(),
                    name.len() as isize,
                    data,
                    len,
                )
            };
            if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return None;
            }
        }
        Some(native)
    }
}

impl Drop for NativeHeaders {
    fn drop(&mut self) {
        // SAFETY: ours, and not used after this.
        unsafe { rd::rd_kafka_headers_destroy(self.0.as_ptr()) };
    }
}
