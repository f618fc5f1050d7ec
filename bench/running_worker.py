"""The real `firsthand worker` in a process of its own, watched through its HTTP server."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench.errors import BenchError
from bench.processes import FIRSTHAND, Child, Cost
from pipeline.held import beside

START_DEADLINE_S = 60.0
LOOK_EVERY_S = 0.2
"""An answer costs the worker some milliseconds of CPU: often enough to time seconds, and no oftener."""


class RunningWorker:
    """A worker under measurement; the database is never opened beside it."""

    def __init__(self, child: Child, database: Path) -> None:
        self.child = child
        self._database = database
        self._connection = self._connect()

    def look(self, span: str = "15m", by: str = "all") -> tuple[float, dict[str, Any]]:
        """The worker's state and readings, and the moment (monotonic) at which they were here."""
        self.child.require_alive()
        try:
            self._connection.request("GET", f"/readings?span={span}&by={by}")
            answer = json.loads(self._connection.getresponse().read())
        except (OSError, HTTPException, ValueError) as error:
            self.child.require_alive()
            raise BenchError(f"the worker does not answer: {error}") from error
        return time.monotonic(), answer

    def until_running(self) -> float:
        """Wait until it consumes; the moment at which it did."""
        deadline = time.monotonic() + START_DEADLINE_S
        while True:
            at, seen = self.look()
            if seen["state"]["phase"] == "running":
                return at
            if at > deadline:
                raise BenchError(f"the worker did not begin to consume within {START_DEADLINE_S:.0f} s")
            time.sleep(LOOK_EVERY_S)

    def idle(self, seconds: float) -> None:
        """Watch it, as a busy one is watched, until it has lived so long."""
        while time.monotonic() < self.child.began + seconds:
            self.look()
            time.sleep(LOOK_EVERY_S)

    def stop(self) -> Cost:
        """End it cleanly; what it took from start to end."""
        self.close()
        self.child.stop()
        return self.child.cost()

    def close(self) -> None:
        """Let its server go."""
        self._connection.close()

    def _connect(self) -> HTTPConnection:
        announced, deadline = beside(self._database), time.monotonic() + START_DEADLINE_S
        while not announced.exists():
            self.child.require_alive()
            if time.monotonic() > deadline:
                raise BenchError(f"the worker did not start within {START_DEADLINE_S:.0f} s")
            time.sleep(0.01)
        url = urlsplit(json.loads(announced.read_text(encoding="utf-8"))["url"])
        return HTTPConnection(str(url.hostname), url.port, timeout=START_DEADLINE_S)


@contextmanager
def running_worker(
    bootstrap: str, database: Path, place: Path, group: str, topic: str = "touchpoints"
) -> Iterator[RunningWorker]:
    """Start `firsthand worker` on `topic`; it has ended when the block has."""
    settings = {"FIRSTHAND_TOPIC": topic, "FIRSTHAND_DLQ_TOPIC": f"{topic}-dlq"}
    argv = [*FIRSTHAND, "worker", "--kafka", bootstrap, "--db", str(database), "--group", group]
    with Child(argv, place, settings) as child:
        worker = RunningWorker(child, database)
        try:
            yield worker
        finally:
            worker.close()
