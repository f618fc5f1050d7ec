"""Flips written by hand, as the evaluation of rules records them."""

import json
from datetime import datetime, timedelta
from typing import Any

import duckdb
from deliveries import NOON

_NUMBER = "(select coalesce(max(number), 0) + 1 from flips)"
COLUMNS = {
    "flip": None,
    "alert": None,
    "rule": "satisfaction-falls",
    "kind": "change",
    "severity": "critical",
    "metric": "csat",
    "dimension": "channel",
    "member": "phone",
    "state": "firing",
    "occurred_at": NOON,
    "recorded_at": NOON,
    "because": "CSAT of phone fell from 86 % to 61 % since 11:25",
    "since": NOON - timedelta(minutes=35),
    "numerator": 38,
    "denominator": 62,
    "value": 38 / 62,
    "low": 0.488,
    "high": 0.724,
    "baseline": 0.86,
    "false_alarm_every": "10000 answers",
    "query": "select * from touchpoints where channel = 'phone' and csat is not null",
    "contributors": json.dumps([{"dimension": "reason", "member": "billing", "share": 0.61}]),
    "inhibited_by": None,
    "labels": '{"team": "voice"}',
    "annotations": "{}",
    "notify": ["log"],
    "revises": None,
}


def flip(con: duckdb.DuckDBPyConnection, alert: str, state: str = "firing", **other: Any) -> str:
    """Record one; its id, which follows from the alert, the state and the moment unless it is given."""
    row = COLUMNS | {"alert": alert, "state": state} | other
    row["flip"] = row["flip"] or f"{alert}/{state}/{row['occurred_at']:%H:%M:%S}"
    names = ", ".join(row)
    values = ", ".join(f"${name}" for name in row)
    con.execute(f"insert into flips (number, {names}) select {_NUMBER}, {values}", row)
    return row["flip"]


def minutes(n: float) -> datetime:
    """So long after noon."""
    return NOON + timedelta(minutes=n)
