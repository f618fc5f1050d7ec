"""The mirror of a real worker: it goes on whatever dies, and the worker goes on whatever becomes of it."""

import random
import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipeline import kafka
from pipeline.commands.options import clock
from pipeline.simulate import simulate
from tests import postgres as servers
from tests.command import ended, until
from tests.mirrored import assert_equal_now, assert_history_is_what_is_known_now
from tests.postgres import PASSWORD, SUPERUSER, Postgres
from tests.stream import Stream

EVENTS = 1500
HOUR = timedelta(hours=1)
HISTORY = {"FIRSTHAND_MIRROR_HISTORY": "1h=3h,24h=6h", "FIRSTHAND_MIRROR_KEEP": "2d", "PGPASSWORD": PASSWORD}
WRONGLY_REVISED = """
select count(*)
from (
    select
        revision = row_number() over revisions as follows,
        figures = lag(figures) over revisions as repeats
    from (
        select *, row(numerator, denominator, value, low, high)::text as figures
        from metrics_history
    ) as history
    window revisions as (partition by span, dimension, metric, member, as_of order by revision)
) as compared
where repeats or not follows
"""
pytestmark = pytest.mark.any_broker


@pytest.fixture
def stream(broker: str, topic: Callable[[str], str], tmp_path: Path) -> Stream:
    """Events of the last day."""
    events = simulate(EVENTS, 5, start=clock() - timedelta(days=1), days=1)
    (tmp_path / "events.jsonl").write_bytes(b"".join(each.value + b"\n" for each in events))
    return Stream(broker, topic("touchpoints"), tmp_path, tmp_path / "events.jsonl")


@pytest.fixture
def own_server() -> Iterator[Postgres]:
    """A PostgreSQL to be stopped."""
    with servers.had() as running:
        yield running


def mirroring(stream: Stream, url: str) -> dict[str, Any]:
    return {"env": stream.env | HISTORY | {"FIRSTHAND_MIRROR": url}}


def asked(server: Postgres, database: str, query: str) -> Any:
    """One value of the mirror; None where there is none yet."""
    with server.connect(database=database, options="-c search_path=firsthand") as con:
        if con.execute("select to_regclass('mirror_state')").fetchone() == (None,):
            return None
        row = con.execute(query).fetchone()
        return row and row[0]


def recorded(server: Postgres, database: str) -> int:
    return asked(server, database, "select count(*) from history_moments") or 0


def expected(first: datetime, last: datetime) -> set[tuple[str, datetime]]:
    """The moments of HISTORY's grids between two others."""
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    hours = [midnight + n * HOUR for n in range(0, 72, 3)]
    grid = {("1h", at) for at in hours} | {("24h", at) for at in hours if at.hour % 6 == 0}
    return {(span, at) for span, at in grid if first <= at <= last}


def assert_mirrored(stream: Stream, server: Postgres, database: str) -> None:
    """Once the worker has ended: the mirror has its last refresh, and every moment of the grids."""
    with (
        duckdb.connect(str(stream.place / stream.database), read_only=True) as duck,
        server.connect(database=database, options="-c search_path=firsthand") as there,
    ):
        assert_equal_now(duck, there)
        (first,) = duck.execute("select min(occurred_at) from touchpoints").fetchone()
        moments = set(there.execute("select span, as_of from history_moments").fetchall())
        (as_of,) = there.execute("select as_of from mirrored").fetchone()
        assert moments == expected(first, as_of - timedelta(minutes=1))
        assert_history_is_what_is_known_now(duck, there, sorted(moments)[::3])


def is_complete(stream: Stream, server: Postgres, database: str) -> bool:
    """Is the first moment after the first event recorded? The latest come first."""
    times = re.findall(rb'"time":"(20[^"]+Z)"', stream.events.read_bytes())
    first = min(datetime.fromisoformat(each.decode()) for each in times)
    oldest = asked(server, database, "select min(as_of) from history_moments")
    return oldest is not None and oldest == min(at for _, at in expected(first, oldest))


def test_killed_at_random_moments_it_goes_on_and_no_moment_is_missing_or_there_twice(
    stream, postgres, database
):
    moments = random.Random(3)  # noqa: S311 - no secret
    options = mirroring(stream, postgres.url_of(SUPERUSER, database))
    send(stream, 0, EVENTS)
    with stream.worker(**options) as first:
        until((stream.place / f"{stream.database}.worker").exists)
        with stream.worker(**options) as second:
            assert "standing by" in second.stderr.readline()
            until(lambda: recorded(postgres, database) > 0)
            time.sleep(moments.uniform(0, 0.5))
            assert writers(postgres, database) == 1
            ended(first, signal.SIGKILL)
            before = recorded(postgres, database)
            until(lambda: recorded(postgres, database) > before or is_complete(stream, postgres, database))
            time.sleep(moments.uniform(0, 0.5))
            ended(second, signal.SIGKILL)
    with stream.worker(**options) as third:
        until(lambda: is_complete(stream, postgres, database))
        stream.until_caught_up()
        assert "mirror" not in ended(third, signal.SIGTERM).stderr
    assert writers(postgres, database) == 0
    assert_mirrored(stream, postgres, database)
    assert asked(postgres, database, WRONGLY_REVISED) == 0


def send(stream: Stream, first: int, last: int) -> None:
    """Some of the events onto the topic."""
    kafka.ensure_topics(stream.bootstrap, {stream.topic: 4})
    lines = stream.events.read_bytes().split(b"\n")[first:last]
    kafka.produce(stream.bootstrap, stream.topic, [(None, line) for line in lines])


def writers(server: Postgres, database: str) -> int:
    query = "select count(*) from pg_stat_activity where application_name = 'firsthand' and datname = %s"
    with server.connect() as con:
        return con.execute(query, [database]).fetchone()[0]


def test_postgresql_may_be_away_at_the_start_crash_and_freeze_and_the_worker_consumes_on(stream, own_server):
    database = "postgres"
    options = mirroring(stream, own_server.url)
    own_server.stop()
    with stream.worker(**options) as worker:
        send(stream, 0, 500)
        until(lambda: stream.consumed() == 500)
        own_server.start()
        until(lambda: recorded(own_server, database) > 2)
        own_server.stop(signal.SIGQUIT)
        send(stream, 500, 1000)
        until(lambda: stream.consumed() == 1000)
        own_server.start()
        until(lambda: is_complete(stream, own_server, database))
        own_server.freeze()
        send(stream, 1000, EVENTS)
        until(lambda: stream.consumed() == EVENTS)
        told = clock()
        began = time.monotonic()
        result = ended(worker, signal.SIGTERM)
        took = time.monotonic() - began
        own_server.thaw()
    assert result.returncode == 0, result.stderr
    assert took < 30
    said = [line for line in result.stderr.splitlines() if line.startswith("the mirror")]
    name = own_server.url
    lost = f"the mirror {name} is lost, and tried again until it is back: "
    back = f"the mirror {name} is back"
    assert [line[: len(lost)] for line in said[:4]] == [lost, back, lost, back]
    assert said[4:] == [f"the mirror {name} did not answer at the end: it lacks the last refresh"]
    assert PASSWORD not in result.stderr
    with stream.worker(**options) as again:
        until(lambda: asked(own_server, database, "select as_of from mirrored") > told)
        until(lambda: not asked(own_server, database, "select count(*) from history_moments where doubtful"))
        assert ended(again, signal.SIGTERM).returncode == 0
    assert_mirrored(stream, own_server, database)
