"""An independent Kafka client: makes topics, and reads what a read-committed reader sees."""

import time
from collections.abc import Callable, Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, ConsumerGroupTopicPartitions, IsolationLevel, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic, OffsetSpec

from harness.manifests import Example
from harness.waiting import wait_until

QUIET = {"log_level": 0}  # errors are raised; that a broker is stopped need not be said as well


class Kafka:
    """A Kafka cluster."""

    def __init__(self, bootstrap: str):
        self.bootstrap = bootstrap
        self.admin = AdminClient({"bootstrap.servers": bootstrap, **QUIET})

    def make_topic(self, name: str, partitions: int, **config: str):
        """Makes a topic and returns when every partition has a leader."""
        settings = {key.replace("_", "."): value for key, value in config.items()}
        self.admin.create_topics([NewTopic(name, partitions, config=settings)])[name].result(30)
        wait_until(lambda: len(self.partitions(name)) == partitions, 30, f"topic {name}")

    def partitions(self, topic: str) -> list[int]:
        """The partitions of a topic; none if there is no such topic."""
        found = self.admin.list_topics(topic, timeout=30).topics[topic]
        if found.error is not None:
            return []
        return sorted(p.id for p in found.partitions.values() if p.leader >= 0)

    def grow_topic(self, name: str, partitions: int):
        """Gives a topic more partitions and returns when every one has a leader that knows it."""
        self.admin.create_partitions([NewPartitions(name, partitions)])[name].result(30)

        def grown() -> bool:
            try:
                return len(self.ends(name, IsolationLevel.READ_UNCOMMITTED)) == partitions
            except KafkaException as e:
                if e.args[0].code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE):
                    return False
                raise

        wait_until(grown, 30, f"topic {name} to grow", pause=0.2)

    def ends(self, topic: str, isolation: IsolationLevel) -> dict[int, int]:
        """The offset after the last record of each partition."""
        wanted = {TopicPartition(topic, p): OffsetSpec.latest() for p in self.partitions(topic)}
        futures = self.admin.list_offsets(wanted, isolation_level=isolation, request_timeout=30)
        return {tp.partition: future.result().offset for tp, future in futures.items()}

    def settled_ends(self, topic: str, limit: float = 60) -> dict[int, int]:
        """The ends of a topic, once no transaction is open in it: until then committed records are still hidden."""

        def settled() -> dict[int, int] | None:
            committed = self.ends(topic, IsolationLevel.READ_COMMITTED)
            return committed if committed == self.ends(topic, IsolationLevel.READ_UNCOMMITTED) else None

        assert self.partitions(topic), f"there is no topic {topic}"
        return wait_until(settled, limit, f"the last transaction in {topic} to end", pause=0.2)

    def read_committed(self, topic: str, limit: float = 300) -> Iterator[Message]:
        """All committed records of a topic that has come to rest, in order within each partition."""
        ends = {p: end for p, end in self.settled_ends(topic).items() if end > 0}
        consumer = self.consumer(topic, ends)
        deadline = time.monotonic() + limit
        try:
            while ends:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"could not read {topic} to its end within {limit:.0f} s; still open: {ends}")
                for message in consumer.consume(10_000, timeout=0.5):
                    if message.error() is None:
                        yield message
                    elif message.error().code() == KafkaError._PARTITION_EOF:
                        if message.offset() >= ends.get(message.partition(), 0):
                            ends.pop(message.partition(), None)
                    else:
                        raise KafkaException(message.error())
        finally:
            consumer.close()

    def consumer(self, topic: str, partitions, **config) -> Consumer:
        """A read-committed consumer at the beginning of these partitions."""
        consumer = Consumer({
            "bootstrap.servers": self.bootstrap,
            "group.id": "tests-reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            **QUIET,
            **config,
        })
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions])
        return consumer

    def committed(self, part_of_group: str, topic: str) -> dict[int, int]:
        """Up to where each partition of a topic is committed, by the group whose name contains this."""
        wanted = [TopicPartition(topic, p) for p in self.partitions(topic)]
        committed: dict[int, int] = {}
        for group in self._groups(part_of_group):
            asked = ConsumerGroupTopicPartitions(group, wanted)
            (future,) = self.admin.list_consumer_group_offsets([asked], request_timeout=30).values()
            committed |= {tp.partition: tp.offset for tp in future.result().topic_partitions if tp.offset >= 0}
        return committed

    def shares(self, part_of_group: str, topic: str) -> list[int]:
        """How many partitions of a topic each member has, of the group whose name contains this."""
        groups = self._groups(part_of_group)
        if not groups:
            return []
        described = self.admin.describe_consumer_groups(groups, request_timeout=30)
        members = [m for future in described.values() for m in future.result().members]
        return [sum(tp.topic == topic for tp in m.assignment.topic_partitions) for m in members if m.assignment]

    def _groups(self, part_of_name: str) -> list[str]:
        listed = self.admin.list_consumer_groups(request_timeout=30).result()
        return [g.group_id for g in listed.valid if part_of_name in g.group_id]


def wait_until_committed(bootstrap: str, example: Example, check: Callable[[], None], limit: float):
    """Waits until a pipeline has committed all records of its input that are there now. Each question is put by a client of its own:
    one that has lived through a restart of the brokers may not find them any more."""
    topic = example.input_topic
    ends: dict[int, int] = {}

    def committed() -> bool:
        check()
        kafka = Kafka(bootstrap)
        try:
            ends.update(ends or kafka.ends(topic, IsolationLevel.READ_UNCOMMITTED))
            reached = kafka.committed(example.name, topic)
        except KafkaException:
            return False
        return bool(ends) and all(reached.get(p, 0) >= end for p, end in ends.items())

    wait_until(committed, limit, f"{example.name} to commit all of {topic}", pause=0.5)
