"""Rules that the histories made for alerts make fire: small budgets, great falls, limits within reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.alerting.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

SHARES = ("csat", "effort_easy", "friendliness", "fcr_survey", "service_level", "abandonment", "fcr_settled")
BYS = ("all", "channel", "reason", "team")
FALLS: dict[str, Sequence[dict[str, float]]] = {
    **{metric: ({"odds": 6}, {"odds": 10}) for metric in SHARES},
    "csat_mean": ({"to": 2.5},),
    "effort": ({"to": 3},),
    "nps": ({"to": -0.5},),
}
SLOWER: dict[str, Sequence[dict[str, float]]] = {
    "wait_mean": ({"odds": 1.5}, {"odds": 2}, {"to": 45}, {"to": 20}),
    "handle_mean": ({"odds": 1.5}, {"odds": 2}, {"to": 600}, {"to": 300}),
}
BELOW = {
    "csat": 0.7,
    "effort_easy": 0.6,
    "csat_mean": 3.2,
    "nps": 0,
    "fcr_settled": 0.7,
    "response_rate": 0.6,
}
ABOVE = {"abandonment": 0.2, "wait_mean": 20, "handle_mean": 500}
BUDGETS = ("50 answers", "200 answers", "10d", "36h", "50 answers")
HOLDS: Sequence[dict[str, str]] = (
    *({}, {}, {}, {"for": "30m"}, {"for": "1d"}, {"keep_firing_for": "6h"}),
    {"for": "2h", "keep_firing_for": "2d"},
)


def seeded_rules(rng: Random) -> Rules:
    """One or two of each kind that the judge knows."""
    found = [change(rng, FALLS) for _ in range(3)] + [
        change(rng, SLOWER),
        threshold(rng),
        threshold(rng),
        drop(rng),
        drop(rng),
        silence(rng),
    ]
    named = [{"name": f"r{number}", **rng.choice(HOLDS), **each} for number, each in enumerate(found)]
    return Rules.model_validate({"rules": named})


def rules_of_durations(rng: Random) -> Rules:
    """Both metrics by every dimension, each with a ratio and with a target."""
    found = [
        {
            "name": f"{metric}-by-{by}-{number}",
            "kind": "change",
            "metric": metric,
            "by": by,
            "fall": fall,
            "false_alarm_every": rng.choice(BUDGETS),
        }
        for metric, falls in SLOWER.items()
        for by in BYS
        for number, fall in enumerate(falls[1:3])
    ]
    return Rules.model_validate({"rules": found})


def change(rng: Random, falls: dict[str, Sequence[dict[str, float]]]) -> dict[str, Any]:
    metric = rng.choice([*falls])
    every, fall = rng.choice(BUDGETS), rng.choice(falls[metric])
    return {**of_metric(rng, "change", metric), "false_alarm_every": every, "fall": fall}


def threshold(rng: Random) -> dict[str, Any]:
    metric = rng.choice([*BELOW, *ABOVE])
    limit = {"below": BELOW[metric]} if metric in BELOW else {"above": ABOVE[metric]}
    return {
        **of_metric(rng, "threshold", metric),
        "span": rng.choice(("1h", "24h", "24h", "7d", "28d")),
        **limit,
    }


def drop(rng: Random) -> dict[str, Any]:
    metric = rng.choice(("contacts", "contacts", "csat", "nps", "csat_mean", "abandonment", "wait_mean"))
    worse = rng.choice((0.05, 0.2, 0.4))
    return {**of_metric(rng, "drop", metric), "span": rng.choice(("1h", "24h", "24h")), "by_more_than": worse}


def silence(rng: Random) -> dict[str, Any]:
    return {
        "kind": "silence",
        "by": rng.choice(("all", "channel", "source")),
        "after": rng.choice(("20h", "2d")),
    }


def of_metric(rng: Random, kind: str, metric: str) -> dict[str, Any]:
    by = rng.choice(BYS)
    some = {"members": ["phone", "billing", "t1", "(none)"]} if by != "all" and rng.random() < 1 / 4 else {}
    return {"kind": kind, "metric": metric, "by": by, **some}
