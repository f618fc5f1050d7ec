"""What a soak is judged by, and how it is shown."""

import json
import subprocess
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.command import FIRSTHAND
from tests.soaking.running import Running


@dataclass(frozen=True)
class Verdict:
    """`lost`, `doubled`: accepted events that the worker has fewer, or more, than a replay of them."""

    broker: str
    seed: int
    seconds: float
    events: int
    consumed: int
    duplicates: int
    rejected: int
    faults: dict[str, int]
    slowest_return_s: dict[str, float]
    peak_mib: float
    database_mib: float
    slope_mib_per_minute: float | None
    max_lag: int
    law_holds: bool
    remaining: int
    lost: int
    doubled: int
    fingerprint: str
    fingerprint_of_a_replay: str

    @property
    def is_good(self) -> bool:
        """Nothing is lost, doubled, left or changed."""
        same = self.fingerprint == self.fingerprint_of_a_replay
        return self.law_holds and same and not (self.lost or self.doubled or self.remaining)

    def show(self) -> None:
        """Print it as a table."""
        table = Table(show_header=False, title="firsthand soak", title_justify="left")
        for name, figure in self._rows():
            table.add_row(name, figure)
        Console(width=110).print(table)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        path.write_text(json.dumps(asdict(self) | {"is_good": self.is_good}, indent=2) + "\n")

    def _rows(self) -> list[tuple[str, str]]:
        same = "equal to" if self.fingerprint == self.fingerprint_of_a_replay else "NOT that of"
        slope = self.slope_mib_per_minute
        return [
            ("broker, seed, seconds", f"{self.broker}, {self.seed}, {self.seconds:.0f}"),
            ("events", f"{self.events:,}"),
            (
                "consumed",
                f"{self.consumed:,} (duplicates {self.duplicates:,}, rejected {self.rejected:,})",
            ),
            *[
                (name, f"{count}; consumed again after {self.slowest_return_s[name]:.1f} s at most")
                for name, count in self.faults.items()
            ],
            ("maximum memory", f"{self.peak_mib:.0f} MiB"),
            (
                "memory slope",
                "too short a run to tell"
                if slope is None
                else f"{slope:+.2f} MiB a minute, undisturbed, beside DuckDB's {self.database_mib:.0f} MiB",
            ),
            ("maximum lag", f"{self.max_lag:,} records"),
            ("law", "holds" if self.law_holds else "DOES NOT HOLD"),
            ("left, lost, doubled", f"{self.remaining:,}, {self.lost:,}, {self.doubled:,}"),
            ("fingerprint", f"{same} a replay's: {self.fingerprint}"),
            ("verdict", "good" if self.is_good else "BAD"),
        ]


def judged(
    at: Running,
    broker: str,
    seed: int,
    *,
    seconds: float,
    returns: list[tuple[str, float]],
    peak_mib: float,
    database_mib: float,
    slope: float | None,
    max_lag: int,
) -> Verdict:
    """Compare the worker's database with that of a replay of the same events."""
    database = at.stream.database
    code, audited = _audit(at, database, "--kafka", at.stream.bootstrap)
    _run(at, "replay", at.stream.events, "--db", "replayed.duckdb")
    _, replayed = _audit(at, "replayed.duckdb")
    more = audited["accepted"] - replayed["accepted"]
    return Verdict(
        broker=broker,
        seed=seed,
        seconds=seconds,
        events=replayed["consumed"],
        consumed=audited["consumed"],
        duplicates=audited["duplicates"],
        rejected=audited["rejected"],
        faults=dict(Counter(name for name, _ in returns)),
        slowest_return_s={name: max(s for n, s in returns if n == name) for name, _ in returns},
        peak_mib=peak_mib,
        database_mib=database_mib,
        slope_mib_per_minute=slope,
        max_lag=max_lag,
        law_holds=code == 0 and audited["holds"],
        remaining=audited["remaining"],
        lost=max(0, -more),
        doubled=max(0, more),
        fingerprint=_run(at, "fingerprint", "--db", database).stdout.strip(),
        fingerprint_of_a_replay=_run(at, "fingerprint", "--db", "replayed.duckdb").stdout.strip(),
    )


def _audit(at: Running, database: str, *options: str) -> tuple[int, dict]:
    ended = _run(at, "audit", "--db", database, "--json", *options)
    return ended.returncode, json.loads(ended.stdout)


def _run(at: Running, *words: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [FIRSTHAND, *map(str, words)],
        cwd=at.stream.place,
        env=at.env,
        capture_output=True,
        text=True,
        check=False,
    )
