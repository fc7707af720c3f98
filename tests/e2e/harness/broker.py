"""A Kafka of a test's own, with the listeners it needs."""

import os
import signal
import subprocess
from pathlib import Path

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "kafka" / "kafka.sh"


class Broker:
    """A broker that keeps everything in one folder. It can be stopped and started again, at the same addresses."""

    def __init__(self, folder: Path, host: str | None = None, secure: bool = False):
        self.folder = folder
        self.options = (["--host", host] if host else []) + (["--secure"] if secure else [])
        self.bootstrap: str | None = None

    def start(self) -> "Broker":
        """Starts it and returns when it is ready."""
        port = [self.bootstrap.rsplit(":", 1)[1]] if self.bootstrap else []
        self.bootstrap = self.call("start", str(self.folder), *port, *self.options)
        return self

    def stop(self):
        """Stops it and returns when it is gone; its data stays."""
        self.call("stop", str(self.folder))

    def address(self, listener: str) -> str:
        """Where it listens: host, sasl, tls or sasl-tls."""
        return self.call("address", str(self.folder), listener)

    @property
    def client(self) -> Path:
        """The folder of what a client of the secure listeners needs, in files named as the keys of a Secret."""
        return self.folder / "client"

    def secret(self, name: str) -> str:
        """What is in one of those files."""
        return (self.client / name).read_text()

    @staticmethod
    def call(*arguments: str) -> str:
        done = subprocess.run([str(FIXTURE), *arguments], capture_output=True, text=True, timeout=180)
        assert done.returncode == 0, f"kafka.sh {' '.join(arguments)}: {done.stderr}"
        return done.stdout.strip()


class Brokers:
    """Three brokers that keep three copies of everything; each can go and come back."""

    NUMBERS = (1, 2, 3)

    def __init__(self, folder: Path):
        self.folder = folder
        self.bootstrap = Broker.call("start", str(folder), "--three")

    def stop(self, number: int):
        """Stops one in good order; the other two go on without it."""
        Broker.call("stop", str(self._member(number)))

    def kill(self, number: int):
        """SIGKILL to one."""
        os.kill(int((self._member(number) / "kafka.pid").read_text()), signal.SIGKILL)

    def start(self, number: int):
        """Starts one that was stopped or killed, and returns when it is ready."""
        Broker.call("start", str(self._member(number)))

    def put_away(self):
        """Stops all."""
        Broker.call("stop", str(self.folder))

    def _member(self, number: int) -> Path:
        return self.folder / str(number)
