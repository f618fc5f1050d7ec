"""`make bench-peers`: firsthand beside its peers, in rounds; writes docs/peers.md and docs/peers.svg."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from bench import machine
from bench.arguments import positive, some_of
from bench.peers import drawing
from bench.peers.contest import NAMES, Contest
from bench.peers.contestants import BY_HAND
from bench.peers.outcome import Outcome, Standing
from bench.peers.page import Occasion, page
from bench.peers.samples import ALL, Sizes, samples
from pipeline.commands.options import clock
from pipeline.embedded_broker import EmbeddedBroker
from pipeline.errors import FirsthandError

DOCS = Path(__file__).parents[2] / "docs"


def main(arguments: Sequence[str], now: datetime) -> None:
    """Build, prepare, measure, write. A wrong or failed peer is shown as such, and is no failure."""
    options = _options(arguments)
    sizes = Sizes(options.events, options.slow_events, options.days)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    with tempfile.TemporaryDirectory(prefix="firsthand-peers-") as scratch, EmbeddedBroker() as broker:
        place = Path(scratch)
        _say(f"preparing {sizes.events:,} events")
        prepared = samples(broker.bootstrap, sizes, now, place)
        found = _rounds(Contest(broker.bootstrap, prepared), options, place)
    text = page(found, prepared[ALL], sizes, Occasion(now, options.runs, machine.facts()))
    _write(text, found, options.out)


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--runs", type=positive, default=3, help="rounds; medians count")
    parser.add_argument("--events", type=positive, default=1_000_000)
    parser.add_argument("--slow-events", type=positive, default=50_000, help="of them, for the slow peers")
    parser.add_argument("--days", type=float, default=1, help="that the events are of")
    parser.add_argument(
        "--only", type=some_of(NAMES, "program"), default=tuple(NAMES), metavar=",".join(NAMES)
    )
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR")
    return parser.parse_args(arguments)


def _rounds(contest: Contest, options: argparse.Namespace, place: Path) -> Mapping[str, Standing]:
    """Everyone once, and again: the machine's swings hit all alike."""
    contenders = contest.contenders(options.only, place)
    outcomes: dict[str, list[Outcome]] = {name: [] for name in contenders}
    for number in range(options.runs):
        for name, run in contenders.items():
            folder = place / f"{name}-{number}"
            folder.mkdir()
            outcomes[name].append(run(folder))
            _say(f"round {number + 1}: {NAMES[name]}: {_told(outcomes[name][-1])}")
            shutil.rmtree(folder)
    return {name: Standing(each, outcomes[BY_HAND.program]) for name, each in outcomes.items()}


def _told(outcome: Outcome) -> str:
    if outcome.cost is None:
        return outcome.verdict
    return f"{outcome.cpu_s_per_million:.1f} CPU s per million events, {outcome.verdict}"


def _write(text: str, found: Mapping[str, Standing], out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "peers.md").write_text(text, encoding="utf-8")
    drawing.draw(found, out / "peers.svg")
    _say(f"written to {out}")


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    try:
        main(sys.argv[1:], clock())
    except FirsthandError as error:
        sys.exit(f"bench: {error}")
    except KeyboardInterrupt:
        sys.exit("bench: interrupted")
