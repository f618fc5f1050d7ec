"""The chart of a member: what its history says is healthy, and the fall that its rule asks for."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from pipeline.alerting.evaluation.stream import CLASSES_MS, Numbers
from pipeline.alerting.rules import METRICS_BY_NAME, Change, Fall
from pipeline.detection.baseline import Baseline, Counts, baseline, smoothed
from pipeline.detection.caution import Learning, answers_missing, doubt, healthy, prepared_terms
from pipeline.detection.design import Terms
from pipeline.detection.shared import shared_terms
from pipeline.detection.tilt import Shares, mean, tilt_to, tilted
from pipeline.errors import InputError
from pipeline.metrics import limits_of

TWO = 2
DECILES = 10
KEPT = 4_000
"""Charts that are kept: where late events send a rule back, most of them are asked for again."""


class Charted(NamedTuple):
    """The terms of a chart, what was healthy in the metric's unit, and, for durations, the deciles cut at."""

    terms: Terms
    baseline: float
    cuts: tuple[int, ...] = ()


def charted(rule: Change, days: Sequence[Counts], every: float) -> Charted | Learning:
    """The chart from the counts of the days of history, or how many answers are missing.

    Raises InputError where the rule's fall cannot be: a target that history is beyond already.
    """
    return _charted(rule.metric, rule.fall, tuple(days), every)


@lru_cache(maxsize=KEPT)
def _charted(metric: str, fall: Fall, days: tuple[Counts, ...], every: float) -> Charted | Learning:
    cuts: tuple[int, ...] = ()
    counted: Sequence[Counts] = days
    if METRICS_BY_NAME[metric].unit == "seconds":
        cuts = _cuts(np.sum(np.array(days, np.int64), axis=0))
        counted = [_cut(day, cuts) for day in days]
    known = baseline(counted)
    if not known.answers:
        return Learning(1)
    try:
        tilt = _tilt(metric, fall, known, days, cuts)
    except InputError:
        if answers_missing(known, math.log(TWO)):
            return Learning(answers_missing(known, math.log(TWO)))
        raise
    found = terms_of(known, tilt, every)
    if isinstance(found, Learning):
        return found
    return Charted(found, _in_its_unit(metric, smoothed(known.counts), days), cuts)


def terms_of(known: Baseline, tilt: float, every: float) -> Terms | Learning:
    """As caution.prepared_terms; for shares, those that members share with their like (shared.py)."""
    if len(known.counts) != TWO or answers_missing(known, tilt):
        return prepared_terms(known, tilt, every)
    shares, worse = healthy(known), doubt(known)
    return shared_terms(mean(tilted(shares, worse)), mean(tilted(shares, tilt)), every)


def _tilt(name: str, fall: Fall, known: Baseline, days: Sequence[Counts], cuts: tuple[int, ...]) -> float:
    if fall.odds is not None:
        return math.log(fall.odds)
    target = fall.to if fall.to is not None else 0.0
    metric = METRICS_BY_NAME[name]
    if metric.unit == "seconds":
        total = np.sum(np.array(days, np.int64), axis=0)
        slower = _cut_slower(total, cuts, target / _seconds(total))
        aim = mean([count / max(1, sum(slower)) for count in slower])
    elif metric.kind == "share":
        aim = target if metric.better == "lower" else 1 - target
    else:
        aim = limits_of(name)[1] - target
    tilt = tilt_to(healthy(known), aim)
    if tilt <= 0:
        raise InputError(f"{name} is beyond {target:g} already; name a target beyond history")
    return tilt


def _in_its_unit(metric: str, shares: Shares, days: Sequence[Counts]) -> float:
    asked = METRICS_BY_NAME[metric]
    if asked.unit == "seconds":
        return _seconds(np.sum(np.array(days, np.int64), axis=0))
    if asked.kind == "share" and asked.better == "lower":
        return mean(shares)
    return (1.0 if asked.kind == "share" else limits_of(metric)[1]) - mean(shares)


def _seconds(classes: Numbers) -> float:
    """The mean of durations that were counted by class, each taken for the middle of its class."""
    return float((classes * _MIDDLES_MS).sum() / classes.sum() / 1000)


def _cuts(classes: Numbers) -> tuple[int, ...]:
    """The classes at which tenths of the durations end (durations.py); the last class is no cut."""
    below = np.cumsum(classes)
    tenths = [int(np.searchsorted(below, below[-1] * part / DECILES)) for part in range(1, DECILES)]
    (there,) = np.nonzero(classes)
    return tuple(sorted({cut for cut in tenths if len(there) and cut < there[-1]}))


def _cut(day: Counts, cuts: tuple[int, ...]) -> Counts:
    parts = np.searchsorted(cuts, np.arange(len(day)))
    return tuple(np.bincount(parts, weights=np.array(day), minlength=len(cuts) + 1).astype(int).tolist())


def _cut_slower(classes: Numbers, cuts: tuple[int, ...], ratio: float) -> Counts:
    slower = np.searchsorted(CLASSES_MS, _MIDDLES_MS * ratio, side="right")
    parts = np.searchsorted(cuts, slower)
    return tuple(np.bincount(parts, weights=classes, minlength=len(cuts) + 1).astype(int).tolist())


_MIDDLES_MS = np.concatenate(([0.0], (CLASSES_MS[:-1] + CLASSES_MS[1:]) / 2, [float(CLASSES_MS[-1])]))
