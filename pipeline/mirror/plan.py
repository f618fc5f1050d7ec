"""What the mirror is to keep: where, which moments of the past, and how long."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from pipeline.errors import InputError
from pipeline.spans import SPANS, microseconds


@dataclass(frozen=True)
class Plan:
    """`schema`: its name in PostgreSQL. `steps`: how far the moments of the history are apart, by span."""

    schema: str
    steps: Mapping[str, timedelta]
    keep: timedelta


def length(span: str) -> timedelta:
    """A duration as people write it.

    >>> length("15m")
    datetime.timedelta(seconds=900)
    """
    return timedelta(microseconds=microseconds(span))


def steps(text: str) -> dict[str, timedelta]:
    """Steps as people write them; a span that is left out has no history.

    >>> steps("24h=1h,7d=1d")["7d"]
    datetime.timedelta(days=1)
    """
    found = {}
    for part in filter(None, text.split(",")):
        span, _, step = part.partition("=")
        if span not in SPANS or span in found:
            raise InputError(f"'{part}' is no step: write SPAN=STEP, each of {', '.join(SPANS)} at most once")
        found[span] = length(step)
    return found
