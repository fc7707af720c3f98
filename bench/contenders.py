"""Who takes part: how each is built, and the command that runs it."""

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Place:
    """Where a bench run happens."""

    bootstrap: str
    input_topic: str
    work: Path
    cache: Path
    kafka_jars: Path
    tidemill: Path

    def classes(self, name: str) -> Path:
        """The folder of a peer's compiled classes."""
        return self.work / "classes" / name

    def jars(self, name: str) -> Path:
        """The folder of a peer's jars, downloaded once for each version of its pom."""
        pom = HERE / name / "pom.xml"
        folder = self.cache / f"{name}-{checksum(pom)}"
        if not folder.exists():
            part = folder.with_suffix(".part")
            call("mvn", "-q", "-B", "-f", pom, "dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={part}")
            part.rename(folder)
        return folder


@dataclass(frozen=True)
class Contender:
    """One program that does the job. Without an output it only reads."""

    name: str
    what: str
    command: Callable[[Place], list[str]]
    build: Callable[[Place], None] = field(default=lambda place: None)
    output: str | None = None
    open_end: bool = False


def checksum(path: Path) -> str:
    """A short name of what a file holds."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def call(*command):
    subprocess.run([str(part) for part in command], check=True)


def compile_java(target: Path, jars: Path, *folders: str):
    """Compiles the Java sources of some folders here."""
    sources = [source for folder in folders for source in sorted((HERE / folder).glob("*.java"))]
    call("javac", "-d", target, "-cp", f"{jars}/*", *sources)


def java(classes: Path, jars: Path, main: str, *args, heap: str = "2g") -> list[str]:
    """The command that runs a Java class."""
    quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    opens = "--add-opens=java.base/java.util=ALL-UNNAMED"  # Flink's serializers look into java.util
    return ["java", f"-Xmx{heap}", opens, quiet, "-cp", f"{classes}:{jars}/*", main, *[str(arg) for arg in args]]


def build_rawc(place: Place):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "rdkafka"], check=True, capture_output=True, text=True).stdout.split()
    call("cc", "-O2", "-Wall", "-Wextra", "-o", place.work / "rawc", HERE / "rawc/rawc.c", *flags)


def tidemill(place: Place) -> list[str]:
    state = place.work / "tidemill-state"
    return [str(place.tidemill), "run", str(HERE / "tidemill"), "--kafka", place.bootstrap, "--state", str(state), "--bounded"]


def flink(main: str, output: str) -> Callable[[Place], list[str]]:
    return lambda place: java(
        place.classes("flink"), place.jars("flink"), main, place.bootstrap, place.input_topic, output, place.work / "checkpoints" / main
    )


def kstreams(output: str) -> Callable[[Place], list[str]]:
    return lambda place: java(
        place.classes("kstreams"), place.jars("kstreams"), "Job", place.bootstrap, place.input_topic, output, place.work / "kstreams-state"
    )


def build_peer(name: str) -> Callable[[Place], None]:
    return lambda place: compile_java(place.classes(name), place.jars(name), name)


CONTENDERS = [
    Contender(
        name="rawc",
        what="librdkafka consume alone (C)",
        command=lambda place: [str(place.work / "rawc"), place.bootstrap, place.input_topic],
        build=build_rawc,
    ),
    Contender(
        name="tidemill",
        what="Tidemill, 200 ms commits",
        command=tidemill,
        output="totals-tidemill",
    ),
    Contender(
        name="flink-ds",
        what="Flink 2.2 DataStream, 1 s checkpoints",
        command=flink("DataStreamJob", "totals-flink-ds"),
        build=build_peer("flink"),
        output="totals-flink-ds",
    ),
    Contender(
        name="flink-sql",
        what="Flink 2.2 SQL, 1 s checkpoints",
        command=flink("SqlJob", "totals-flink-sql"),
        build=build_peer("flink"),
        output="totals-flink-sql",
    ),
    Contender(
        name="kstreams",
        what="Kafka Streams 4.3, suppress, 1 s commits",
        command=kstreams("totals-kstreams"),
        build=build_peer("kstreams"),
        output="totals-kstreams",
        open_end=True,
    ),
]
