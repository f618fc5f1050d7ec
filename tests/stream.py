"""A stream of simulated events to be disturbed on its way, and the proof that nothing of it was lost.

The measure is the same for every fault: `audit` finds that the law holds and that nothing is left to be
consumed, and the fingerprint is the one that a run of the same events has that nothing happened to.
"""

import json
import os
import subprocess
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pipeline.audit import Audit, audit
from pipeline.database import open_reader
from pipeline.fingerprint import fingerprint
from pipeline.held import Holder, reader
from pipeline.kafka import count_waiting
from tests.command import done, started, until

SMALL_TRANSACTIONS = {"FIRSTHAND_MAX_RECORDS": "1000"}
"""So that a fault finds many of them to fall into."""


WHOLE: list[int] = []
"""How many records came out whole in the test that runs; `conftest.py` tells it at the end."""


@dataclass
class Stream:
    """`events` (a file) for `topic` at `bootstrap`, and `firsthand worker` on `database` in `place`."""

    bootstrap: str
    topic: str
    place: Path
    events: Path
    database: str = "w.duckdb"

    @property
    def env(self) -> dict[str, str]:
        """The environment of every command: a topic and a group of its own."""
        topics = {"TOPIC": "", "DLQ_TOPIC": "-dlq", "ALERTS_TOPIC": "-alerts"}
        names = {name: f"{self.topic}{end}" for name, end in topics.items()}
        names["GROUP"] = f"group-of-{self.topic}"
        return os.environ | SMALL_TRANSACTIONS | {f"FIRSTHAND_{name}": text for name, text in names.items()}

    @cached_property
    def undisturbed(self) -> str:
        """The fingerprint of a run that nothing happens to."""
        done("replay", self.events, "--db", "undisturbed.duckdb", cwd=self.place)
        return done("fingerprint", "--db", "undisturbed.duckdb", cwd=self.place).strip()

    def send(self, *options: object) -> None:
        """All events onto the topic, which is made where it is missing."""
        done("send", self.events, "--kafka", self.bootstrap, *options, cwd=self.place, env=self.env)

    def sending(self, *options: object) -> AbstractContextManager[subprocess.Popen]:
        """The same, while the block does something else."""
        return self._started("send", self.events, "--kafka", self.bootstrap, *options)

    def worker(self, **options: Any) -> AbstractContextManager[subprocess.Popen]:
        """A worker that runs while the block does; killed at its end if it still runs."""
        return self._started("worker", "--kafka", self.bootstrap, "--db", self.database, **options)

    def state(self) -> dict[str, Any]:
        """What the worker says of this run of its own; nothing where it does not answer."""
        try:
            url = json.loads((self.place / f"{self.database}.worker").read_text())["url"]
            with urlopen(f"{url}readings") as answer:  # noqa: S310 - the loopback
                return json.load(answer)["state"]
        except (OSError, HTTPException, ValueError):
            return {}

    def consumed(self) -> int:
        """How many records this run of the worker has stored, by its own word; 0 where it does not answer."""
        return self.state().get("consumed", 0)

    def remaining(self) -> int:
        """How many records are still to be consumed, by what `audit` asks; worker or not."""
        with reader(self.place / self.database) as source:
            found = Audit.from_dict(source.ask("audit")) if isinstance(source, Holder) else audit(source)
        assert found.faults == ()
        reached = {each.partition: each.next_offset for each in found.partitions}
        return sum(count_waiting(self.bootstrap, self.topic, reached).values())

    def until_caught_up(self) -> None:
        """Return when the running worker has stored everything."""
        until(lambda: self.state().get("phase") == "running", "no worker runs")
        until(lambda: self.remaining() == 0, "it did not come to the end of the topic")

    def assert_whole(self, **counts: int) -> None:
        """Once the last worker has ended: nothing is left, the law holds, and the numbers are the same.

        `counts`: figures of `audit` that are known beforehand.
        """
        audited = self.audited("--kafka", self.bootstrap)
        assert {name: audited[name] for name in counts} == counts
        assert audited["remaining"] == 0
        with open_reader(self.place / self.database) as con:
            assert fingerprint(con) == self.undisturbed
        WHOLE.append(audited["consumed"])

    def audited(self, *options: object) -> dict[str, Any]:
        """The figures of `audit`, which finds that the law holds."""
        return json.loads(
            done("audit", "--db", self.database, "--json", *options, cwd=self.place, env=self.env)
        )

    def _started(self, *words: object, **options: Any) -> AbstractContextManager[subprocess.Popen]:
        return started(*words, cwd=self.place, **({"env": self.env} | options))
