"""Alerts and silences for people: in lines, of what was told for programs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pipeline.alerting.standing import SHORT

Row = Mapping[str, Any]


def listed(alerts: Sequence[Row]) -> list[str]:
    """Two lines an alert: its id, state and since when; why.

    >>> listed([])
    ['no alert has fired']
    """
    if not alerts:
        return ["no alert has fired"]
    return [line for each in alerts for line in (_head(each), f"    {each['because']}")]


def told(found: Row) -> list[str]:
    """One alert with all its flips."""
    alert = found["alert"]
    about = f"{alert['kind']} of {alert['metric'] or 'events'}, {alert['dimension']} {alert['member']}"
    lines = [_head(alert), f"    {about}", f"    {alert['alert']}"]
    for flip in found["flips"]:
        lines += ["", f"{_moment(flip['occurred_at'])}  {flip['state']}", f"    {flip['because']}"]
        lines += [f"    {name:<12}{text}" for name, text in _evidence(flip)]
    return lines


def silences(found: Sequence[Row]) -> list[str]:
    """A line each."""
    return [line for each in found for line in silence(each)] or ["no silence is in force"]


def silence(row: Row) -> list[str]:
    """What it matches, until when, and why."""
    return [f"{row['silence']}  until {_moment(row['ends_at'])}: {matched(row)} ({row['comment']})"]


def ended(row: Row) -> list[str]:
    """What was silent, and is no more."""
    return [f"{row['silence']}  ended {_moment(row['ends_at'])}: {matched(row)} ({row['comment']})"]


def matched(row: Row) -> str:
    """Which alerts a silence is about.

    >>> matched({"rule": "waits-rise", "dimension": "channel", "member": None})
    'rule waits-rise, any channel'
    >>> matched({"rule": None, "dimension": None, "member": None})
    'every alert'
    """
    parts = [f"rule {row['rule']}"] if row["rule"] else []
    if row["dimension"]:
        parts.append(f"{row['dimension']} {row['member']}" if row["member"] else f"any {row['dimension']}")
    return ", ".join(parts) or "every alert"


def nobody_told(alert: Row) -> str:
    """Why nobody is told of an alert, if so.

    >>> nobody_told({"inhibited_by": "3f9a01bc77", "silenced_until": None})
    'inhibited by alert 3f9a01bc'
    """
    inhibited = f"inhibited by alert {alert['inhibited_by'][:SHORT]}" if alert["inhibited_by"] else ""
    until = alert["silenced_until"]
    return ", ".join(each for each in (inhibited, until and f"silenced until {_moment(until)}") if each)


def _head(alert: Row) -> str:
    since = alert["ended_at"] or alert["firing_at"] or alert["began_at"]
    state = f"{alert['state']} since" if alert["ended_at"] is None else alert["state"]
    apart = nobody_told(alert)
    named = f"{alert['alert'][:SHORT]}  {state} {_moment(since)}, {alert['severity']}, {alert['rule']}"
    return f"{named} ({apart}: nobody is told)" if apart and alert["ended_at"] is None else named


def _evidence(flip: Row) -> Iterator[tuple[str, str]]:
    """What a flip rests on, as far as it was recorded."""
    if flip["denominator"] is not None:
        since = f" since {_moment(flip['since'])}" if flip["since"] else ""
        yield "evidence", f"{flip['numerator']:,} of {flip['denominator']:,}{since}"
    if flip["value"] is not None:
        interval = "" if flip["low"] is None else f" [{flip['low']:.3f}, {flip['high']:.3f}]"
        yield "value", f"{flip['value']:.3f}{interval}"
    if flip["baseline"] is not None:
        yield "baseline", f"{flip['baseline']:.3f}"
    if flip["false_alarm_every"]:
        yield "by chance", f"expected once in {flip['false_alarm_every']}"
    for each in flip["contributors"] or []:
        yield "brought by", f"{each['dimension']} {each['member']}: {each['share']:.0%}"
    if flip["inhibited_by"]:
        yield "inhibited", f"by alert {flip['inhibited_by']}"
    if flip["revises"]:
        yield "revises", f"flip {flip['revises']}"
    yield "recorded", f"{_moment(flip['recorded_at'])} as flip {flip['flip']}"
    yield from _events(flip)


def _events(flip: Row) -> Iterator[tuple[str, str]]:
    if flip["failed"]:
        yield "events", f"the query cannot be run: {flip['failed']}"
    elif flip["events"] is not None:
        yield "events", f"{flip['events']:,}, by the query"
    if flip["query"]:
        yield "query", " ".join(flip["query"].split())


def _moment(text: str) -> str:
    """A moment for people: to the second, in UTC.

    >>> _moment("2026-11-21T14:05:00.250000Z")
    '2026-11-21 14:05:00 UTC'
    """
    return f"{text[:10]} {text[11:19]} UTC"
