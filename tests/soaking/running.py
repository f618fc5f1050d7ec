"""What runs during a soak: the broker, the sender, the worker with the database, at times a second."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.embedded_broker import EmbeddedBroker
from tests.apache_kafka import ApacheKafka
from tests.command import FIRSTHAND, until
from tests.stream import Stream

TOPIC = "touchpoints"
CHATTY = ("FIRSTHAND_MAX_RECORDS",)
"""Of the fault tests' settings: a soak runs with the size of transactions that users have."""


class FailedError(Exception):
    """A part of the soak ended that nobody asked to."""


class Running:
    """One soak's processes. `worker` is the one that has the database; `kafka` is Apache Kafka or None."""

    def __init__(self, stream: Stream, broker: ApacheKafka | EmbeddedBroker, stack: ExitStack) -> None:
        self.stream = stream
        self.kafka = broker if isinstance(broker, ApacheKafka) else None
        self.env = {name: text for name, text in stream.env.items() if name not in CHATTY}
        self._embedded = broker if isinstance(broker, EmbeddedBroker) else None
        self._stack = stack
        self._started = 0
        self.worker = self.start_worker()

    @property
    def broker(self) -> subprocess.Popen:
        """The broker's process."""
        process = self.kafka.nodes[0].process if self.kafka else self._embedded and self._embedded.process
        assert process is not None
        return process

    def start_worker(self) -> subprocess.Popen:
        """A worker on the one database; it stands by where another holds that."""
        return self.start("worker", "--kafka", self.stream.bootstrap, "--db", self.stream.database)

    def start(self, *words: object) -> subprocess.Popen:
        """A `firsthand` command, killed at the end if it still runs; what it says goes to a file."""
        self._started += 1
        with self.said(self._started).open("wb") as said:
            process = subprocess.Popen(
                [FIRSTHAND, *map(str, words)],
                cwd=self.stream.place,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
            )
        process.number = self._started
        self._stack.callback(_end, process)
        return process

    def said(self, number: int) -> Path:
        """Where the process of this number writes."""
        return self.stream.place / f"said-{number}.txt"

    def words_of(self, process: subprocess.Popen) -> str:
        """What a process of `start` has said so far."""
        return self.said(process.number).read_text(errors="replace")

    def until_more(self, least: int = 1) -> None:
        """Return once the worker has stored `least` records more than now; FailedError if it ends instead."""
        now = self.stream.consumed()

        def more() -> bool:
            self.require_worker()
            return self.stream.consumed() >= now + least

        until(more, "the worker does not consume")

    def require_worker(self) -> None:
        """Raise FailedError if the worker has ended although nobody asked it to."""
        if self.worker.poll() is not None:
            raise FailedError(
                f"the worker ended (exit code {self.worker.returncode}): {self.words_of(self.worker)[-600:]}"
            )


def _end(process: subprocess.Popen) -> None:
    process.kill()
    process.wait()


@contextmanager
def started(kind: str, place: Path, events: int, seed: int) -> Iterator[Running]:
    """Simulate the events, start a broker of that kind and a worker on an empty topic of it."""
    say(f"simulating {events:,} events")
    _simulate(place, events, seed)
    starts: dict[str, Callable[[], ApacheKafka | EmbeddedBroker]] = {
        "apache": lambda: ApacheKafka(place / "apache-kafka"),
        "embedded": EmbeddedBroker,
    }
    with ExitStack() as stack:
        broker = stack.enter_context(starts[kind]())
        stream = Stream(broker.bootstrap, TOPIC, place, place / "events.jsonl")
        running = Running(stream, broker, stack)
        yield running


def _simulate(place: Path, events: int, seed: int) -> None:
    subprocess.run(
        [FIRSTHAND, "simulate", "--events", str(events), "--seed", str(seed), "--to", "events.jsonl"],
        cwd=place,
        check=True,
        stderr=subprocess.DEVNULL,
    )


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
