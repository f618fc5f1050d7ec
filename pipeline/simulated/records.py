"""Rows become Kafka records: compact CloudEvents in JSON, and the few that are broken on purpose."""

import json
from collections.abc import Callable, Iterator
from itertools import repeat
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipeline import fields
from pipeline.simulated.contacts import AGENT_TEAMS
from pipeline.simulated.draws import Draws, Ints, cumulative
from pipeline.simulated.rows import ANSWERS, CONTACT, INVITATION, NO_ANSWER, REOPEN, SURVEY, Rows
from pipeline.simulated.world import DESKS, GRIPES, PRAISE, REASONS, SEGMENTS, SHRUGS, TEAMS

SOURCE = "/sim/desk"
_BLOCK = 20_000  # rows that are text at the same time
_Words = npt.NDArray[np.object_]
_TYPES = {
    CONTACT: ("c", fields.CONTACT),
    SURVEY: ("s", fields.SURVEY),
    INVITATION: ("i", fields.INVITATION),
    REOPEN: ("r", fields.REOPEN),
}
_SCORES = ("csat", "effort", "nps", "friendliness")


class SimulatedEvent(NamedTuple):
    """One record: when it happened (microseconds since 1970, also where it is broken), key and value."""

    occurred_at_us: int
    key: bytes
    value: bytes


def _members(name: str, words: list[str], first: int = 1) -> _Words:
    """JSON members by choice, comma first; what is before `first` is absent and writes nothing.

    >>> _members("stage", ["purchase"]).tolist()
    ['', ',"stage":"purchase"']
    """
    written = [f',"{name}":{json.dumps(word, ensure_ascii=False)}' for word in words]
    return np.array([""] * first + written, dtype=object)


_CHANNEL = _members("channel", [desk.channel for desk in DESKS], first=0)
_COMMENT = _members("comment", [*PRAISE, *SHRUGS, *GRIPES])
_DIRECTION = _members("direction", list(fields.DIRECTIONS))
_HANDLER = _members("handled_by", list(fields.HANDLERS))
_OUTCOME = _members("outcome", list(fields.OUTCOMES))
_OUTCOME[0] = ',"outcome":null'
_RESOLVED = np.array([',"resolved":false', ',"resolved":true', ""], dtype=object)  # NO_ANSWER is last
_DETAILS = {
    "reason": _members("reason", [reason.name for reason in REASONS]),
    "agent": _members("agent_id", [f"agent-{number:03d}" for number in range(1, len(AGENT_TEAMS) + 1)]),
    "team": _members("team", [team.name for team in TEAMS]),
    "segment": _members("segment", [segment.name for segment in SEGMENTS]),
    "stage": _members("stage", list(fields.STAGES)),
}


class Writer:
    """Writes the records of one run; the run's name is in every id, so that runs do not mix."""

    def __init__(self, run: str, start_ms: int) -> None:
        self._run, self._start_ms = run, start_ms

    def write(self, rows: Rows) -> Iterator[SimulatedEvent]:
        """Yield the records in the order of the rows."""
        for first in range(0, len(rows), _BLOCK):
            yield from self._records(rows[first : first + _BLOCK])

    def _records(self, rows: Rows) -> Iterator[SimulatedEvent]:
        keys = [f"k-{self._run}-{customer:06d}" for customer in rows["customer"].tolist()]
        values = self._values(rows, keys)
        moments = ((self._start_ms + rows["at"]) * 1_000).tolist()
        for moment, key, value, fault in zip(moments, keys, values, rows["fault"].tolist(), strict=True):
            record = value.encode()
            yield SimulatedEvent(moment, key.encode(), _FAULTS[fault - 1].spoil(record) if fault else record)

    def _values(self, rows: Rows, keys: list[str]) -> list[str]:
        heads = self._heads(rows)
        tails = np.empty(len(rows), dtype=object)
        for kind in _TYPES:
            chosen = rows["kind"] == kind
            tails[chosen] = self._tails(kind, rows[chosen])
        return [
            f'{head}"data":{{"customer_id":"{key}"{tail}}}}}'
            for head, key, tail in zip(heads, keys, tails.tolist(), strict=True)
        ]

    def _heads(self, rows: Rows) -> Iterator[str]:
        """Yield the CloudEvents envelopes up to `data`."""
        times = np.datetime_as_string((self._start_ms + rows["at"]).astype("datetime64[ms]"))
        for kind, number, time in zip(
            rows["kind"].tolist(), rows["number"].tolist(), times.tolist(), strict=True
        ):
            letter, name = _TYPES[kind]
            yield (
                f'{{"specversion":"1.0","id":"{letter}-{self._run}-{number}","source":"{SOURCE}","type":"{name}",'
                f'"time":"{time}Z","datacontenttype":"application/json",'
            )

    def _tails(self, kind: int, rows: Rows) -> list[str]:
        """Write what stands in `data` after the customer: the contact, then the members of that type."""
        contacts = [
            f',"contact_id":"t-{self._run}-{contact}"' if contact else ""
            for contact in rows["contact"].tolist()
        ]
        return ["".join(parts) for parts in zip(contacts, *_PARTS[kind](rows), strict=True)]


_Parts = list[list[str]]


def _contact_parts(rows: Rows) -> _Parts:
    chosen = [_DIRECTION[rows["direction"]], _HANDLER[rows["handler"]], _OUTCOME[rows["outcome"]]]
    seconds = [_seconds("wait_s", rows["wait_ms"]), _seconds("handle_s", rows["handle_ms"])]
    return [*_where_and_what(rows), *(part.tolist() for part in chosen), *seconds]


def _survey_parts(rows: Rows) -> _Parts:
    scores = [_scores(name, rows[name]) for name in _SCORES]
    return [
        *_where_and_what(rows),
        *scores,
        _RESOLVED[rows["resolved"]].tolist(),
        _COMMENT[rows["comment"]].tolist(),
    ]


def _reopen_parts(rows: Rows) -> _Parts:
    return [list(repeat("", len(rows)))]


def _where_and_what(rows: Rows) -> _Parts:
    details = [_DETAILS[name][rows[name]].tolist() for name in _DETAILS]
    return [_CHANNEL[rows["channel"]].tolist(), *details]


_PARTS: dict[int, Callable[[Rows], _Parts]] = {
    CONTACT: _contact_parts,
    SURVEY: _survey_parts,
    INVITATION: _where_and_what,
    REOPEN: _reopen_parts,
}


def _scores(name: str, scores: Ints) -> list[str]:
    return ["" if score == NO_ANSWER else f',"{name}":{score}' for score in scores.tolist()]


def _seconds(name: str, milliseconds: Ints) -> list[str]:
    """Seconds with three decimals, made of whole milliseconds: no float is ever written."""
    return [
        f',"{name}":null' if ms == NO_ANSWER else f',"{name}":{ms // 1000}.{ms % 1000:03d}'
        for ms in milliseconds.tolist()
    ]


class Fault(NamedTuple):
    """A way to be broken: the rejection reason it earns, what it does to the bytes, and in which kinds.

    Rows count faults from 1; 0 is a sound event.
    """

    reason: fields.Reason
    spoil: Callable[[bytes], bytes]
    kinds: tuple[int, ...] = (CONTACT, SURVEY, INVITATION, REOPEN)


def _swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda value: value.replace(old, new, 1)


_FAULTS = (
    Fault("not_utf8", _swap(b'"data":{', b'"data":{"note":"caf\xe9",')),
    Fault("not_json", lambda value: value[:-1]),
    Fault("not_an_object", lambda value: b"[" + value + b"]"),
    Fault("bad_envelope", _swap(b'"specversion":"1.0",', b"")),
    Fault("unknown_type", _swap(b'.v1"', b'.v0"')),
    Fault("bad_time", _swap(b'Z","datacontenttype"', b'","datacontenttype"')),
    Fault("missing_field", _swap(b'"customer_id":', b'"customer":')),
    Fault("wrong_type", _swap(b'"wait_s":', b'"wait_s":"soon","waited":'), (CONTACT,)),
    Fault("out_of_range", _swap(b'"customer_id":"', b'"customer_id":"' + b"0" * 128)),
    Fault("unknown_value", _swap(b'"channel":"', b'"channel":"old '), (CONTACT, SURVEY, INVITATION)),
    Fault("empty_survey", lambda value: value, (SURVEY,)),
)
_EMPTY = len(_FAULTS)
_FAULT_TABLE = cumulative(
    [[60 // len(fault.kinds) if kind in fault.kinds else 0 for fault in _FAULTS] for kind in _TYPES]
)


def break_some(rows: Rows, draws: Draws, share: float) -> None:
    """Give that share of the rows a fault, in place."""
    fault = draws.choose(_FAULT_TABLE, rows["kind"]) + 1
    rows["fault"] = np.where(draws.happens(share, len(rows)), fault, 0)
    empty = rows["fault"] == _EMPTY
    for name in ANSWERS:
        rows[name] = np.where(empty, NO_ANSWER, rows[name])
