"""`token`, `query` and `snapshot` as processes, beside a worker that holds the database and without one."""

import csv
import io
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.command import done, ended, firsthand, one_line, started, until
from tests.quack import QuackReader

EVENTS = 2_000
COUNT = "select count(*) as n from touchpoints"


@pytest.fixture(scope="module")
def place(embedded_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which a worker has stored EVENTS events in w.duckdb, and runs."""
    place = tmp_path_factory.mktemp("readers")
    topic = "live-sql-readers"
    env = os.environ | {
        "FIRSTHAND_TOPIC": topic,
        "FIRSTHAND_DLQ_TOPIC": f"{topic}-dlq",
        "FIRSTHAND_GROUP": topic,
    }
    asked = ("simulate", "--events", EVENTS, "--seed", 3, "--kafka", embedded_broker)
    done(*asked, cwd=place, env=env)
    words = ("worker", "--kafka", embedded_broker, "--db", "w.duckdb")
    with started(*words, cwd=place, env=env) as process:
        assert " or ask quack:127.0.0.1:" in process.stderr.readline()
        until(lambda: audited(place) == EVENTS)
        yield place
        worker = ended(process, signal.SIGTERM)
    assert (worker.returncode, "Traceback" in worker.stderr) == (0, False)


def audited(place: Path) -> int:
    return json.loads(done("audit", "--db", "w.duckdb", "--json", cwd=place))["consumed"]


def test_a_new_token_lets_a_reader_in_while_the_worker_runs_and_a_revoked_one_does_not(place):
    uri = json.loads((place / "w.duckdb.worker").read_text())["sql"]
    made = firsthand("token", "new", "grafana", "--db", "w.duckdb", cwd=place)
    token = made.stdout.strip()
    assert "shown once" in made.stderr
    assert done("token", "list", "--db", "w.duckdb", cwd=place).split()[-1] == "grafana"
    assert token not in (place / "w.duckdb.tokens").read_text()
    with QuackReader(uri, token) as reader:
        assert reader.ask(COUNT)[0][0] > EVENTS * 0.9
        assert "internal.events is not for readers" in reader.refusal("from internal.events")
        done("token", "revoke", "grafana", "--db", "w.duckdb", cwd=place)
        assert "revoked" in reader.refusal(COUNT)
    with pytest.raises(duckdb.Error, match="Authentication failed"):
        QuackReader(uri, token)
    assert "no token grafana" in one_line(
        firsthand("token", "revoke", "grafana", "--db", "w.duckdb", cwd=place)
    )


def test_a_query_is_answered_alike_through_the_worker_and_from_a_snapshot(place):
    done("snapshot", "s.duckdb", "--db", "w.duckdb", cwd=place)
    query = "select id, occurred_at, wait_s, resolved from touchpoints order by id limit 3"
    live, answer = (
        done("query", query, "--db", name, "--format", "json", cwd=place) for name in ("w.duckdb", "s.duckdb")
    )
    assert live == answer
    first = json.loads(answer)[0]
    assert list(first) == ["id", "occurred_at", "wait_s", "resolved"]
    assert first["occurred_at"].endswith("Z")
    rows = list(
        csv.reader(io.StringIO(done("query", query, "--db", "s.duckdb", "--format", "csv", cwd=place)))
    )
    assert rows[0] == list(first)
    assert len(rows) == 4


def test_a_query_that_is_refused_says_so_in_one_line_on_both_ways(place):
    for name in ("w.duckdb", "s.duckdb"):
        if not (place / name).exists():
            done("snapshot", name, "--db", "w.duckdb", cwd=place)
        refused = one_line(firsthand("query", "copy metrics to 'x.csv'", "--db", name, cwd=place))
        assert "readers may only SELECT" in refused
    assert not (place / "x.csv").exists()


def test_a_snapshot_of_a_running_worker_says_what_the_worker_says(place):
    done("snapshot", "copy.duckdb", "--db", "w.duckdb", cwd=place)
    assert json.loads(done("audit", "--db", "copy.duckdb", "--json", cwd=place))["consumed"] == EVENTS
    assert len(done("fingerprint", "--db", "copy.duckdb", cwd=place)) == 65
