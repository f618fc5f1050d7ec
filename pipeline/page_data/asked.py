"""What a page asks about: a span, a dimension, a metric, a member; refused where it makes no sense."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from pipeline.errors import InputError
from pipeline.metrics import METRICS, Metric
from pipeline.spans import SPANS, microseconds
from pipeline.sums import DIMENSIONS

ORDERS = ("volume", "lowest", "highest")
LONGEST_TEXT = 100
"""A member is no longer than that, so nothing that is longer can be looked for."""
_METRICS = {metric.name: metric for metric in METRICS}


class Asked(NamedTuple):
    """One view of the readings; `find` is a part of a member's name, `order` that of the members."""

    span: str = "7d"
    by: str = "all"
    metric: str = "csat"
    member: str = "all"
    find: str = ""
    order: str = "volume"

    @property
    def kind(self) -> Metric:
        """The metric itself."""
        return _METRICS[self.metric]

    @property
    def length(self) -> timedelta:
        """The span as a duration.

        >>> Asked(span="1h").length
        datetime.timedelta(seconds=3600)
        """
        return timedelta(microseconds=microseconds(self.span))

    def before(self, as_of: datetime) -> datetime:
        """Where the previous window of the same length ends."""
        return as_of - self.length


def asked_of(query: Mapping[str, str]) -> Asked:
    """What the query of a request asks for; InputError names what is wrong.

    >>> asked_of({"span": "1h", "by": "reason", "member": "billing"}).member
    'billing'
    """
    asked = Asked(**{name: query[name] for name in Asked._fields if name in query})
    _one_of("span", asked.span, SPANS)
    _one_of("by", asked.by, DIMENSIONS)
    _one_of("metric", asked.metric, _METRICS)
    _one_of("order", asked.order, ORDERS)
    if max(len(asked.member), len(asked.find)) > LONGEST_TEXT:
        raise InputError(f"member and find: at most {LONGEST_TEXT} characters are asked")
    return asked


def _one_of(name: str, text: str, known: Mapping[str, object] | tuple[str, ...]) -> None:
    if text not in known:
        raise InputError(f"{name}: one of {', '.join(known)} is asked")
