"""Events as msgspec reads them into structs: which count, and into which sums.

https://jcristharif.com/msgspec/structs.html
"""

from collections.abc import Iterable
from typing import Literal

import msgspec
from totals import Key


class Data(msgspec.Struct, gc=False):
    channel: str
    reason: str | None = None
    wait_s: float | None = None
    csat: int | None = None
    effort: int | None = None


class Event(msgspec.Struct, gc=False):
    type: Literal["touchpoint.contact.v1", "touchpoint.survey.v1", "touchpoint.invitation.v1"]
    time: str
    data: Data


decode = msgspec.json.Decoder(Event).decode


def add(values: Iterable[bytes], totals: dict[Key, list[int]]) -> None:
    for value in values:
        try:
            event = decode(value.decode())  # msgspec overlooks what is no UTF-8 in fields that it skips
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        time, data = event.time, event.data
        if len(time) != 24 or time[-1] != "Z":
            continue
        key = (time[:16], data.channel, data.reason)
        sums = totals.get(key)
        if sums is None:
            sums = totals[key] = [0] * 7
        sums[0] += 1
        if data.wait_s is not None:
            sums[1] += 1
            sums[2] += round(data.wait_s * 1000)
        if data.csat is not None:
            sums[3] += 1
            sums[4] += data.csat
        if data.effort is not None:
            sums[5] += 1
            sums[6] += data.effort
