"""`make bench-alerts`: detection held against theory, publications and other detectors; writes docs/."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.alerts import drawing, history, means, report, theory, wandering
from bench.alerts.contenders import EVERY, HEALTHY, ODDS_RATIO, Contender, Effort, contenders
from bench.alerts.streams import PATIENCE, WARM_UP, Delay, delay
from pipeline.detection.design import chart_for
from pipeline.detection.run_length import delay as computed_delay
from pipeline.detection.run_length import run_length

DOCS = Path(__file__).parents[2] / "docs"
TEXT = Path(__file__).parent / "text.md"
SHARES = (0.18, 0.20, 0.25, 0.30, 0.40)
HISTORIES = (250, 500, 1_000, 2_000, 5_000)
POINTS_BETWEEN_DAYS = (0.0, 1.0, 2.0, 3.0)
DAYS = 100
TILT = math.log(ODDS_RATIO)
HEALTHY_SHARES = (1 - HEALTHY, HEALTHY)


def main(arguments: Sequence[str]) -> None:
    """Measure, and write the tables and the chart."""
    options = _options(arguments)
    effort = Effort(options.streams, options.river_streams, options.answers)
    text = TEXT.read_text(encoding="utf-8").format(
        reference_points=_reference_points(options.runs),
        side_by_side=_side_by_side(effort, options.out),
        short_histories=_short_histories(options.members),
        wandering_days=_wandering_days(options.streams, options.members),
        scores=_scores(),
        runs=f"{options.runs:,}",
        streams=f"{options.streams:,}",
        river_streams=f"{options.river_streams:,}",
        members=f"{options.members:,}",
        healthy=f"{HEALTHY:.0%}",
        every=f"{EVERY:,}",
        warm_up=f"{WARM_UP:,}",
        patience=f"{PATIENCE:,}",
        answers_a_day=wandering.ANSWERS_A_DAY,
        days_of_history=wandering.DAYS_OF_HISTORY,
    )
    (options.out / "detection.md").write_text(text, encoding="utf-8")
    _say(f"written to {options.out}, {time.process_time():.0f} s of CPU")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.alerts", description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000, help="to their end, per reference point")
    parser.add_argument("--streams", type=int, default=4_000, help="of each detector")
    parser.add_argument("--river-streams", type=int, default=400, help="of each detector of river")
    parser.add_argument("--answers", type=int, default=20_000, help="of each stream, for false alarms")
    parser.add_argument("--members", type=int, default=1_000, help="with a history of their own")
    parser.add_argument("--out", type=Path, default=DOCS, metavar="DIR")
    return parser.parse_args(arguments)


def _reference_points(runs: int) -> str:
    _say("reference points")
    return report.reference_points(theory.held(theory.POINTS, runs))


def _side_by_side(effort: Effort, out: Path) -> str:
    found: dict[Contender, list[Delay]] = {}
    for contender in contenders(effort):
        _say(contender.name)
        found[contender] = _delays(contender)
    drawing.draw(found, SHARES, out / "detection.svg")
    return report.side_by_side(found, SHARES, _computed(next(iter(found)).name))


def _delays(contender: Contender) -> list[Delay]:
    """None for a detector that hardly ever is without an alarm for the time of the warm-up."""
    if contender.every < WARM_UP:
        return []
    streams = contender.streams
    return [delay(contender.make(streams), streams, HEALTHY, share) for share in SHARES]


def _computed(name: str) -> dict[str, list[float]]:
    chart = chart_for(HEALTHY_SHARES, TILT, EVERY)
    delays = [computed_delay(chart, HEALTHY_SHARES, (1 - share, share)) for share in SHARES]
    return {name: [run_length(chart, HEALTHY_SHARES), *delays]}


def _short_histories(number: int) -> str:
    _say("short histories")
    return report.short_histories(history.members(n, HEALTHY, TILT, EVERY, number) for n in HISTORIES)


def _wandering_days(streams: int, number: int) -> str:
    _say("days that differ")
    known = [chart_for(HEALTHY_SHARES, TILT, EVERY)]
    found = {}
    for points in POINTS_BETWEEN_DAYS:
        own = wandering.charts_from_history(HEALTHY, points, TILT, EVERY, number)
        found[points] = tuple(
            wandering.answers_between_alarms(charts, HEALTHY, points, streams, DAYS)
            for charts in (known, own)
        )
    return report.wandering_days(found)


def _scores() -> str:
    _say("scores")
    return report.scores(means.score(name, shares, 0.5, EVERY) for name, shares in means.KINDS.items())


def _say(what: str) -> None:
    sys.stderr.write(f"{what}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
