"""An alert as Alertmanager and its kin know one: labels, annotations, fingerprint, begin and end."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pipeline.alerting.delivery.flip import Flip

NO_END = "0001-01-01T00:00:00Z"
"""What Alertmanager writes for the end of an alert that still fires."""
_NAMES = {"rule": "alertname"}
_OFFSET, _PRIME, _MASK = 14695981039346656037, 1099511628211, 2**64 - 1


def labels(flip: Flip) -> dict[str, str]:
    """What tells alerts apart: the rule's labels never hide what they are about."""
    begun = flip.begun or {"severity": flip.severity, "labels": flip.labels}
    own: dict[str, str] = json.loads(begun["labels"])
    about = group_labels(flip, ("rule", "metric", "dimension", "member"))
    return own | about | {"severity": begun["severity"]}


def group_labels(flip: Flip, fields: Sequence[str]) -> dict[str, str]:
    """Those of a flip's fields, by their names as labels; without what the rule has not."""
    return {_NAMES.get(each, each): getattr(flip, each) for each in fields if getattr(flip, each) is not None}


def annotations(flip: Flip) -> dict[str, str]:
    """What people read: the rule's own, with the reason as the summary where it has none, and evidence."""
    own: dict[str, str] = json.loads(flip.annotations)
    parts = [own.get("description"), flip.because, _evidence(flip)]
    if flip.state == "retracted":
        parts.insert(0, "Retracted: events that came later removed the evidence.")
    return {"summary": flip.because, **own, "description": "\n".join(each for each in parts if each)}


def _evidence(flip: Flip) -> str:
    """Numbers first, in one line."""
    parts = [
        *_figures(flip),
        f"since {written(flip.since)}" if flip.since else "",
        f"by chance once in {flip.false_alarm_every}" if flip.false_alarm_every else "",
        _most(flip.contributors),
    ]
    return "; ".join(each for each in parts if each)


def _figures(flip: Flip) -> list[str]:
    if flip.value is None:
        return []
    counted = "" if flip.numerator is None else f" ({flip.numerator.normalize():f} of {flip.denominator})"
    between = "" if flip.low is None else f", 95 % interval {flip.low:.4g} to {flip.high:.4g}"
    before = "" if flip.baseline is None else f", against {flip.baseline:.4g}"
    return [f"{flip.value:.4g}{counted}{between}{before}"]


def _most(contributors: str | None) -> str:
    found = json.loads(contributors or "[]")
    each = [f"{one['dimension']} {one['member']} {one['share']:.0%}" for one in found]
    return f"most of it by {', '.join(each)}" if each else ""


def status(flip: Flip) -> str:
    """Firing or resolved: Alertmanager knows no other."""
    return "firing" if flip.state == "firing" else "resolved"


def begin(flip: Flip) -> datetime:
    """When it began to fire."""
    return flip.fired_at or flip.occurred_at


def end(flip: Flip) -> datetime | None:
    """When it ended, never before its begin; None while it fires."""
    return None if flip.state == "firing" else max(begin(flip), flip.occurred_at)


def written(moment: datetime) -> str:
    """RFC 3339, in UTC.

    >>> written(datetime(2026, 11, 21, 10, tzinfo=UTC))
    '2026-11-21T10:00:00Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def fingerprint(of: Mapping[str, str]) -> str:
    """Labels as 16 hexadecimal digits, as Prometheus and Alertmanager compute it: FNV-1a of 64 bits.

    >>> fingerprint({}), fingerprint({"alertname": "a"})
    ('cbf29ce484222325', 'd258efc389808447')
    """
    found = _OFFSET
    for name in sorted(of):
        for byte in b"%b\xff%b\xff" % (name.encode(), of[name].encode()):
            found = ((found ^ byte) * _PRIME) & _MASK
    return f"{found:016x}"


def shared(of: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What all of them have, with the same value.

    >>> shared([{"a": 1, "b": 2}, {"a": 1, "b": 3}])
    {'a': 1}
    """
    first, *others = of
    return {key: value for key, value in first.items() if all(each.get(key) == value for each in others)}
