"""`firsthand demo`: one command from nothing to a report, and nothing left running."""

import json
import re
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.command import Terminal, children, done, ended, firsthand, one_line, runs, started, until


def test_with_a_number_of_events_it_stops_by_itself_and_its_report_shows_the_incident(tmp_path):
    demo = firsthand("demo", "--events", 20_000, "--db", "a demo.duckdb", "--no-open", cwd=tmp_path)
    assert demo.returncode == 0
    assert "Traceback" not in demo.stderr
    table, _, changes = demo.stdout.partition("What changed in the second week")
    assert all(metric in table for metric in ("csat", "effort", "fcr", "28d"))
    assert "channel phone: wait_mean from " in changes
    assert "reason billing: " in changes
    assert "20,000 of 20,000 events in a demo.duckdb; next: firsthand report --db 'a demo.duckdb'" in changes
    assert [path.name for path in tmp_path.iterdir()] == ["a demo.duckdb"]
    audit = json.loads(done("audit", "--db", "a demo.duckdb", "--json", cwd=tmp_path))
    assert (audit["consumed"], audit["holds"]) == (20_000, True)
    assert json.loads(done("report", "--db", "a demo.duckdb", "--json", cwd=tmp_path))
    assert len(done("fingerprint", "--db", "a demo.duckdb", cwd=tmp_path)) == 65
    assert "metrics: " in done("check", "--db", "a demo.duckdb", cwd=tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_without_a_number_it_runs_until_it_is_stopped_and_everything_accepted_is_in_the_file(
    tmp_path, number
):
    with Terminal("demo", "--no-open", cwd=tmp_path, columns=160) as terminal:
        terminal.shows("look at http://127.0.0.1:", "events/s", "csat", "wait_mean", "28d")
        began = children(terminal.process.pid)
        assert terminal.ends(number) == 0
        text = terminal.text()
    assert "Traceback" not in text
    accepted = int(text.rpartition("= accepted ")[2].split()[0].replace(",", ""))
    assert stored(tmp_path / "firsthand-demo.duckdb") == accepted > 0
    assert "What changed" in text or "Nothing changed" in text
    if sys.platform == "linux":
        assert len(began) >= 2
        until(lambda: not any(map(runs, began)), "it left a process behind")


def stored(database: Path) -> int:
    with duckdb.connect(str(database), read_only=True) as con:
        return con.execute("select count(*) from touchpoints").fetchall()[0][0]


def test_its_own_database_is_made_anew_unless_another_demo_holds_it(tmp_path):
    with started("demo", cwd=tmp_path) as first:
        assert "look at http://127.0.0.1:" in first.stderr.readline()
        before = (tmp_path / "firsthand-demo.duckdb").stat().st_ino
        refused = one_line(firsthand("demo", "--events", 100, cwd=tmp_path))
        assert refused.startswith("firsthand-demo.duckdb is held by another process")
        assert (tmp_path / "firsthand-demo.duckdb").stat().st_ino == before
        assert ended(first, signal.SIGINT).returncode == 0
    assert firsthand("demo", "--events", 100, cwd=tmp_path).returncode == 0
    audit = json.loads(done("audit", "--db", "firsthand-demo.duckdb", "--json", cwd=tmp_path))
    assert audit["consumed"] == 100


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's end")
def test_a_killed_one_leaves_no_process_behind(tmp_path):
    with started("demo", cwd=tmp_path) as process:
        assert "look at http://127.0.0.1:" in process.stderr.readline()
        began = children(process.pid)
        assert len(began) >= 2, "the broker and the simulator"
        assert ended(process, signal.SIGKILL).returncode == -signal.SIGKILL
    until(lambda: not any(map(runs, began)), "it left a process behind")


INCIDENT = {
    ("satisfaction-falls", "phone"),
    ("satisfaction-falls-by-reason", "billing"),
    ("effort-rises", "billing"),
}


def fired(database: Path) -> dict[tuple[str, str], datetime]:
    """When which rule fired for whom first."""
    with duckdb.connect(str(database), read_only=True) as con:
        rows = con.execute(
            "select rule, member, min(firing_at) from alerts where firing_at is not null group by all"
        ).fetchall()
    return {(rule, member): at for rule, member, at in rows}


@pytest.mark.parametrize("seed", [7, 8])
def test_the_incident_fires_the_alerts_that_name_it_and_no_other(tmp_path, seed):
    begin = datetime(2026, 3, 2, tzinfo=UTC)
    done(
        "simulate", "--events", 120_000, "--seed", seed, "--days", 14, "--start", begin.isoformat(),
        "--incident", "--to", "events.jsonl", cwd=tmp_path,
    )  # fmt: skip
    done("replay", "events.jsonl", "--db", "x.duckdb", cwd=tmp_path)
    found = fired(tmp_path / "x.duckdb")
    assert found.keys() == INCIDENT
    # it begins half way, on a Monday, and is known on that day
    assert begin + timedelta(days=7) < min(found.values()) < begin + timedelta(days=8)


@pytest.mark.slow
def test_the_demo_tells_its_alerts_and_they_name_the_incident(tmp_path):
    demo = firsthand("demo", "--events", 200_000, "--db", "x.duckdb", "--no-open", cwd=tmp_path)
    assert demo.returncode == 0
    told = demo.stdout[demo.stdout.index("Alerts that fired:") :]
    assert {rule for rule, _ in INCIDENT} == set(re.findall(r"(?m)^  [-\d]+ [:\d]+ ([a-z-]+): ", told))
    assert fired(tmp_path / "x.duckdb").keys() == INCIDENT
