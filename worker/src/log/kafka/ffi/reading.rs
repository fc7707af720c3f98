//! Reading in batches.

use std::ffi::{CString, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as rd;
use rdkafka::consumer::Consumer as _;
use rdkafka::error::RDKafkaErrorCode;
use tidemill_engine::record::{Headers, RawRecord};

use super::{bytes, owned};
use crate::log::kafka::context::Consumer;
use crate::log::kafka::wake::Wake;

/// The queue of what has been fetched from one partition, read in batches.
pub(in crate::log::kafka) struct PartitionQueue {
    queue: NonNull<rd::rd_kafka_queue_t>,
    /// Held for the callback, which has a plain pointer to it.
    wake: Arc<Wake>,
    topic: CString,
    partition: i32,
    /// The queue belongs to this client.
    consumer: Arc<Consumer>,
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
    pub(in crate::log::kafka) fn open(
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
            topic,
            partition,
            consumer: Arc::clone(consumer),
        })
    }

    /// How many entries wait in the queue.
    pub(in crate::log::kafka) fn len(&self) -> usize {
        // SAFETY: the queue is ours until `drop`.
        unsafe { rd::rd_kafka_queue_length(self.queue.as_ptr()) }
    }

    /// Takes up to `max` entries that are there already; never waits.
    pub(in crate::log::kafka) fn fetch(&self, max: usize) -> Fetched<'_> {
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

    /// The partition's end as the last fetch told it; `None` before that.
    pub(in crate::log::kafka) fn end(&self) -> Option<i64> {
        let (mut low, mut high) = (-1, -1);
        // SAFETY: the client and the topic's name live as long as `self`; both numbers are written before it returns.
        let error = unsafe {
            rd::rd_kafka_get_watermark_offsets(
                self.consumer.client().native_ptr(),
                self.topic.as_ptr(),
                self.partition,
                &raw mut low,
                &raw mut high,
            )
        };
        (error == rd::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0).then_some(high)
    }

    /// Asks for another look although nothing new has come.
    pub(in crate::log::kafka) fn remind(&self) {
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
pub(in crate::log::kafka) enum Note {
    /// The partition's end as readers see it: the next offset there, after markers.
    End(i64),
    /// Reading has failed.
    Failed(RDKafkaErrorCode, String),
}

/// Records taken from a queue, and what came between them.
pub(in crate::log::kafka) struct Fetched<'q> {
    messages: Vec<NonNull<rd::rd_kafka_message_t>>,
    /// With the number of records before each.
    pub(in crate::log::kafka) notes: Vec<(usize, Note)>,
    /// How many entries were taken from the queue, records and others.
    pub(in crate::log::kafka) entries: usize,
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
    pub(in crate::log::kafka) fn records(&self) -> Vec<RawRecord<'_>> {
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
    pub(in crate::log::kafka) fn count(&self) -> usize {
        self.messages.len()
    }

    /// The offset of the last record.
    pub(in crate::log::kafka) fn last_offset(&self) -> Option<i64> {
        // SAFETY: messages live until `self` is dropped.
        self.messages
            .last()
            .map(|message| unsafe { message.as_ref() }.offset)
    }

    /// The headers of the record at an index; none for an index that is not there.
    pub(in crate::log::kafka) fn headers(&self, index: usize) -> Headers {
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
pub(in crate::log::kafka) fn events_waiting(consumer: &Consumer) -> usize {
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
pub(in crate::log::kafka) fn offset_metadata(list: &TopicPartitionList) -> Vec<&[u8]> {
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
pub(in crate::log::kafka) struct GroupMetadata(NonNull<rd::rd_kafka_consumer_group_metadata_t>);

impl GroupMetadata {
    /// As the consumer knows it now.
    pub(in crate::log::kafka) fn of(consumer: &Consumer) -> Option<Self> {
        // SAFETY: the client is alive; the result is ours to destroy.
        NonNull::new(unsafe {
            rd::rd_kafka_consumer_group_metadata(consumer.client().native_ptr())
        })
        .map(Self)
    }

    /// For a call that takes it.
    pub(super) fn as_ptr(&self) -> *const rd::rd_kafka_consumer_group_metadata_t {
        self.0.as_ptr()
    }

    /// The group's generation; negative when this is not a member.
    pub(in crate::log::kafka) fn generation(&self) -> i32 {
        // SAFETY: alive until `drop`.
        unsafe { rd::rd_kafka_consumer_group_metadata_generation_id(self.0.as_ptr()) }
    }

    /// Whether the coordinator knows us by a member id.
    pub(in crate::log::kafka) fn is_member(&self) -> bool {
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
