"""Runs one program and says what it cost."""

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition


class Failed(Exception):
    """A contender ended with an error, did not end in time, or left wrong output."""


@dataclass
class Cost:
    """What a run took: wall clock and CPU seconds (all threads, user and system), and memory in MB at its peak."""

    seconds: float
    cpu_seconds: float
    peak_mb: float


class PeakMemory(threading.Thread):
    """Watches a process's high-water mark, which the kernel keeps while the process lives."""

    def __init__(self, pid: int):
        super().__init__(daemon=True)
        self.pid = pid
        self.kb = 0

    def run(self):
        while self._sample():
            time.sleep(0.02)

    def _sample(self) -> bool:
        try:
            for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    self.kb = max(self.kb, int(line.split()[1]))
                    return True
        except (FileNotFoundError, ProcessLookupError):
            pass
        return False


class FirstRow(threading.Thread):
    """Waits for the first record of a topic that a read-committed reader sees."""

    def __init__(self, bootstrap: str, topic: str, partitions: int):
        super().__init__(daemon=True)
        self.at = None
        self._stop_it = threading.Event()
        self._consumer = Consumer({
            "bootstrap.servers": bootstrap,
            "group.id": "bench-first-row",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": 65536,
            "queued.max.messages.kbytes": 1024,
            "log_level": 3,
        })
        self._consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in range(partitions)])

    def run(self):
        while not self._stop_it.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self.at = time.monotonic()
                break
        self._consumer.close()

    def stop(self):
        self._stop_it.set()
        self.join()


def run(command: list[str], log: Path, limit: float) -> Cost:
    """Runs a command to its end; everything that it prints goes to the log. It does not outlive this process."""
    command = ["setpriv", "--pdeathsig", "KILL", *command]
    with log.open("wb") as out:
        start = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        memory = PeakMemory(process.pid)
        memory.start()
        killer = threading.Timer(limit, process.kill)
        killer.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            process.wait()
            raise
        finally:
            killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - start
    if process.returncode != 0:
        took = f"after {seconds:.0f} s (limit {limit:.0f} s)"
        raise Failed(f"{command[3]} ended with {process.returncode} {took}:\n{tail(log)}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, memory.kb / 1024)


def tail(log: Path, lines: int = 30) -> str:
    """The last lines of a log."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
