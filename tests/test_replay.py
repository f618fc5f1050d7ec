"""A file becomes a database: its lines are its coordinates, and the numbers are the oracle's."""

import gzip
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from deliveries import NOON, NOW, accepted, assert_equals_oracle, batch, emptied, in_memory, new_store, record

from pipeline import replay as module
from pipeline.audit import audit
from pipeline.batch import MAX_BYTES
from pipeline.errors import InputError
from pipeline.replay import _grouped, read_lines, replay
from pipeline.simulate import simulate
from pipeline.store import Store
from pipeline.tally import Tally


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as found:
        yield found


def lines_of(path: Path, **how: int) -> list[tuple[int, bytes | None]]:
    return [pair for each in read_lines(path, **how) for pair in zip(each.offsets, each.values, strict=True)]


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


# --- lines ---


@pytest.mark.parametrize("name", ["e.jsonl", "e.jsonl.gz"])
def test_a_line_keeps_its_number_and_its_bytes_and_blank_ones_are_skipped(tmp_path, name):
    path = written(tmp_path / name, b'{"a":1}\n\n \t\r\n{"b":2}\r\n\xff\x00\n{"last": "without an end"}')
    assert lines_of(path) == [
        (0, b'{"a":1}'),
        (3, b'{"b":2}\r'),
        (4, b"\xff\x00"),
        (5, b'{"last": "without an end"}'),
    ]


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n  \n"])
def test_a_file_without_a_line_has_no_record(tmp_path, content):
    assert lines_of(written(tmp_path / "e.jsonl", content)) == []


@pytest.mark.parametrize("max_records", [1, 3, 7, 100])
@pytest.mark.parametrize("read_bytes", [1, 5, 64])
def test_lines_are_the_same_wherever_reading_pauses_and_batches_end(
    tmp_path, monkeypatch, max_records, read_bytes
):
    content = b"\n".join([b"x" * (n % 5) for n in range(23)]) + b"\n"
    monkeypatch.setattr(module, "READ_BYTES", read_bytes)
    path = written(tmp_path / "e.jsonl", content)
    assert lines_of(path, max_records=max_records) == [(n, b"x" * (n % 5)) for n in range(23) if n % 5]
    batches = list(read_lines(path, max_records=max_records))
    assert [each.start for each in batches[1:]] == [each.next for each in batches[:-1]]
    assert (batches[0].start, batches[-1].next) == (0, 23)
    assert {(each.topic, each.partition) for each in batches} == {("e.jsonl", 0)}


@pytest.mark.parametrize("name", ["e.csv", "e.json", "e.jsonl.zip", "jsonl"])
def test_another_kind_of_file_is_refused_with_what_is_asked(tmp_path, name):
    with pytest.raises(InputError, match=r"\.jsonl or \.jsonl\.gz"):
        lines_of(written(tmp_path / name, b"{}"))


def test_a_file_that_is_not_there_or_no_file_says_so(tmp_path):
    (tmp_path / "folder.jsonl").mkdir()
    for name in ("none.jsonl", "none.jsonl.gz", "folder.jsonl"):
        with pytest.raises(InputError, match=rf"{name} cannot be read"):
            lines_of(tmp_path / name)


def test_a_damaged_packed_file_is_an_input_error_wherever_the_damage_is(tmp_path):
    packed = gzip.compress(b"\n".join(record(f"e{n}") for n in range(400)), mtime=0)
    chance = random.Random(3)  # noqa: S311 - seeded, to be the same every time
    path = tmp_path / "e.jsonl.gz"
    refused = 0
    for _ in range(150):
        broken = bytearray(packed)
        broken[chance.randrange(12, len(packed))] ^= 1 << chance.randrange(8)
        path.write_bytes(broken if chance.random() < 0.9 else packed[: chance.randrange(1, len(packed))])
        try:
            lines_of(path)
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - any other exception fails the test
            refused += 1
    assert refused > 100


# --- databases ---


def test_the_coordinates_of_a_file_are_its_name_partition_0_and_the_line_number(tmp_path, con):
    path = written(tmp_path / "kept.jsonl.gz", b"\n" + record("e1") + b"\n\n{\r\n" + record("e1"))
    tally = replay(Store(emptied(con)), read_lines(path), NOW)
    assert tally == Tally(3, 1, 1, 1)
    assert con.execute('select topic, partition, "offset" from touchpoints').fetchall() == [
        ("kept.jsonl.gz", 0, 1)
    ]
    assert con.execute('select topic, partition, "offset", key, payload from rejections').fetchall() == [
        ("kept.jsonl.gz", 0, 3, None, b"{\r")
    ]
    assert con.execute("select next_offset, consumed from watermarks").fetchall() == [(5, 3)]


def test_the_readings_speak_of_the_latest_accepted_event(con):
    values = [record("e1"), record("e2", NOON + timedelta(days=2)), record("e3", NOON + timedelta(days=1))]
    replay(Store(emptied(con)), [batch(values)], NOW)
    assert con.execute("select distinct as_of from metrics").fetchall() == [(NOON + timedelta(days=2),)]
    contacts = con.execute(
        "select numerator from metrics where metric = 'contacts' and span = '28d'"
    ).fetchall()
    assert set(contacts) == {(3,)}


def test_of_nothing_there_are_no_readings_and_no_moment(con):
    assert replay(Store(emptied(con)), [batch([b"{", None])], NOW) == Tally(2, 0, 0, 1, 1)
    assert con.execute("from metrics").fetchall() == []
    assert con.execute("from contacts").fetchall() == []


def test_both_ends_of_the_times_asked_for_are_included(con):
    hour = timedelta(hours=1)
    values = [record(f"e{n}", NOON + n * hour) for n in range(5)]
    tally = replay(Store(emptied(con)), [batch(values)], NOW, (NOON + hour, NOON + 3 * hour))
    assert tally == Tally(3, 3)
    assert con.execute("select id from touchpoints order by id").fetchall() == [("e1",), ("e2",), ("e3",)]
    assert audit(con).faults == ()


def test_the_future_is_not_checked_in_files(tmp_path, con):
    path = written(tmp_path / "e.jsonl", record("e1", "9000-01-01T00:00:00Z"))
    assert replay(Store(emptied(con)), read_lines(path), NOW).accepted == 1


def test_a_replay_owes_no_dead_letters(con):
    store = Store(emptied(con))
    replay(store, [batch([b"{", b"["])], NOW)
    assert store.unsent_rejections(9) == []


def test_progress_is_told_in_whole_transactions_and_small_batches_share_them(con):
    told: list[int] = []
    values = [record(f"e{n}") for n in range(40)]
    batches = [batch(values[n : n + 1], n) for n in range(40)]
    replay(Store(emptied(con)), batches, NOW, progress=lambda tally: told.append(tally.consumed))
    assert told == [40]


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[bytes]]:
    """1,500 simulated records of 28 days with an incident's worth of trouble, some broken, some twice."""
    values = [each.value for each in simulate(1_500, 5, customers=150, duplicates=0.02, broken=0.02)]
    path = tmp_path_factory.mktemp("simulated") / "events.jsonl.gz"
    return written(path, b"\n".join(values)), values


@pytest.fixture(scope="module")
def replayed(simulated, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The file in a database, in small transactions that fold often."""
    with new_store(tmp_path_factory.mktemp("replayed") / "x.duckdb", fold_facts=300) as store:
        for each in read_lines(simulated[0], max_records=170):
            store.ingest([each], NOW)
        store.refresh(NOW)
        with store.reading() as con:
            yield con


ASKED = [
    ("2026-02-02T00:00:00Z", "28d", "channel"),
    ("2026-01-20T09:30:00Z", "7d", "reason"),
    ("2026-01-15T12:00:00Z", "24h", "segment"),
    ("2026-01-26T17:00:00Z", "3d", "agent"),
    ("2026-01-13T13:13:13.131313Z", "90m", "team"),
    pytest.param("2026-02-09T00:00:00Z", "28d", "all", marks=pytest.mark.slow),
    pytest.param("2026-03-01T00:00:00Z", "400d", "stage", marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("as_of", "span", "dimension"), ASKED)
def test_simulated_events_replayed_equal_the_oracle(simulated, replayed, as_of, span, dimension):
    events = accepted(simulated[1])
    assert replayed.execute("select count(*) from touchpoints").fetchone() == (len(events),)
    assert audit(replayed).total.duplicates > 10
    moment = datetime.fromisoformat(as_of).astimezone(UTC)
    assert_equals_oracle(replayed, events, moment, span, dimension)


def test_long_lines_are_read_and_stored_in_fewer_at_a_time(tmp_path):
    path = tmp_path / "long.jsonl"
    line = b"a" * (MAX_BYTES // 4) + b"\n"
    path.write_bytes(line * 10)
    found = list(read_lines(path))
    assert [batch.start for batch in found] == [0, *(batch.next for batch in found[:-1])]
    assert sum(map(len, found)) == found[-1].next == 10
    assert max(batch.bytes for batch in found) <= MAX_BYTES + len(line)
    assert max(sum(each.bytes for each in group) for group in _grouped(found)) <= MAX_BYTES + len(line)
