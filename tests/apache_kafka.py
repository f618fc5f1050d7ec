"""Apache Kafka in KRaft mode for the tests: fetched with Maven, on free ports of the loopback.

    with ApacheKafka(folder) as kafka:
        kafka.bootstrap, kafka.nodes[0].process.pid

A node outlives neither the `with` block nor, on Linux, the thread that started it. Its log directory
stays in `folder`, so that a node that was killed goes on with its data after `start`.
"""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from pipeline.embedded_broker import LOOPBACK, _die_with_parent, _free_port

POM = Path(__file__).with_name("pom.xml")
JAVA = 17
FETCH_DEADLINE_S = 240
START_DEADLINE_S = 60
STOP_DEADLINE_S = 20
STARTED = "Kafka Server started"
CLUSTER_ID = "Zmlyc3RoYW5kLXRlc3RzMA"  # sixteen bytes in base64, as Kafka wants them
PLAIN = {"PLAINTEXT": "PLAINTEXT"}
JVM = ("-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-Dlog4j2.level=INFO")
NODE = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "broker.heartbeat.interval.ms": "200",
    "broker.session.timeout.ms": "1500",  # a node that was killed may come back that soon
    "group.min.session.timeout.ms": "500",
    "log.cleaner.backoff.ms": "100",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


class NotHereError(Exception):
    """Apache Kafka cannot be had on this machine; says why."""


def version() -> str:
    """The version of Apache Kafka that tests/pom.xml asks for."""
    found = re.search(r"<artifactId>kafka_[\d.]+</artifactId>\s*<version>([^<]+)</version>", POM.read_text())
    assert found, "tests/pom.xml names no broker"
    return found[1]


def artifacts() -> Path:
    """A folder with the broker's jars, kept outside the project; fetched where it is not there yet."""
    require_java()
    state = hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    kept = cache() / f"apache-kafka-{version()}-{state}"
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as partial:
            fetch(Path(partial) / "jars")
            if not kept.is_dir():  # another run may have been faster
                (Path(partial) / "jars").rename(kept)
    return kept


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "firsthand"


def require_java() -> None:
    """Raise NotHereError unless a Java of at least 17 answers."""
    try:
        said = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHereError(f"it needs Java {JAVA} or newer ({error})") from error
    found = re.search(r'version "(\d+)', said)
    if not found or int(found[1]) < JAVA:
        raise NotHereError(f"it needs Java {JAVA} or newer, not {said.splitlines()[0]}")


def fetch(to: Path) -> None:
    """Copy the broker and what it needs into a folder, with Maven."""
    asked = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", "-DincludeScope=runtime"]
    try:
        done = subprocess.run(
            [*asked, f"-DoutputDirectory={to}"],
            capture_output=True,
            text=True,
            timeout=FETCH_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotHereError(f"Maven could not fetch it ({error})") from error
    if done.returncode or not any(to.glob("kafka_*.jar")):
        said = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr)
        raise NotHereError(f"Maven could not fetch it ({said.strip()[:300]})")


def had(start: Callable[[], "ApacheKafka"]) -> "ApacheKafka":
    """Apache Kafka where it can be had; elsewhere the test is skipped, and fails in CI."""
    try:
        return start()
    except NotHereError as error:
        reason = f"no Apache Kafka on this machine: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


class Node:
    """One broker that is a controller, too; `process` is the one that runs, or ran last."""

    def __init__(self, number: int, folder: Path, jars: Path, properties: Mapping[str, str]) -> None:
        self.number = number
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self._java = ["java", *JVM, "-cp", f"{jars}/*"]
        self._log = folder / "broker.log"
        self._properties = folder / "server.properties"
        folder.mkdir(parents=True)
        lines = (NODE | {"node.id": str(number), "log.dirs": str(folder / "log")} | dict(properties)).items()
        self._properties.write_text("".join(f"{name}={value}\n" for name, value in lines))
        self._format()

    def start(self) -> None:
        """Start the process; `wait` returns when it serves."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self._java, "kafka.Kafka", str(self._properties)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent(),  # noqa: PLW1509 - one call prepared before the fork
            )

    def wait(self) -> None:
        """Return when it says that it serves."""
        deadline = time.monotonic() + START_DEADLINE_S
        while STARTED not in self.said():
            assert self.process is not None
            assert self.process.poll() is None, f"the broker ended: {self.said()[-2000:]}"
            assert time.monotonic() < deadline, f"the broker did not start: {self.said()[-2000:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        """End it politely; by force after 20 s."""
        self.send(signal.SIGCONT)
        self.send(signal.SIGTERM)
        if self.process is not None:
            try:
                self.process.wait(STOP_DEADLINE_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a crash would."""
        self.send(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal: SIGSTOP freezes it, SIGCONT lets it go on."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def said(self) -> str:
        """What it has logged since its start."""
        return self._log.read_text(errors="replace")

    def _format(self) -> None:
        tool = [*self._java, "kafka.tools.StorageTool", "format", "--cluster-id", CLUSTER_ID]
        done = subprocess.run(
            [*tool, "--config", str(self._properties)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


class ApacheKafka:
    """A cluster of `nodes` on 127.0.0.1 for as long as the `with` block lasts.

    `listeners`: name to security protocol; PLAINTEXT is always there, for the nodes and for what the
    tests do behind the clients' backs. `addresses` has the bootstrap servers of each. `properties` go
    into every node's server.properties. Raises NotHereError where Apache Kafka cannot be had.
    """

    def __init__(
        self,
        folder: Path,
        nodes: int = 1,
        *,
        listeners: Mapping[str, str] = PLAIN,
        properties: Mapping[str, str] | None = None,
    ) -> None:
        jars = artifacts()
        names = PLAIN | dict(listeners)
        numbers = range(1, nodes + 1)
        ports = {number: {name: _free_port() for name in names} for number in numbers}
        controllers = {number: _free_port() for number in numbers}
        self.addresses = {name: ",".join(at(ports[number][name]) for number in numbers) for name in names}
        self.bootstrap = self.addresses["PLAINTEXT"]
        shared = {
            "controller.quorum.voters": ",".join(
                f"{number}@{at(port)}" for number, port in controllers.items()
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:{protocol}" for name, protocol in {**names, "CONTROLLER": "PLAINTEXT"}.items()
            ),
            **replication(nodes),
            **(properties or {}),
        }
        self.nodes = [
            Node(
                number,
                folder / f"node-{number}",
                jars,
                shared | listening(ports[number], controllers[number]),
            )
            for number in numbers
        ]

    def start(self) -> None:
        """Start all nodes, and return when all serve."""
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.wait()

    def stop(self) -> None:
        """End all nodes at once: a polite end would have each wait for the others, for minutes."""
        for node in self.nodes:
            node.kill()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def listening(ports: Mapping[str, int], controller: int) -> dict[str, str]:
    clients = [f"{name}://{at(port)}" for name, port in ports.items()]
    return {
        "listeners": ",".join([*clients, f"CONTROLLER://{at(controller)}"]),
        "advertised.listeners": ",".join(clients),
    }


def replication(nodes: int) -> dict[str, str]:
    """Every topic on every node; of three, two must have a record before it counts as written."""
    quorum = str(nodes // 2 + 1)
    names = ("default.replication.factor", "offsets.topic.replication.factor")
    return {
        **dict.fromkeys((*names, "transaction.state.log.replication.factor"), str(nodes)),
        **dict.fromkeys(("min.insync.replicas", "transaction.state.log.min.isr"), quorum),
    }


def at(port: int) -> str:
    return f"{LOOPBACK}:{port}"
