"""One run of each contestant: a fresh process and database, its cost, and whether its result is exact."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench.errors import BenchError
from bench.peers.contestants import BY_HAND, PEERS, Peer
from bench.peers.environments import python_of
from bench.peers.outcome import Outcome, as_for
from bench.peers.samples import ALL, FEW, SLOW, Sample
from bench.peers.verdict import EXACT, OF_A_PEER, OF_FIRSTHAND, compare, compare_count
from bench.processes import LOOK_EVERY_S, Child, Cost, firsthand
from bench.running_worker import running_worker
from bench.worker import require_law, until_stored

DEADLINE_S = 900.0
WORKER, REPLAY = "worker", "replay"
NAMES: Mapping[str, str] = {
    **{peer.program: peer.name for peer in PEERS},
    WORKER: "firsthand worker",
    REPLAY: "firsthand replay",
}


@dataclass(frozen=True)
class Contest:
    """Where it takes place: `bootstrap` is the embedded broker, `samples` are by topic."""

    bootstrap: str
    samples: Mapping[str, Sample]

    def contenders(self, asked: Sequence[str], place: Path) -> Mapping[str, Callable[[Path], Outcome]]:
        """Those asked for and the one they are measured against, each ready to run in a folder of its own."""
        ours = {WORKER: self._worker, REPLAY: self._replay}
        contenders: dict[str, Callable[[Path], Outcome]] = {}
        for peer in PEERS:
            if peer.program in asked or peer == BY_HAND:
                contenders[peer.program] = partial(self._peer, peer, python_of(peer, place))
        return contenders | {name: run for name, run in ours.items() if name in asked}

    def _peer(self, peer: Peer, python: Path, place: Path) -> Outcome:
        sample = self.samples[SLOW if peer.slow else ALL]
        database, verdict, cost = self._ended(peer, python, place / "more", sample)
        if verdict == EXACT:
            verdict = (
                compare_count(database, sample.records)
                if peer.only_counts
                else compare(database, OF_A_PEER, sample.totals)
            )
        events = self.samples[ALL].records
        few = self.samples[FEW]
        if cost is not None and few.records < sample.records < events:
            _, fared, least = self._ended(peer, python, place / "few", few)
            verdict = fared if verdict == EXACT else verdict
            cost = least and as_for(events, (few.records, least), (sample.records, cost))
        return Outcome(verdict, events, cost)

    def _ended(self, peer: Peer, python: Path, place: Path, sample: Sample) -> tuple[Path, str, Cost | None]:
        place.mkdir()
        database = place / "totals.duckdb"
        arguments = [self.bootstrap, sample.topic, str(sample.records), str(database)]
        try:
            return database, EXACT, _within([str(python), str(peer.source), *arguments], place)
        except BenchError as error:
            return database, f"failed: {error}", None

    def _worker(self, place: Path) -> Outcome:
        sample, database = self.samples[ALL], place / "worker.duckdb"
        with running_worker(self.bootstrap, database, place, f"peers-{place.name}", ALL) as worker:
            until_stored(worker, sample.records)
            cost = worker.stop()
        require_law(database, sample.records, place / "audit")
        return Outcome(compare(database, OF_FIRSTHAND, sample.accepted), sample.records, cost)

    def _replay(self, place: Path) -> Outcome:
        sample, database = self.samples[ALL], place / "replay.duckdb"
        cost, _ = firsthand(place, "replay", str(sample.file), "--db", str(database))
        require_law(database, sample.records, place / "audit")
        return Outcome(compare(database, OF_FIRSTHAND, sample.accepted), sample.records, cost)


def _within(argv: Sequence[str], place: Path) -> Cost:
    deadline = time.monotonic() + DEADLINE_S
    with Child(argv, place) as child:
        while not child.has_ended():
            if time.monotonic() > deadline:
                raise BenchError(f"not at its end after {DEADLINE_S:.0f} s")
            time.sleep(LOOK_EVERY_S)
        return child.cost()
