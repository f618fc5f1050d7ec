"""What the totals must be, computed from the file in plain Python, by nothing that any contestant uses.

A record counts if it is UTF-8 and a JSON object; its `type` is that of a contact, a survey or an
invitation; its `time` is a text of 24 characters that ends in Z, the first 16 being the minute; and in
`data`, `channel` is a text, `reason` a text, null or absent, `wait_s` a number, null or absent, `csat` and
`effort` each an integer, null or absent. Copies count as often as they come.
"""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

TYPES = {f"touchpoint.{kind}.v1" for kind in ("contact", "survey", "invitation")}
CHANNELS = {"phone", "email", "chat", "social", "in_person", "forum"}
ANSWERS = ("csat", "effort", "nps", "friendliness", "resolved")

Key = tuple[str, str, str | None]
Totals = Mapping[Key, tuple[int, ...]]


def expect(lines: Iterable[bytes], more: Callable[[dict[str, Any]], bool] = lambda _: True) -> Totals:
    """The sums by minute, channel and reason, in the order of `_parts`.

    `more` may ask more of the events that count.
    """
    totals: dict[Key, list[int]] = defaultdict(lambda: [0] * 7)
    for line in lines:
        event = _event(line)
        if event is None or not _counts(event) or not more(event):
            continue
        data = event["data"]
        key = (event["time"][:16], data["channel"], data.get("reason"))
        for place, part in enumerate(_parts(data)):
            totals[key][place] += part
    return {key: tuple(sums) for key, sums in totals.items()}


def accepted_once() -> Callable[[dict[str, Any]], bool]:
    """What firsthand asks of simulated events beyond that: the envelope, the contract's limits, no copy."""
    seen: set[tuple[str, str, str]] = set()

    def accepts(event: dict[str, Any]) -> bool:
        data = event["data"]
        identity = (event["source"], event["id"], event["time"])
        right = (
            event.get("specversion") == "1.0"
            and len(data.get("customer_id") or "") in range(1, 129)
            and data["channel"] in CHANNELS
            and (
                event["type"] != "touchpoint.survey.v1" or any(data.get(each) is not None for each in ANSWERS)
            )
            and identity not in seen
        )
        if right:
            seen.add(identity)
        return right

    return accepts


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line.decode(), parse_float=Decimal)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def _counts(event: dict[str, Any]) -> bool:
    time, data = event.get("time"), event.get("data")
    return (
        event.get("type") in TYPES
        and isinstance(time, str)
        and len(time) == 24
        and time.endswith("Z")
        and isinstance(data, dict)
        and isinstance(data.get("channel"), str)
        and isinstance(data.get("reason"), str | None)
        and type(data.get("wait_s")) in (Decimal, int, type(None))
        and all(type(data.get(each)) in (int, type(None)) for each in ("csat", "effort"))
    )


def _parts(data: dict[str, Any]) -> tuple[int, ...]:
    """One touchpoint; whether it has a wait, and how long; a csat, and which; an effort, and which."""
    wait, csat, effort = data.get("wait_s"), data.get("csat"), data.get("effort")
    return (
        1,
        wait is not None,
        0 if wait is None else round(wait * 1000),
        csat is not None,
        csat or 0,
        effort is not None,
        effort or 0,
    )
