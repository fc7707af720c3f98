"""State larger than memory: sessions of many keys, all open at once, in a worker that may take less than they need.

Each key has one record and its session stays open. When all have been read the worker is killed: the next one reads the state
back. Another joins and takes half of the partitions over. In the end all sessions close, and each must be there once.
"""

import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from contenders import HERE, Place
from feeding import feed
from measure import PeakMemory

TOPIC, OUTPUT = "state", "state-out"
CHANGELOG = "bench-state.visits.changelog"
BEGIN = 1_704_110_400_000
PORT = 18_400
LIMIT = 3_600


@dataclass
class Worker:
    """A worker that runs."""

    number: int
    process: subprocess.Popen
    memory: PeakMemory

    def status(self) -> dict | None:
        """What it says of itself, if it does yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT + self.number}/status", timeout=2) as page:
                return json.load(page)["pipelines"][0]
        except (OSError, ValueError):
            assert self.process.poll() is None, f"worker {self.number} ended with {self.process.returncode}; see its log"
            return None

    def held(self) -> int:
        """How many partitions it holds and works on."""
        status = self.status()
        return len(status["partitions"]) if status and status["phase"] == "Running" else 0


@contextmanager
def worker(place: Place, number: int, memory: str):
    """A worker, for as long as the block lasts."""
    command = [str(place.tidemill), "run", str(HERE / "tidemill-state"), "--kafka", place.bootstrap, "--memory", memory]
    command += ["--state", str(place.work / f"state-{number}"), "--listen", f"127.0.0.1:{PORT + number}"]
    with (place.work / f"state-{number}.log").open("ab") as log:
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=log, stderr=log)
        peak = PeakMemory(process.pid)
        peak.start()
        try:
            yield Worker(number, process, peak)
        finally:
            process.kill()
            process.wait()


def measure(place: Place, keys: int, memory: str, partitions: int) -> dict:
    """Goes through all of it, and returns the figures."""
    visits = ({"visitor": f"visitor-{i:09}", "spent": i % 100, "ts": BEGIN + i % 1000} for i in range(keys))
    feed(place.bootstrap, TOPIC, visits, "visitor")
    figures = {"keys": keys, "memory": memory}
    start = time.monotonic()
    with worker(place, 0, memory) as first:
        wait(lambda: (s := first.status()) and s["state"]["groups"] == keys and is_committed(s), "all keys to be read")
        figures["keys_per_second"] = round(keys / (time.monotonic() - start))
        state = first.status()["state"]
        figures["peak_mb_filling"] = round(first.memory.kb / 1024)
        figures |= {"state_memory_mb": state["memoryBytes"] >> 20, "state_disk_mb": state["diskBytes"] >> 20}
    changelog = sum(f.stat().st_size for f in Path(place.work).glob(f"kafka/**/{CHANGELOG}-*/*.log")) / 1e6
    # The dead worker's session has to end before anybody gets its partitions; that is not reading.
    time.sleep(10)
    start = time.monotonic()
    with worker(place, 0, memory) as first:
        wait(lambda: (s := first.status()) and s["phase"] == "Restoring", "the state to be read back")
        start = time.monotonic()
        wait(lambda: first.held() == partitions, "the state to be read back")
        took = time.monotonic() - start
        figures |= {"changelog_mb": round(changelog), "restore_seconds": round(took, 1), "restore_mb_per_second": round(changelog / took, 1)}
        figures["peak_mb_restoring"] = round(first.memory.kb / 1024)
        with worker(place, 1, memory) as second:
            figures["rebalance_pause_seconds"] = round(pause(first, second, partitions), 1)
            start = time.monotonic()
            last = ({"visitor": f"last-{p}", "spent": 0, "ts": BEGIN + 86_400_000} for p in range(partitions))
            feed(place.bootstrap, TOPIC, last, "visitor", range(partitions))
            assert_each_once(place.bootstrap, keys, partitions)
            figures["close_seconds"] = round(time.monotonic() - start, 1)
            figures["peak_mb_closing"] = round(max(first.memory.kb, second.memory.kb) / 1024)
    return figures


def is_committed(status: dict) -> bool:
    return status["sources"][0]["lag"] == 0 and all(p["offset"] == p["committed"] for p in status["partitions"])


def pause(first: Worker, second: Worker, partitions: int) -> float:
    """How long it takes, after a worker has joined, until all partitions are worked on again."""
    wait(lambda: first.held() < partitions, "the second worker to join", pause=0.01)
    start = time.monotonic()
    wait(lambda: second.held() > 0 and first.held() + second.held() == partitions, "both workers to go on", pause=0.01)
    return time.monotonic() - start


def assert_each_once(bootstrap: str, keys: int, partitions: int):
    """Reads committed rows until each session has come."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-state-reader", "isolation.level": "read_committed", "log_level": 3})
    consumer.assign([TopicPartition(OUTPUT, p, OFFSET_BEGINNING) for p in range(partitions)])
    seen, deadline = bytearray(keys), time.monotonic() + LIMIT
    rows = 0
    while rows < keys and time.monotonic() < deadline:
        for message in consumer.consume(10_000, timeout=1):
            if message.error() is None:
                seen[int(message.key().decode().strip('"').split("-")[1])] += 1
                rows += 1
    consumer.close()
    missing, repeated = seen.count(0), sum(count > 1 for count in seen)
    assert not missing and not repeated, f"of {keys:,} sessions {missing:,} are missing and {repeated:,} repeated"


def wait(condition, what: str, pause: float = 0.05):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited {LIMIT} s for {what}"
        time.sleep(pause)
