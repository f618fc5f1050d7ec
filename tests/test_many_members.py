"""One rule, thousands of members: the right one is told, memory stays small, what fires is shown at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

import pytest
from answers import DAY, MONDAY, seeded
from deliveries import NOON, NOW, batch, new_store, record
from flips import flip
from served_page import ServedPage

from tests.command import done

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.store import Store

ROOT = Path(__file__).parents[1]
ANSWERS = 45
"""Of each member in five weeks: enough to follow it for odds of 20, one in five being bad."""
DAYS = 35
RULE = """rules:
  - name: falls
    kind: change
    metric: csat
    by: agent
    false_alarm_every: 900000000 answers
    fall: {odds: 20}
"""
FELL = "agent-7"
AT_ONCE = 20_000
FIXED_MB = 85
"""What evaluation takes for any history: SciPy, what the first results import (36, which opening a database
took when it still imported PyArrow's datasets), and what DuckDB keeps of facts. 68 were seen.
"""
A_MEMBER_KB = 7
"""The counts of its last 30 days, its score at some marks, and its chart under its history: 6 were seen."""
PATIENCE_S = 15
"""Of whoever asks what fires; most of it is the start of a process, on a busy machine."""


def weeks(members: int) -> Iterator[bytes]:
    """Surveys of each member, day after day; one has many in the last two days, all of them bad."""
    draws = seeded(members)
    for number in range(members * ANSWERS):
        at = MONDAY + number * DAYS / (members * ANSWERS) * DAY
        agent = f"agent-{draws.randrange(members)}"
        yield record(f"{number}", at, "survey", agent_id=agent, csat=1 if draws.random() < 0.2 else 5)
    for number in range(40):
        at = MONDAY + (DAYS - 2) * DAY + number * timedelta(minutes=30)
        yield record(f"fell-{number}", at, "survey", agent_id=FELL, csat=1)


def filled(store: Store, members: int) -> None:
    values, start = [], 0
    for value in weeks(members):
        values.append(value)
        if len(values) == AT_ONCE:
            store.ingest([batch(values, start=start)], NOW)
            values, start = [], start + AT_ONCE
    store.ingest([batch(values, start=start)], NOW)


@pytest.mark.parametrize("members", [1_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_of_thousands_of_members_the_one_that_fell_is_told_in_little_memory(
    tmp_path: Path, members: int
) -> None:
    database, rules = tmp_path / "x.duckdb", tmp_path / "rules.yaml"
    rules.write_text(RULE, encoding="utf-8")
    with new_store(database) as store:
        filled(store, members)
    found = subprocess.run(
        [sys.executable, str(ROOT / "tests/evaluating_process.py"), str(database), str(rules)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )
    assert json.loads(found.stdout)["grown_mb"] < FIXED_MB + A_MEMBER_KB * members / 1000
    with new_store(database) as store, store.reading() as con:
        assert con.execute("select member, state from flips order by number").fetchall() == [(FELL, "firing")]


def test_ten_thousand_alerts_that_fire_are_listed_and_on_the_page_at_once(tmp_path: Path) -> None:
    database = tmp_path / "x.duckdb"
    with new_store(database) as store, store.beside() as con:
        flip(con, "a0", member="m0")
        con.execute(
            "insert into flips by name select flips.* replace (n + 1 as number, 'f' || n as flip, "
            "'a' || n as alert, 'm' || n as member) from flips, range(1, 10000) as numbers(n)"
        )
        flip(con, "gravest", severity="critical", member="gravest", occurred_at=NOON + DAY)
        con.execute("insert into silences values ('s', null, null, 'm9', $1, $2, '')", [NOON, NOW + DAY])
        with ServedPage(store, database) as page:
            began = time.monotonic()
            with urlopen(page.url + "data/alerts", timeout=PATIENCE_S) as answer:  # noqa: S310 - our own page
                shown: dict[str, Any] = json.load(answer)
            assert time.monotonic() - began < PATIENCE_S / 3
    assert shown["counts"]["firing"] == 10_001
    assert len(shown["alerts"]) == 50
    assert shown["alerts"][0]["alert"] == "gravest"
    began = time.monotonic()
    listed = done("alerts", "list", "--db", database, cwd=tmp_path)
    assert time.monotonic() - began < PATIENCE_S
    heads = [line for line in listed.splitlines() if not line.startswith(" ")]
    assert len(heads) == 10_001
    assert sum("silenced until" in each for each in heads) == 1
