//! The calls to librdkafka that the `rdkafka` crate has no safe form of: reading and writing in batches, transactions
//! that say exactly what failed, and the group's metadata. Everything that is public here is safe to use.
#![allow(unsafe_code)]

use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::bindings as rd;
use rdkafka::client::Client;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{ClientContext, TopicPartitionList};
use tidemill_engine::record::{Headers, RawRecord};

use super::context::{Consumer, Context};
use super::wake::Wake;

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

// ---- reading -------------------------------------------------------------------------------------------------------

/// The queue of what has been fetched from one partition, read in batches.
pub(super) struct PartitionQueue {
    queue: NonNull<rd::rd_kafka_queue_t>,
    /// Held for the callback, which has a plain pointer to it.
    wake: Arc<Wake>,
    /// The queue belongs to this client.
    _consumer: Arc<Consumer>,
}

// SAFETY: librdkafka's queues may be used from any thread; the rest is `Send` by itself.
unsafe impl Send for PartitionQueue {}

unsafe extern "C" fn on_filled(_: *mut rd::rd_kafka_t, wake: *mut c_void) {
    // SAFETY: `PartitionQueue` gave the pointer, and disables this callback before it lets go of the `Wake`.
    unsafe { &*wake.cast::<Wake>() }.notify();
}

impl PartitionQueue {
    /// Splits the partition off the consumer's common queue; `wake` is notified whenever this one stops being empty.
    /// Do this before the partition is assigned: librdkafka keeps the split, so that no record takes the other way.
    pub(super) fn open(
        consumer: &Arc<Consumer>,
        topic: &str,
        partition: i32,
        wake: &Arc<Wake>,
    ) -> Option<Self> {
        let topic = CString::new(topic).ok()?;
        let client = consumer.client().native_ptr();
        // SAFETY: the client lives as long as `consumer`, the topic's name for the length of the call.
        let queue = NonNull::new(unsafe {
            rd::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition)
        })?;
        let wake = Arc::clone(wake);
        // SAFETY: the queue is ours until `drop`; a null destination stops forwarding. The callback's pointer stays
        // valid because `self.wake` holds it and `drop` disables the callback first.
        unsafe {
            rd::rd_kafka_queue_forward(queue.as_ptr(), ptr::null_mut());
            rd::rd_kafka_queue_cb_event_enable(
                queue.as_ptr(),
                Some(on_filled),
                Arc::as_ptr(&wake).cast_mut().cast(),
            );
        }
        Some(Self {
            queue,
            wake,
            _consumer: Arc::clone(consumer),
        })
    }

    /// How many entries wait in the queue.
    pub(super) fn len(&self) -> usize {
        // SAFETY: the queue is ours until `drop`.
        unsafe { rd::rd_kafka_queue_length(self.queue.as_ptr()) }
    }

    /// Takes up to `max` entries that are there already; never waits.
    pub(super) fn fetch(&self, max: usize) -> Fetched<'_> {
        let room = max.min(self.len());
        let mut fetched = Fetched {
            messages: Vec::with_capacity(room),
            notes: Vec::new(),
            entries: 0,
            _queue: PhantomData,
        };
        if room == 0 {
            return fetched;
        }
        let mut messages: Vec<*mut rd::rd_kafka_message_t> = Vec::with_capacity(room);
        // SAFETY: the array has room for `room` pointers and librdkafka says how many it has written; each is a message
        // that is ours to destroy.
        unsafe {
            let count = rd::rd_kafka_consume_batch_queue(
                self.queue.as_ptr(),
                0,
                messages.as_mut_ptr(),
                room,
            );
            messages.set_len(usize::try_from(count).unwrap_or(0));
        }
        fetched.entries = messages.len();
        messages
            .into_iter()
            .filter_map(NonNull::new)
            .for_each(|message| fetched.push(message));
        fetched
    }

    /// Asks for another look although nothing new has come.
    pub(super) fn remind(&self) {
        self.wake.notify();
    }
}

impl Drop for PartitionQueue {
    fn drop(&mut self) {
        // SAFETY: the queue is ours and not used after this. librdkafka calls back under the queue's lock, which
        // disabling takes, so no callback runs afterwards.
        unsafe {
            rd::rd_kafka_queue_cb_event_enable(self.queue.as_ptr(), None, ptr::null_mut());
            rd::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// What a partition's queue holds besides records.
pub(super) enum Note {
    /// The partition's end as readers see it: the next offset there, after markers.
    End(i64),
    /// Reading has failed.
    Failed(RDKafkaErrorCode, String),
}

/// Records taken from a queue, and what came between them.
pub(super) struct Fetched<'q> {
    messages: Vec<NonNull<rd::rd_kafka_message_t>>,
    /// With the number of records before each.
    pub(super) notes: Vec<(usize, Note)>,
    /// How many entries were taken from the queue, records and others.
    pub(super) entries: usize,
    _queue: PhantomData<&'q PartitionQueue>,
}

impl Fetched<'_> {
    fn push(&mut self, message: NonNull<rd::rd_kafka_message_t>) {
        // SAFETY: a message that librdkafka has just handed over, and which nobody else uses.
        let (code, offset) = unsafe { (message.as_ref().err, message.as_ref().offset) };
        let note = match code {
            rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {
                return self.messages.push(message);
            }
            rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => Note::End(offset),
            // SAFETY: as above; the text belongs to the message, which is destroyed below.
            _ => Note::Failed(code.into(), unsafe {
                owned(rd::rd_kafka_message_errstr(message.as_ptr()))
            }),
        };
        self.notes.push((self.messages.len(), note));
        // SAFETY: ours, and not used after this.
        unsafe { rd::rd_kafka_message_destroy(message.as_ptr()) };
    }

    /// The records, in order; they borrow the messages' bytes.
    pub(super) fn records(&self) -> Vec<RawRecord<'_>> {
        let record = |message: &NonNull<rd::rd_kafka_message_t>| {
            // SAFETY: messages live, unchanged, until `self` is dropped, and the records borrow `self`.
            unsafe {
                let timestamp = rd::rd_kafka_message_timestamp(message.as_ptr(), ptr::null_mut());
                let message = message.as_ref();
                RawRecord {
                    offset: message.offset,
                    timestamp,
                    key: bytes(message.key, message.key_len),
                    value: bytes(message.payload, message.len),
                }
            }
        };
        self.messages.iter().map(record).collect()
    }

    /// How many records there are.
    pub(super) fn count(&self) -> usize {
        self.messages.len()
    }

    /// The offset of the last record.
    pub(super) fn last_offset(&self) -> Option<i64> {
        // SAFETY: messages live until `self` is dropped.
        self.messages
            .last()
            .map(|message| unsafe { message.as_ref() }.offset)
    }

    /// The headers of the record at an index; none for an index that is not there.
    pub(super) fn headers(&self, index: usize) -> Headers {
        let mut found = Headers::new();
        let Some(message) = self.messages.get(index) else {
            return found;
        };
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive, and `Fetched` is not `Sync`, so nobody else parses its headers meanwhile. They
        // belong to the message; names and values are copied before it goes.
        unsafe {
            let code = rd::rd_kafka_message_headers(message.as_ptr(), &raw mut headers);
            if code != rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                return found;
            }
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            while rd::rd_kafka_header_get_all(
                headers,
                found.len(),
                &raw mut name,
                &raw mut value,
                &raw mut size,
            ) == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
            {
                found.push((owned(name), bytes(value, size).map(<[u8]>::to_vec)));
            }
        }
        found
    }
}

impl Drop for Fetched<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: ours, and not used after this; the client outlives the queue that `self` borrows.
            unsafe { rd::rd_kafka_message_destroy(message.as_ptr()) };
        }
    }
}

/// How many events wait in the consumer's common queue.
pub(super) fn events_waiting(consumer: &Consumer) -> usize {
    // SAFETY: the client is alive; the reference to its queue is ours, and given back.
    unsafe {
        let queue = rd::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
        if queue.is_null() {
            return 0;
        }
        let length = rd::rd_kafka_queue_length(queue);
        rd::rd_kafka_queue_destroy(queue);
        length
    }
}

/// The metadata of each element of a list of offsets, as bytes: it may be anybody's.
pub(super) fn offset_metadata(list: &TopicPartitionList) -> Vec<&[u8]> {
    // SAFETY: the list owns `cnt` elements and their metadata, and is borrowed for as long as the result.
    unsafe {
        let list = &*list.ptr();
        let elements = match NonNull::new(list.elems) {
            Some(first) => {
                std::slice::from_raw_parts(first.as_ptr(), usize::try_from(list.cnt).unwrap_or(0))
            }
            None => &[],
        };
        elements
            .iter()
            .map(|each| bytes(each.metadata, each.metadata_size).unwrap_or_default())
            .collect()
    }
}

/// A member's standing in its group at one moment.
pub(super) struct GroupMetadata(NonNull<rd::rd_kafka_consumer_group_metadata_t>);

impl GroupMetadata {
    /// As the consumer knows it now.
    pub(super) fn of(consumer: &Consumer) -> Option<Self> {
        // SAFETY: the client is alive; the result is ours to destroy.
        NonNull::new(unsafe {
            rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr())
        })
        .map(Self)
    }

    /// The group's generation; negative when this is not a member.
    pub(super) fn generation(&self) -> i32 {
        // SAFETY: alive until `drop`.
        unsafe { rd::rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }

    /// Whether the coordinator knows us by a member id.
    pub(super) fn is_member(&self) -> bool {
        // SAFETY: alive until `drop`, and so is its member id.
        !unsafe {
            owned(rd::rd_kafka_consumer_group_metadata_member_id(
                self.0.as_ptr(),
            ))
        }
        .is_empty()
    }
}

impl Drop for GroupMetadata {
    fn drop(&mut self) {
        // SAFETY: ours, and not used after this.
        unsafe { rd::rd_kafka_consumer_group_metadata_destroy(self.0.as_ptr()) };
    }
}

// ---- writing -------------------------------------------------------------------------------------------------------

/// What a transactional call failed with, and what librdkafka says can be done about it.
#[derive(Debug, Clone)]
pub(super) struct TxnError {
    /// Its code.
    pub(super) code: RDKafkaErrorCode,
    /// What happened.
    pub(super) text: String,
    /// The same call may be made again.
    pub(super) retriable: bool,
    /// The transaction must be aborted.
    pub(super) abort: bool,
    /// The producer is done for.
    pub(super) fatal: bool,
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
pub(super) struct Row<'env> {
    /// The key.
    pub(super) key: Option<&'env [u8]>,
    /// The value; `None` is a tombstone.
    pub(super) value: Option<&'env [u8]>,
}

/// A transactional producer without delivery reports: a commit says itself whether everything was delivered.
pub(super) struct Producer {
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
        0..=3 => rdkafka::config::RDKafkaLogLevel::Error,
        4 => rdkafka::config::RDKafkaLogLevel::Warning,
        5 | 6 => rdkafka::config::RDKafkaLogLevel::Info,
        _ => rdkafka::config::RDKafkaLogLevel::Debug,
    };
    Context::default().log(level, &facility, &text);
}

impl Producer {
    /// A client that has not talked to anybody yet.
    pub(super) fn open(config: &ClientConfig) -> Result<Self, KafkaError> {
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
    pub(super) fn client(&self) -> &Client<Context> {
        &self.client
    }

    /// Makes this the only producer of its transactional id, and ends what an earlier one left open.
    pub(super) fn init_transactions(&self, limit: Duration) -> Result<(), TxnError> {
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
pub(super) struct Lent<'p, 'env> {
    producer: &'p mut Producer,
    /// `'env` must not be shortened: a shorter one would let bytes in that die before `lend` returns.
    _env: PhantomData<fn(&'env ()) -> &'env ()>,
}

/// Lets `run` write records whose bytes librdkafka reads where they are. Before this returns no record is outstanding
/// any more: should one be, the producer is destroyed, which waits for librdkafka's threads to end.
pub(super) fn lend<'env, R>(
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
    pub(super) fn begin(&self) -> Result<(), TxnError> {
        self.producer.poll(Duration::ZERO);
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_begin_transaction(
                self.producer.client.native_ptr(),
            ))
        }
    }

    /// Writes rows to a partition, in order; waits where the producer is full.
    pub(super) fn batch(
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
    pub(super) fn single(
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
    pub(super) fn send_offsets(
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
                member.0.as_ptr(),
                millis(limit),
            );
            TxnError::check(error)
        }
    }

    /// Waits until every record is delivered or given up; fails where the producer has been fenced meanwhile.
    pub(super) fn flush(&self, limit: Duration) -> Result<(), TxnError> {
        let until = std::time::Instant::now() + limit;
        loop {
            self.producer.fatal()?;
            // Not rd_kafka_flush: without delivery reports it looks every 10 ms only.
            if self.producer.outstanding() == 0 || std::time::Instant::now() >= until {
                return Ok(());
            }
            self.producer.poll(Duration::from_millis(1));
        }
    }

    /// Commits the transaction.
    pub(super) fn commit(&self, limit: Duration) -> Result<(), TxnError> {
        // SAFETY: the client is alive; the error is handed to its new owner.
        unsafe {
            TxnError::check(rd::rd_kafka_commit_transaction(
                self.producer.client.native_ptr(),
                millis(limit),
            ))
        }
    }

    /// Aborts the transaction.
    pub(super) fn abort(&self, limit: Duration) -> Result<(), TxnError> {
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
