"""Watching an output while workers come and go: when has each part of the input spoken again?"""

import threading
import time
from collections.abc import Callable

from harness.kafka import Kafka
from harness.waiting import wait_until


class Watcher(threading.Thread):
    """Reads an output topic as it grows and notes when new rows come, by the input partition that they stem from.

    The topic must stamp records with the time at which the broker appends them: so a row that was written before a moment is
    never taken for one that came after it.
    """

    def __init__(self, kafka: Kafka, topic: str, origin: Callable[[bytes], int]):
        super().__init__(daemon=True)
        self._origin = origin
        self._stop_it = threading.Event()
        self._lock = threading.Lock()
        self._since = next_millisecond()
        self._first: dict[int, float] = {}
        self._consumer = kafka.consumer(topic, kafka.partitions(topic), **{"fetch.wait.max.ms": 20})
        self.failure: BaseException | None = None

    def run(self):
        try:
            while not self._stop_it.is_set():
                messages = self._consumer.consume(1_000, timeout=0.02)
                now = time.time()
                with self._lock:
                    for message in messages:
                        if message.error() is None and message.timestamp()[1] >= self._since:
                            self._first.setdefault(self._origin(message.value()), now)
        except BaseException as failure:
            self.failure = failure
        finally:
            self._consumer.close()

    def mark(self) -> float:
        """From now on only new rows count. Returns the time."""
        with self._lock:
            self._since = next_millisecond()
            self._first = {}
            return self._since / 1000

    def wait_for_all(self, origins: int, limit: float, alive: Callable[[], object] = lambda: None) -> tuple[float, float]:
        """Seconds from the mark to the first new row at all, and until each input partition has had one."""

        def complete() -> list[float] | None:
            alive()
            if self.failure:
                raise self.failure
            with self._lock:
                return sorted(self._first.values()) if len(self._first) == origins else None

        times = wait_until(complete, limit, f"new rows from all {origins} input partitions", pause=0.02)
        return times[0] - self._since / 1000, times[-1] - self._since / 1000

    def stop(self):
        self._stop_it.set()
        self.join()


def next_millisecond() -> int:
    """Waits for a millisecond to begin, and returns it.

    Brokers stamp in whole milliseconds: only so is everything stamped before it older, and everything that is written after it not.
    """
    last = time.time_ns() // 1_000_000
    while (now := time.time_ns() // 1_000_000) == last:
        pass
    return now
