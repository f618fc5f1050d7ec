"""Simulated answers, seeded: how often a detector alarms while nothing is wrong, and how late when it is."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.alerts.detectors import Detector
from pipeline.detection.chart import Chart

SEED = 20_171
WARM_UP = 1_000
PATIENCE = 20_000
CHUNK = 512


def answers_between_alarms(detector: Detector, streams: int, share: float, answers: int) -> float:
    """Over so many answers of each stream, restarted at every alarm (renewals)."""
    draws = np.random.default_rng(SEED)
    alarms = 0
    for _ in range(answers):
        alarmed = detector.update(draws.random(streams) < share)
        if alarmed.any():
            alarms += int(alarmed.sum())
            detector.restart(alarmed)
    return streams * answers / alarms if alarms else math.inf


@dataclass(frozen=True)
class Delay:
    """The mean of answers until the alarm, its standard error, and the share of streams given up on."""

    answers: float
    error: float
    given_up: float


def delay(detector: Detector, streams: int, healthy: float, fallen: float, at_most: int = PATIENCE) -> Delay:
    """Answers from the change to the alarm, after a warm-up without one; streams with one do not count."""
    draws = np.random.default_rng(SEED + 1)
    waiting = np.ones(streams, np.bool_)
    for _ in range(WARM_UP):
        waiting &= ~detector.update(draws.random(streams) < healthy)
    took = np.full(int(waiting.sum()), at_most)
    place = np.cumsum(waiting) - 1
    for n in range(1, at_most + 1):
        alarmed = detector.update(draws.random(streams) < fallen) & waiting
        took[place[alarmed]] = n
        waiting &= ~alarmed
        if not waiting.any():
            break
    return Delay(float(took.mean()), float(took.std() / np.sqrt(len(took))), float(waiting.sum() / len(took)))


def run_lengths(chart: Chart, runs: int, share: float) -> NDArray[np.int64]:
    """Answers until the first alarm in each of so many runs from a score of 0, every run to its end."""
    draws = np.random.default_rng(SEED + 2)
    running = np.arange(runs)
    score = np.zeros(runs, np.int64)
    length = np.zeros(runs, np.int64)
    while running.size:
        bad = draws.random((running.size, CHUNK)) < share
        after = _scores_from(chart, bad, score)
        alarmed = after >= chart.limit
        ended = alarmed.any(axis=1)
        length[running] += np.where(ended, alarmed.argmax(axis=1) + 1, CHUNK)
        running, score = running[~ended], after[~ended, -1]
    return length


def _scores_from(chart: Chart, bad: NDArray[np.bool_], score: NDArray[np.int64]) -> NDArray[np.int64]:
    """Charts that start at different scores: the score is an answer of its own in front."""
    walk = score[:, None] + np.cumsum(np.where(bad, chart.step, 0) - chart.allowance, axis=1)
    scores: NDArray[np.int64] = walk - np.minimum(0, np.minimum.accumulate(walk, axis=1))
    return scores


def nearest(every: Callable[[int], float], first: int, target: float, *, rising: bool) -> int:
    """The whole number, from `first` on, that brings the answers between alarms nearest to the target."""
    number, before, now = first, math.inf, every(first)
    while (now < target) is rising:
        number, before, now = number + 1, now, every(number + 1)
    return number if abs(math.log(now / target)) <= abs(math.log(before / target)) else number - 1


def bisected(every: Callable[[float], float], low: float, high: float, target: float, steps: int) -> float:
    """The threshold between, where false alarms become rarer as it rises."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if every(middle) < target else (low, middle)
    return (low + high) / 2
