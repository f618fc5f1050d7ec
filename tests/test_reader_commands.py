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

from tests.command import done, ended, firsthand, started, stored, until
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
        until(lambda: stored(place / "w.duckdb") == EVENTS)
        yield place
        worker = ended(process, signal.SIGTERM)
    assert (worker.returncode, "Traceback" in worker.stderr) == (0, False)


@pytest.fixture(scope="module")
def snapshot(place: Path) -> Path:
    """A snapshot that the command took of the running worker."""
    assert done("snapshot", "s.duckdb", "--db", "w.duckdb", cwd=place) == "s.duckdb: a snapshot of w.duckdb\n"
    return place / "s.duckdb"


def test_a_new_token_lets_a_reader_in_while_the_worker_runs_and_a_revoked_one_does_not(place, said):
    uri = json.loads((place / "w.duckdb.worker").read_text())["sql"]
    made = firsthand("token", "new", "grafana", "--db", "w.duckdb", cwd=place)
    token = made.stdout.strip()
    assert "shown once" in made.stderr
    assert said("token", "list", "--db", place / "w.duckdb")[1].split()[-1] == "grafana"
    assert token not in (place / "w.duckdb.tokens").read_text()
    with QuackReader(uri, token) as reader:
        assert reader.ask(COUNT)[0][0] > EVENTS * 0.9
        assert "internal.events is not for readers" in reader.refusal("from internal.events")
        assert said("token", "revoke", "grafana", "--db", place / "w.duckdb")[0] == 0
        assert "revoked" in reader.refusal(COUNT)
    with pytest.raises(duckdb.Error, match="Authentication failed"):
        QuackReader(uri, token)
    assert "no token grafana" in said("token", "revoke", "grafana", "--db", place / "w.duckdb")[2]


def test_a_query_is_answered_alike_through_the_worker_and_from_a_snapshot(place, snapshot, said):
    query = "select id, occurred_at, wait_s, resolved from touchpoints order by id limit 3"
    live = done("query", query, "--db", "w.duckdb", "--format", "json", cwd=place)
    assert said("query", query, "--db", snapshot, "--format", "json") == (0, live, "")
    first = json.loads(live)[0]
    assert list(first) == ["id", "occurred_at", "wait_s", "resolved"]
    assert first["occurred_at"].endswith("Z")
    _, out, _ = said("query", query, "--db", snapshot, "--format", "csv")
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == list(first)
    assert len(rows) == 4


def test_a_query_that_is_refused_says_so_in_one_line_on_both_ways(place, snapshot, said):
    for database in (place / "w.duckdb", snapshot):
        code, out, err = said("query", "copy metrics to 'x.csv'", "--db", database)
        assert (code, out, err.count("\n")) == (1, "", 1)
        assert "readers may only SELECT" in err
    assert not (place / "x.csv").exists()


def test_a_snapshot_of_a_running_worker_says_what_the_worker_says(snapshot, said):
    _, out, _ = said("audit", "--db", snapshot, "--json")
    assert json.loads(out)["consumed"] == EVENTS
    assert len(said("fingerprint", "--db", snapshot)[1]) == 65
