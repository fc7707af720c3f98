"""Workers that come and go: each is a process that runs all pipelines, with a state of its own."""

import signal
from pathlib import Path

from harness.tidemill import Run, Tidemill


class Crew:
    """Any number of workers that share pipelines."""

    def __init__(self, tidemill: Tidemill, manifests: list[Path], bootstrap: str, folder: Path):
        self._run = lambda number, bounded: tidemill.run(
            *manifests, kafka=bootstrap, state=folder / f"state-{number}", bounded=bounded, name=f"worker-{number}"
        )
        self.runs: dict[int, Run] = {}

    def check_alive(self):
        """Fails if one has ended by itself."""
        for run in self.runs.values():
            assert run.running(), f"{run} ended by itself:\n{run.tail()}"

    def start(self) -> int:
        """Starts one more, under the lowest number that is free."""
        number = next(n for n in range(len(self.runs) + 1) if n not in self.runs)
        self.runs[number] = self._run(number, bounded=False)
        return number

    def kill(self, number: int):
        """SIGKILL."""
        self.runs.pop(number).kill()

    def dismiss(self, number: int):
        """Asks one to end, and waits until it has."""
        run = self.runs.pop(number)
        run.signal(signal.SIGTERM)
        run.succeed(limit=60)

    def finish(self, limit: float):
        """Asks all to end; then one reads on to the end of the input and closes every window."""
        for number in list(self.runs):
            self.dismiss(number)
        self._run(0, bounded=True).succeed(limit)
