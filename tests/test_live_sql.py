"""Live SQL, asked by DuckDB's own Quack client over a database that is being written."""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import pytest

from pipeline.batch import RecordBatch
from pipeline.database import open_writer
from pipeline.errors import InputError, RefusedError
from pipeline.fingerprint import fingerprint
from pipeline.live_sql import gateway
from pipeline.live_sql.desk import Desk
from pipeline.live_sql.gateway import Gateway
from pipeline.live_sql.guard import RELATIONS
from pipeline.live_sql.limits import Limits
from pipeline.live_sql.service import live_sql
from pipeline.live_sql.tokens import Tokens, beside
from pipeline.report import report
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.simulate import simulate
from pipeline.store import Store
from tests.attacks import ATTACKS
from tests.command import until
from tests.quack import QuackReader

NOW = datetime(2026, 2, 2, tzinfo=UTC)
EVENTS = 2_000
LIMITS = Limits(seconds=20, rows=100_000, megabytes=8)


def opened(path: Path, memory_limit: str = "300MB") -> Store:
    return Store(open_writer(path, Definitions(), create_schema, memory_limit))


def batches(count: int, size: int, seed: int = 7) -> Iterator[RecordBatch]:
    values = [each.value for each in simulate(count, seed)]
    for at in range(0, count, size):
        part = values[at : at + size]
        yield RecordBatch(
            "e.jsonl", 0, at, at + len(part), range(at, at + len(part)), [None] * len(part), part
        )


@contextmanager
def served(store: Store, path: Path, limits: Limits = LIMITS, host: str = "127.0.0.1") -> Iterator[str]:
    """Where it is served; the token of `me` is `mine`."""
    if not Tokens(beside(path)).known():
        Tokens(beside(path)).add("me", "mine", NOW)
    with live_sql(store, path, limits, None, host) as (_, uri):
        assert uri is not None
        yield uri


@contextmanager
def asking(readers: Sequence[Callable[[], None]], done: threading.Event) -> Iterator[None]:
    """Let them ask, each in a thread, until the block ends and `done` says so."""
    threads = [threading.Thread(target=each) for each in readers]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        done.set()
        for each in threads:
            each.join()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("live") / "x.duckdb"


@pytest.fixture(scope="module")
def store(database: Path) -> Iterator[Store]:
    with opened(database) as store:
        for batch in batches(EVENTS, EVENTS):
            store.ingest([batch], NOW)
        store.refresh(NOW)
        yield store


@pytest.fixture(scope="module")
def uri(store: Store, database: Path) -> Iterator[str]:
    with served(store, database) as uri:
        yield uri


@pytest.fixture(scope="module")
def reader(uri: str) -> Iterator[QuackReader]:
    with QuackReader(uri, "mine") as reader:
        yield reader


def test_beyond_the_loopback_it_is_served_where_the_settings_say_and_to_tokens_only(tmp_path):
    path = tmp_path / "x.duckdb"
    with opened(path) as store, served(store, path, host="0.0.0.0") as uri:  # noqa: S104 - it is tested
        from_elsewhere = uri.replace("127.0.0.1", own_address())
        with QuackReader(from_elsewhere, "mine", over_tls=False) as reader:
            assert reader.ask("select 1") == [(1,)]
        with pytest.raises(duckdb.Error, match="Authentication failed"):
            QuackReader(from_elsewhere, "another", over_tls=False)


def own_address() -> str:
    """One that other machines know this one by; the loopback where there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as unsent:
        try:
            unsent.connect(("198.51.100.1", 9))
        except OSError:
            return "127.0.0.1"
        return unsent.getsockname()[0]


def test_the_readings_over_quack_are_those_of_report(store, reader):
    with store.reading() as con:
        expected = {
            (r.metric, r.member): (r.numerator, r.denominator, r.value) for r in report(con, by="channel")
        }
    rows = reader.ask(
        "select metric, member, numerator, denominator, value from metrics "
        "where span = '7d' and dimension = 'channel'"
    )
    assert {(metric, member): rest for metric, member, *rest in map(tuple, rows)}.keys() == expected.keys()
    assert all(expected[metric, member] == tuple(rest) for metric, member, *rest in rows)


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from touchpoints",
        "select reason, count(*) filter (settled) from contacts group by all order by all",
        "from contacts_at('2026-01-20T00:00:00Z') limit 3",
        "select topic, payload from rejections",
        "select member, value from metrics_at('2026-01-20T10:00:00Z', '7d', 'channel') where metric = 'csat'",
        (
            "with recent as (from touchpoints where occurred_at > timestamptz '2026-01-10 00:00:00Z'), "
            "days as (select date_trunc('day', occurred_at) as d, avg(csat) as c from recent group by 1) "
            "select d, c - lag(c) over (order by d) from days order by d"
        ),
        "from metrics pivot (max(value) for span in ('24h', '7d')) order by all limit 5",
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 9) select sum(i) from n",
        "select 1 as a, 2 as a, null, sum(1), 1.5::decimal(9, 2), '\\x01'::blob, [1], {'k': 'v'}",
        "select list_transform([1, 2], lambda x: x + 1), now() is not null, current_date > date '2020-01-01'",
        "select * exclude (low, high) replace (upper(metric) as metric) from Main.METRICS order by all",
        "with duckdb_settings as (select 42 as answer) from duckdb_settings",
    ],
)
def test_plain_questions_are_answered_as_without_quack(store, reader, query):
    with store.reading() as con:
        assert reader.ask(query) == con.execute(query).fetchall()


def test_an_attached_client_finds_the_tables_and_reads_them_by_name(reader):
    shown = reader.ask("show tables")
    assert [name for (name,) in shown] == sorted(RELATIONS)
    assert (
        reader.con.execute("select count(*) from cx.touchpoints").fetchone()
        == reader.ask("select count(*) from touchpoints")[0]
    )
    assert [name for name, *_ in reader.ask("describe metrics")][:3] == ["metric", "span", "dimension"]
    counted = "select count(*) from information_schema.columns where table_name = 'metrics'"
    assert reader.ask(counted) == [(10,)]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda each: each[:60] or "nothing")
def test_no_way_around_the_guard(reader, attack):
    assert reader.refusal(attack)


def test_after_all_attacks_nothing_has_changed(store, database, reader, tmp_path_factory):
    with opened(tmp_path_factory.mktemp("clean") / "x.duckdb") as clean, store.reading() as con:
        for batch in batches(EVENTS, EVENTS):
            clean.ingest([batch], NOW)
        with clean.reading() as untouched:
            assert fingerprint(con) == fingerprint(untouched)
            settings = "select name, value from duckdb_settings() where name not in ('temp_directory')"
            assert con.execute(settings).fetchall() == untouched.execute(settings).fetchall()
    assert {path.name for path in database.parent.iterdir()} <= {
        f"x.duckdb{end}" for end in ("", ".wal", ".tokens", ".tmp")
    }
    assert reader.ask("select 42") == [(42,)]


@pytest.mark.parametrize(
    "attack",
    [
        "insert into cx.metrics values ('x', '7d', 'all', 'all', now(), 1, 1, 1, 1, 1)",
        "create table cx.t (a int)",
        "create view cx.v as select 1",
        "drop view cx.metrics",
        "drop schema cx.main",
    ],
)
def test_an_attached_client_writes_nothing(reader, attack):
    with pytest.raises(duckdb.Error):
        reader.con.execute(attack)


def test_rows_sent_for_appending_are_refused_before_they_arrive(store, database):
    """Quack asks leave for them by an INSERT that it never runs, and takes any text for leave."""
    with Desk(store.reading, LIMITS) as desk:
        gateway = Gateway(desk, Tokens(beside(database)), duckdb.connect())
        assert gateway.let_in("session", "mine", "")
        assert gateway.instead("session", 'INSERT INTO main."answer\n1" VALUES (NULL)') is None
        assert "readers may only SELECT" in gateway.instead("session", "insert into metrics values (1)")


def test_nobody_is_let_in_without_a_token_that_is_known(uri):
    with QuackReader(uri, "mine") as reader:
        for token in ("mine ", "MINE", "me", "x" * 64, "zoë", "''"):
            with pytest.raises(duckdb.Error, match="Authentication failed"):
                reader.con.execute(f"attach '{uri}' as another (token '{token}')")
        with pytest.raises(duckdb.Error, match="Could not find a Quack authentication token"):
            reader.con.execute(f"attach '{uri}' as another")


def test_a_revoked_token_ends_with_the_next_query(uri, database):
    tokens = Tokens(beside(database))
    tokens.add("leaver", "theirs", NOW)
    with QuackReader(uri, "theirs") as leaver:
        assert leaver.ask("select 1") == [(1,)]
        tokens.revoke("leaver")
        assert "revoked" in leaver.refusal("select 1")
    with pytest.raises(duckdb.Error, match="Authentication failed"):
        QuackReader(uri, "theirs")


def test_only_hashes_of_tokens_are_kept_and_only_for_their_owner(uri, database):  # noqa: ARG001
    path = beside(database)
    assert path.stat().st_mode & 0o777 == 0o600
    assert "mine" not in path.read_text()
    with pytest.raises(InputError, match="already"):
        Tokens(path).add("me", "another", NOW)


def test_an_answer_has_bounds_in_rows_in_bytes_and_in_time(store, tmp_path):
    with (
        served(store, tmp_path / "x", Limits(seconds=1, rows=1_000, megabytes=1)) as uri,
        QuackReader(uri, "mine") as reader,
    ):
        assert len(reader.ask("from range(1000)")) == 1000
        assert "1,000 rows (FIRSTHAND_SQL_ROWS)" in reader.refusal("from range(1001)")
        assert "larger than 1 MB (FIRSTHAND_SQL_MEGABYTES)" in reader.refusal(
            "select string_agg(md5(range::varchar), '') from range(100000)"
        )
        assert "longer than 1 seconds (FIRSTHAND_SQL_SECONDS)" in reader.refusal(
            "select sum(a.range * b.range) from range(1000000) a, range(1000000) b"
        )
        assert "longer than 1 seconds" in reader.refusal(
            "with recursive n as (select 1 as i union all select i + 1 from n) select count(*) from n"
        )


def test_answers_that_nobody_fetches_leave_room_for_others(store, tmp_path, monkeypatch):
    monkeypatch.setattr(gateway, "LEAST_MEMORY_MB", 0)
    limits = Limits(seconds=20, rows=1_000_000, megabytes=1)
    query = "from range(120000)"
    with served(store, tmp_path / "x", limits) as uri:
        readers = [QuackReader(uri, "mine") for _ in range(9)]
        unfetched = [each.con.execute(f"from cx.query('{query}')") for each in readers]
        assert len(readers[0].ask(query)) == 120_000
        assert len(unfetched) == len(readers)
        for each in readers:
            each.con.close()


def test_sessions_that_come_and_go_leave_no_memory_taken(store, tmp_path, monkeypatch):
    """A column takes 18 KB of DuckDB's memory for one number, and a session that ends tells nobody."""
    monkeypatch.setattr(gateway, "LEAST_MEMORY_MB", 8)
    wide = ", ".join(f"{n}::bigint as c{n}" for n in range(150))
    limits = Limits(seconds=20, megabytes=1)
    with served(store, tmp_path / "x", limits) as uri, QuackReader(uri, "mine") as reader:
        reader.con.execute(f"create secret (type quack, token 'mine', scope '{uri}')")
        for _ in range(10):
            assert reader.con.execute(f"from quack_query('{uri}', 'select {wide}')").fetchall()


def test_heavy_queries_are_refused_and_ingest_goes_on(tmp_path):
    """Readers share DuckDB's memory with ingest: whoever lacks it, it is never ingest that fails."""
    path = tmp_path / "x.duckdb"
    heavy = (
        "select count(*) from (select distinct hash(range) from range(1000000000))",
        "select list(range) from range(1000000000)",
        "select string_agg(a.id || b.id, ',') from touchpoints a, touchpoints b",
        "select a.id, b.id from touchpoints a, touchpoints b order by md5(a.id || b.id)",
    )
    refusals: list[str] = []
    done = threading.Event()

    def ask(uri: str, query: str) -> None:
        with QuackReader(uri, "mine") as reader:
            while not done.is_set():
                try:
                    reader.ask(query)
                except duckdb.Error as error:
                    refusals.append(str(error))

    with opened(path, "100MB") as store:
        with (
            served(store, path, Limits(seconds=1)) as uri,
            asking([partial(ask, uri, each) for each in heavy], done),
        ):
            until(lambda: refusals, "no reader was refused")
            for batch in batches(4_000, 1_000):
                store.ingest([batch], NOW)
                store.refresh(NOW)
        with store.reading() as con:
            disturbed = fingerprint(con)
    why = ("more memory than the worker can spare", "longer than 1 seconds", "larger than", "Out of Memory")
    assert [said for said in refusals if not any(each in said for each in why)] == []
    with opened(tmp_path / "quiet.duckdb") as quiet, quiet.reading() as con:
        for batch in batches(4_000, 4_000):
            quiet.ingest([batch], NOW)
        assert disturbed == fingerprint(con)


def test_no_reader_sees_half_a_transaction(tmp_path):
    """Each batch is 300 records, and each refresh all readings of one moment."""
    path = tmp_path / "x.duckdb"
    seen: list[tuple[int, int, int]] = []
    done = threading.Event()

    def ask(uri: str) -> None:
        with QuackReader(uri, "mine") as reader:
            while not done.is_set():
                seen.extend(
                    reader.ask(
                        "select (select count(*) from touchpoints) + (select count(*) from rejections), "
                        "(select count(distinct as_of) from metrics), (select count(*) from metrics "
                        "where metric = 'contacts' and span = '7d' and dimension = 'all')"
                    )
                )

    values = [each.value for each in simulate(1_800, 7, duplicates=0)]
    with opened(path) as store, served(store, path) as uri, asking([partial(ask, uri)] * 2, done):
        for at in range(0, 1_800, 300):
            part = values[at : at + 300]
            store.ingest([RecordBatch("e", 0, at, at + 300, range(at, at + 300), [None] * 300, part)], NOW)
            store.refresh(NOW)
    assert len({count for count, _, _ in seen}) > 2
    assert {moments for _, moments, _ in seen} <= {0, 1}
    assert {rows for _, moments, rows in seen if moments} <= {0, 1}
    assert [count for count, _, _ in seen if count % 300] == []


def test_the_service_ends_while_readers_ask(tmp_path, store):
    said: list[str] = []

    def ask(reader: QuackReader) -> None:
        said.append(reader.refusal("select sum(a.range * b.range) from range(10000000) a, range(10000000) b"))

    with served(store, tmp_path / "x") as uri:
        reader = QuackReader(uri, "mine")
        asking = threading.Thread(target=ask, args=(reader,))
        asking.start()
        until(lambda: reader is not None and asking.is_alive())
    asking.join()
    assert len(said) == 1
    reader.con.close()


def test_a_port_that_is_wished_for_and_taken_is_refused(store, tmp_path, uri):
    port = int(uri.rpartition(":")[2])
    with (
        pytest.raises(InputError, match=f"port {port} is taken: choose another with --sql-port"),
        live_sql(store, tmp_path / "x", LIMITS, port),
    ):
        pass


def test_services_that_start_at_the_same_moment_have_each_a_port_of_its_own(store, tmp_path):
    """Quack shares a port with another that wants it; a reader is then now with the one, now the other."""
    together = threading.Barrier(4)

    def serve(_: int) -> str:
        together.wait()
        with live_sql(store, tmp_path / "x", LIMITS, None) as (_, uri):
            together.wait()
            return uri

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(serve, range(4)))) == 4


def test_without_live_sql_the_desk_still_answers(store, tmp_path):
    with live_sql(store, tmp_path / "x", LIMITS, 0) as (desk, uri):
        assert uri is None
        assert desk.answer("select 42 as a").rows.to_pylist() == [{"a": 42}]
        with pytest.raises(RefusedError, match="getenv"):
            desk.answer("select getenv('PATH')")
    assert os.environ["PATH"]
