"""Run lengths by other ways than the program's: no matrices, no whole-number weights, no numpy."""

import math
import random
from collections import defaultdict
from collections.abc import Sequence


def run_length_by_survival(step: int, allowance: int, limit: int, shares: Sequence[float]) -> float:
    """The sum over n of the chance to be still without an alarm after n answers."""
    alive, total = {0: 1.0}, 0.0
    while (left := math.fsum(alive.values())) > 1e-12:
        total += left
        after: defaultdict[int, float] = defaultdict(float)
        for score, chance in alive.items():
            for demerits, share in enumerate(shares):
                reached = max(0, score + step * demerits - allowance)
                if reached < limit:
                    after[reached] += chance * share
        alive = after
    return total


def simulated_run_lengths(
    healthy: float, odds_ratio: float, nats: float, true: float, runs: int, seed: int
) -> list[int]:
    """Runs of the log-likelihood ratio in floats, from one bad answer to the next."""
    draws = random.Random(seed)  # noqa: S311 - a simulation
    fallen = odds_ratio * healthy / (1 - healthy + odds_ratio * healthy)
    up, down = math.log(fallen / healthy), -math.log((1 - fallen) / (1 - healthy))
    random_share, log, per_log = draws.random, math.log, 1 / math.log(1 - true)
    lengths = []
    for _ in range(runs):
        score, length = 0.0, 0
        while score < nats:
            good = int(log(1 - random_share()) * per_log)
            score = max(0.0, score - good * down) + up
            length += good + 1
        lengths.append(length)
    return lengths
