"""The program under test: starting it, watching it, and taking it away."""

import os
import signal
import subprocess
from pathlib import Path


class Run:
    """A `tidemill` that runs. Everything it prints is in its log."""

    def __init__(self, command: list[str], log: Path):
        self.command = command
        self.log = log
        with log.open("ab") as out:
            # It must not outlive the tests, whatever becomes of them.
            guarded = ["setpriv", "--pdeathsig", "KILL", *command]
            self.process = subprocess.Popen(guarded, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)

    def __str__(self):
        return f"{' '.join(self.command)} (pid {self.process.pid}, log {self.log})"

    def signal(self, number: signal.Signals):
        """Sends a signal, if it still runs."""
        self.process.send_signal(number)

    def running(self) -> bool:
        """Whether it still runs. Fails if it has ended with an error, which nobody asked for."""
        status = self.process.poll()
        assert status in (None, 0), f"{self} ended with {status}:\n{self.tail()}"
        return status is None

    def wait(self, limit: float) -> int:
        """Waits for its end and returns its exit status; a signal's number is negative."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self} did not end within {limit:.0f} s:\n{self.tail()}") from None

    def succeed(self, limit: float):
        """Waits for its end, which must be a good one."""
        status = self.wait(limit)
        assert status == 0, f"{self} ended with {status}:\n{self.tail()}"

    def kill(self):
        """SIGKILL, and waits until it is gone."""
        self.process.kill()
        self.process.wait()

    def tail(self, lines: int = 40) -> str:
        """The last lines that it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class Tidemill:
    """The command-line program; it knows what it has started."""

    def __init__(self, binary: Path, logs: Path):
        self.binary = binary
        self.logs = logs
        self.runs: list[Run] = []

    def run(
        self,
        *paths: Path,
        kafka: str | None = None,
        state: Path | None = None,
        bounded: bool = False,
        listen: str | None = None,
        name: str = "run",
    ) -> Run:
        """Starts `tidemill run`. Runs of the same name write to the same log."""
        command = [str(self.binary), "run", *map(str, paths)]
        command += ["--kafka", kafka] if kafka else []
        command += ["--state", str(state)] if state else []
        command += ["--bounded"] if bounded else []
        command += ["--listen", listen] if listen else []
        run = Run(command, self.logs / f"{name}.log")
        self.runs.append(run)
        return run

    def call(self, *args, limit: float = 60, stdin: bytes = b"") -> subprocess.CompletedProcess:
        """Runs any command to its end and returns status and output."""
        command = [str(self.binary), *map(str, args)]
        try:
            return subprocess.run(command, input=stdin, capture_output=True, timeout=limit)
        except subprocess.TimeoutExpired as e:
            raise TimeoutError(f"{' '.join(command)} did not end within {limit:.0f} s: {e.output!r} {e.stderr!r}") from None

    def output(self, *args, limit: float = 60, stdin: bytes = b"") -> list[str]:
        """Runs a command that must succeed and returns the lines that it prints."""
        done = self.call(*args, limit=limit, stdin=stdin)
        assert done.returncode == 0, f"tidemill {' '.join(map(str, args))} ended with {done.returncode}: {done.stderr.decode()}"
        return done.stdout.decode().splitlines()

    def put_away(self):
        """Takes away whatever still runs, stopped or not."""
        for run in self.runs:
            if run.process.poll() is None:
                run.kill()


def find_binary() -> Path:
    """The program that is named by TIDEMILL_BIN, or built in the target folder."""
    root = Path(__file__).resolve().parents[3]
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    binary = Path(os.environ.get("TIDEMILL_BIN", target / "debug" / "tidemill"))
    assert binary.exists(), f"{binary} is not there: build it (cargo build -p tidemill-cli) or name it in TIDEMILL_BIN"
    return binary


def is_spilled(state: Path) -> bool:
    """Whether the worker with this folder has state on disk that did not fit into memory."""
    return any((state / "spill").glob("*/keyspaces/*/tables/*"))
