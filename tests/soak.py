"""`make soak`: a steady load through a worker while, at random moments, things break: python -m tests.soak.

For two fifths of the time a fault follows the other; the rest is undisturbed, to see whether memory
grows. Exit 1 where an event is lost or doubled, the law does not hold or the fingerprint is not that of
a replay of the same events.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.soaking.faults import ANYWHERE, APACHE_ONLY, Fault
from tests.soaking.running import FailedError, Running, say, started
from tests.soaking.verdict import Verdict, judged
from tests.soaking.watch import Watch

DISTURBED = 2 / 5
QUIET_S = (2.0, 8.0)
"""Between the return from a fault and the next."""


def main(arguments: Sequence[str]) -> int:
    """Soak, print the table; the exit code."""
    asked = _asked(arguments)
    with tempfile.TemporaryDirectory(prefix="firsthand-soak-") as folder:
        try:
            verdict = _soak(asked, Path(folder))
        except (FailedError, AssertionError) as error:
            say(f"soak: {error}")
            return 1
    verdict.show()
    if asked.json:
        verdict.write(asked.json)
    return 0 if verdict.is_good else 1


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of load")
    parser.add_argument("--rate", type=int, default=5000, help="events per second")
    parser.add_argument("--seed", type=int, default=1, help="of the events and the faults")
    parser.add_argument("--broker", choices=("apache", "embedded"), default="apache")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there, too")
    return parser.parse_args(arguments)


def _soak(asked: argparse.Namespace, place: Path) -> Verdict:
    seconds = asked.minutes * 60
    with (
        started(asked.broker, place, int(seconds * asked.rate), asked.seed) as running,
        Watch(running) as watch,
    ):
        began = time.monotonic()
        events = running.stream.events
        sender = running.start("send", events, "--kafka", running.stream.bootstrap, "--rate", asked.rate)
        running.until_more()
        returns = list(_disturb(running, _faults(asked), asked.seed, began + seconds * DISTURBED))
        calm_since = time.monotonic()
        say("undisturbed from here on")
        while sender.poll() is None:
            running.require_worker()
            time.sleep(0.5)
        slope = watch.slope(calm_since)
        if sender.returncode:
            raise FailedError(f"the sender failed: {running.words_of(sender)[-600:]}")
        running.stream.until_caught_up()
        _end(running)
        say("replaying the same events")
        return judged(
            running,
            asked.broker,
            asked.seed,
            seconds=time.monotonic() - began,
            returns=returns,
            peak_mib=watch.peak_mib,
            database_mib=watch.database_mib,
            slope=slope,
            max_lag=watch.max_lag,
        )


def _faults(asked: argparse.Namespace) -> dict[str, Fault]:
    return {**ANYWHERE, **(APACHE_ONLY if asked.broker == "apache" else {})}


def _disturb(
    running: Running, faults: dict[str, Fault], seed: int, until: float
) -> Iterator[tuple[str, float]]:
    """Faults in random order until then, every kind as often; yield each with its seconds.

    From the moment that it is over (a frozen process goes on, a killed one is started again) to the
    moment that the worker has stored records again.
    """
    chance = random.Random(seed)  # noqa: S311 - nothing is kept secret by it
    waiting: list[str] = []
    while time.monotonic() < until:
        waiting = waiting or chance.sample(sorted(faults), len(faults))
        name = waiting.pop()
        faults[name](running, chance)
        over = time.monotonic()
        running.until_more()
        took = time.monotonic() - over
        say(f"{name}: consumed again after {took:.1f} s")
        yield name, took
        time.sleep(chance.uniform(*QUIET_S))


def _end(running: Running) -> None:
    running.worker.terminate()
    if running.worker.wait(60):
        raise FailedError(f"the worker ended badly: {running.words_of(running.worker)[-600:]}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
