"""What a program costs: memory that is resident, and time of a processor."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Footprint:
    """Of one process, in MB and seconds. What is `own` no file stands behind; the rest is mostly code that was touched."""

    resident: float
    own: float
    seconds: float

    def __repr__(self) -> str:
        return f"{self.resident:.1f} MB resident, {self.own:.1f} of them not code, {self.seconds:.1f} CPU s"


def of(pid: int) -> Footprint:
    """Of the process with this number."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    mega = lambda name: int(status[name].split()[0]) / 1024
    # After the name, which may hold anything, the 12th and 13th fields are its time in user and system mode.
    after = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = int(after[11]) + int(after[12])
    return Footprint(mega("VmRSS"), mega("RssAnon"), ticks / os.sysconf("SC_CLK_TCK"))


def of_program(name: str) -> list[Footprint]:
    """Of every process on this machine that runs a program of this name."""
    found = []
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdigit() and (process / "exe").readlink().name == name:
                found.append(of(int(process.name)))
        except OSError:  # it has ended, or is a kernel's own
            continue
    return found
