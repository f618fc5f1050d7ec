"""`firsthand worker` as a process: what it shows, what others may ask of it, and how it ends."""

import json
import os
import signal
import socket
import stat
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pytest

from pipeline.commands.options import clock
from tests.command import Terminal, done, ended, firsthand, one_line, started, until

EVENTS = 3000
AS_OF = "2026-02-01T00:00:00Z"


@pytest.fixture
def env(broker: str, topic: Callable[[str], str], tmp_path: Path) -> dict[str, str]:
    """A topic of its own with EVENTS simulated events in it."""
    name = topic("touchpoints")
    own = {"FIRSTHAND_TOPIC": name, "FIRSTHAND_DLQ_TOPIC": f"{name}-dlq", "FIRSTHAND_GROUP": name}
    asked = ("simulate", "--events", EVENTS, "--seed", 3, "--kafka", broker)
    done(*asked, cwd=tmp_path, env=os.environ | own)
    return os.environ | own


def consumed(place: Path) -> int:
    """How many records the running worker has stored, by its own word."""
    try:
        url = json.loads((place / "w.duckdb.worker").read_text())["url"]
        with urlopen(f"{url}readings") as answer:  # noqa: S310 - the loopback
            return json.load(answer)["state"]["consumed"]
    except OSError:  # it does not answer yet
        return 0


@pytest.mark.any_broker
def test_what_is_asked_while_it_runs_is_what_the_file_says_afterwards(broker, env, tmp_path):
    asked = (
        ("report", "--db", "w.duckdb", "--as-of", AS_OF, "--span", "28d", "--by", "reason", "--json"),
        ("report", "--db", "w.duckdb", "--as-of", AS_OF, "--span", "3d"),
        ("audit", "--db", "w.duckdb", "--kafka", broker, "--json"),
        ("audit", "--db", "w.duckdb", "--kafka", broker),
    )
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        until(lambda: consumed(tmp_path) == EVENTS)
        live = [done(*words, cwd=tmp_path, env=env) for words in asked]
        live_check = firsthand("check", "--db", "w.duckdb", "--docs", "docs", cwd=tmp_path, env=env)
        assert (tmp_path / "docs" / "index.html").is_file()
        worker = ended(process, signal.SIGTERM)
    assert worker.returncode == 0
    assert "Traceback" not in worker.stderr
    assert [done(*words, cwd=tmp_path, env=env) for words in asked] == live
    check = firsthand("check", "--db", "w.duckdb", cwd=tmp_path, env=env)
    assert (check.returncode, suites(check.stdout)) == (live_check.returncode, suites(live_check.stdout))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docs", "w.duckdb"]


def suites(summary: str) -> list[str]:
    return [line for line in summary.splitlines() if "expectations hold" in line]


def test_the_file_that_says_where_it_answers_is_its_owner_s_and_goes_with_it(broker, env, tmp_path):
    said = tmp_path / "w.duckdb.worker"
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        until(said.exists)
        assert stat.S_IMODE(said.stat().st_mode) == 0o600
        assert ended(process, signal.SIGINT).returncode == 0
    assert not said.exists()


def test_another_command_that_would_write_is_refused_while_it_runs(broker, env, tmp_path):
    (tmp_path / "e.jsonl").write_text("{}\n")
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        until(lambda: consumed(tmp_path) == EVENTS)
        words = ("replay", "e.jsonl", "--db", "w.duckdb", "--overwrite")
        refused = one_line(firsthand(*words, cwd=tmp_path, env=env))
        assert refused.startswith("w.duckdb is held by another process")
        assert consumed(tmp_path) == EVENTS
        assert ended(process, signal.SIGTERM).returncode == 0


def test_a_killed_one_leaves_a_file_that_answers_and_goes_on(broker, env, tmp_path):
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        until(lambda: consumed(tmp_path) == EVENTS)
        ended(process, signal.SIGKILL)
    assert (tmp_path / "w.duckdb.worker").exists()
    assert audited(tmp_path) == EVENTS
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        assert "look at http://127.0.0.1:" in process.stderr.readline()
        assert ended(process, signal.SIGTERM).returncode == 0
    assert audited(tmp_path) == EVENTS


STANDS_BY = "w.duckdb is held by another process"


def test_a_second_one_stands_by_and_takes_over_when_the_first_is_killed(broker, env, tmp_path):
    words = ("worker", "--kafka", broker, "--db", "w.duckdb")
    with started(*words, cwd=tmp_path, env=env) as first:
        until(lambda: consumed(tmp_path) == EVENTS)
        with started(*words, cwd=tmp_path, env=env) as second:
            assert STANDS_BY in (line := second.stderr.readline())
            assert line.rstrip().endswith("standing by, to go on when it ends")
            done("simulate", "--events", 50, "--seed", 4, "--kafka", broker, cwd=tmp_path, env=env)
            until(lambda: consumed(tmp_path) == EVENTS + 50)
            ended(first, signal.SIGKILL)
            done("simulate", "--events", 50, "--seed", 5, "--kafka", broker, cwd=tmp_path, env=env)
            assert "look at http://127.0.0.1:" in second.stderr.readline()
            until(lambda: consumed(tmp_path) == 50)
            assert ended(second, signal.SIGTERM).returncode == 0
    assert audited(tmp_path) == EVENTS + 100


def test_one_that_stands_by_leaves_the_first_alone_however_it_ends(broker, env, tmp_path):
    words = ("worker", "--kafka", broker, "--db", "w.duckdb")
    with started(*words, cwd=tmp_path, env=env) as first:
        until(lambda: consumed(tmp_path) == EVENTS)
        for number, code in ((signal.SIGTERM, 0), (signal.SIGINT, 0), (signal.SIGKILL, -signal.SIGKILL)):
            with started(*words, cwd=tmp_path, env=env) as second:
                assert STANDS_BY in second.stderr.readline()
                assert ended(second, number).returncode == code
        done("simulate", "--events", 50, "--seed", 4, "--kafka", broker, cwd=tmp_path, env=env)
        until(lambda: consumed(tmp_path) == EVENTS + 50)
        assert ended(first, signal.SIGTERM).returncode == 0
    assert audited(tmp_path) == EVENTS + 50


def audited(place: Path) -> int:
    return json.loads(done("audit", "--db", "w.duckdb", "--json", cwd=place))["consumed"]


def test_a_taken_port_is_one_line_and_makes_no_database(broker, env, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        words = ("worker", "--kafka", broker, "--db", "w.duckdb", "--port", port)
        assert one_line(firsthand(*words, cwd=tmp_path, env=env)).startswith(f"port {port} is taken")
    assert not list(tmp_path.iterdir())


@pytest.mark.any_broker
def test_without_a_terminal_it_logs_lines_and_nothing_of_its_engines(broker, env, tmp_path):
    with started("worker", "--kafka", broker, "--db", "w.duckdb", cwd=tmp_path, env=env) as process:
        first, lines = process.stderr.readline(), [""]
        while f"consumed {EVENTS:,} = accepted " not in lines[-1]:
            lines.append(process.stderr.readline())
        rest = ended(process, signal.SIGTERM)
    assert first.startswith(f"{env['FIRSTHAND_TOPIC']} at {broker} into w.duckdb; look at http://127.0.0.1:")
    told = [line for line in (*lines[1:], *rest.stderr.splitlines()) if not line.startswith("alert ")]
    for line in told:
        assert " events/s, lag " in line
        assert "consumed " in line
    assert rest.stdout == ""


@pytest.mark.any_broker
@pytest.mark.parametrize("columns", [80, 180])
def test_in_a_terminal_it_shows_a_live_table_of_readings_with_intervals(broker, env, tmp_path, columns):
    words = ("worker", "--kafka", broker, "--db", "w.duckdb")
    recent = (
        "simulate",
        "--events",
        500,
        "--seed",
        4,
        "--days",
        1,
        "--kafka",
        broker,
        "--start",
        yesterday(),
    )
    done(*recent, cwd=tmp_path, env=env)
    with Terminal(*words, cwd=tmp_path, columns=columns, env=env) as terminal:
        terminal.shows(
            "events/s", "lag", "rejected", "csat", "wait_mean", "24h", "28d" if columns > 100 else "7d"
        )
        terminal.shows("[0.")
        assert terminal.ends(signal.SIGINT) == 0
        assert "Traceback" not in terminal.text()
    with duckdb.connect(str(tmp_path / "w.duckdb"), read_only=True) as con:
        assert con.execute("select sum(consumed) from watermarks").fetchall() == [(EVENTS + 500,)]


def yesterday() -> str:
    return (clock() - timedelta(days=1)).isoformat()
