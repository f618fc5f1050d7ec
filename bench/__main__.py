"""`make bench`: the measurements of the README's table, printed and written as JSON."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bench import machine, table
from bench.arguments import positive, some_of
from bench.figures import Part
from bench.freshness import measure_freshness
from bench.hostile import measure_hostile
from bench.inputs import Setup
from bench.live_load import measure_live_load
from bench.readings import measure_readings
from bench.replayed import measure_replay
from bench.rules import measure_rules
from bench.worker import measure_worker
from pipeline.commands.options import clock
from pipeline.errors import FirsthandError

PARTS: Mapping[str, Callable[[Setup], Part]] = {
    "a": measure_worker,
    "b": measure_replay,
    "c": measure_readings,
    "d": measure_freshness,
    "e": measure_hostile,
    "f": measure_live_load,
    "g": measure_rules,
}
RESULTS = Path(__file__).parent / "results.json"


def main(arguments: Sequence[str], now: datetime) -> None:
    """Measure what is asked, print the table, write the JSON. A missed goal is no failure."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="firsthand-bench-") as scratch:
        setup = _setup(options, now, Path(scratch))
        setup.kept.mkdir(parents=True, exist_ok=True)
        found, parts = machine.facts(), {}
        for letter in options.only:
            sys.stderr.write(f"measuring {letter}: {PARTS[letter].__doc__}\n")
            parts[letter] = PARTS[letter](setup)
            _write(options.out, {"measured_at": now.isoformat(), "machine": found} | _results(setup, parts))
    table.show(parts, found, setup.runs)
    sys.stderr.write(f"written to {options.out}\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description=__doc__, epilog="see bench/README.md"
    )
    parser.add_argument(
        "--only",
        type=some_of(PARTS, "part"),
        default=tuple(PARTS),
        metavar=",".join(PARTS),
        help="these parts",
    )
    parser.add_argument("--runs", type=positive, default=3, help="of each figure; the median counts")
    parser.add_argument("--events", type=positive, default=1_000_000, help="for a, b and before d")
    parser.add_argument("--history", type=positive, default=10_000_000, help="touchpoints for c")
    parser.add_argument("--hostile", type=positive, default=200_000, help="records of each sort for e")
    parser.add_argument("--rate", type=positive, default=5_000, help="events per second for d")
    parser.add_argument("--live-rate", type=positive, default=20_000, help="events per second for f")
    parser.add_argument("--seconds", type=positive, default=30, help="that d and f send for")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep prepared inputs there, and use them")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE", help="the JSON")
    return parser.parse_args(arguments)


def _setup(options: argparse.Namespace, now: datetime, scratch: Path) -> Setup:
    return Setup(
        runs=options.runs,
        events=options.events,
        history=options.history,
        hostile=options.hostile,
        rate=options.rate,
        live_rate=options.live_rate,
        seconds=options.seconds,
        now=now,
        kept=(options.keep or scratch / "inputs").resolve(),
        scratch=scratch,
    )


def _results(setup: Setup, parts: Mapping[str, Part]) -> dict[str, Any]:
    names = ("runs", "events", "history", "hostile", "rate", "live_rate", "seconds")
    sizes = {name: getattr(setup, name) for name in names}
    return {"settings": sizes, "parts": {letter: part.as_dict() for letter, part in parts.items()}}


def _write(path: Path, results: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main(sys.argv[1:], clock())
    except FirsthandError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
