"""Exactly once: however records are delivered, each is counted once, and rows and watermark agree."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import duckdb
import pytest
from deliveries import NOON, NOW, TOPIC, batch, emptied, in_memory, new_store, record
from histories import histories
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle_verdicts import verdict

from pipeline.audit import audit
from pipeline.batch import NO_TIMESTAMP, RecordBatch
from pipeline.fingerprint import fingerprint
from pipeline.simulate import simulate
from pipeline.store import GapError, Store
from pipeline.tally import Tally

BROKEN = (b"", b"{", b"\xff\xfe", b"[]", b'{"specversion":"1.0"}', record("b", "yesterday"))


@pytest.fixture
def store(con: duckdb.DuckDBPyConnection) -> Store:
    return Store(con)


def watermarks(con: duckdb.DuckDBPyConnection) -> dict[int, tuple[int, ...]]:
    """By partition: next offset, consumed, accepted, duplicates, rejected, tombstones."""
    found = con.execute("select * exclude (topic) from watermarks order by partition").fetchall()
    assert len({partition for partition, *_ in found}) == len(found)
    return {partition: tuple(numbers) for partition, *numbers in found}


def state(con: duckdb.DuckDBPyConnection) -> list[object]:
    """Everything there is, row by row."""
    tables = con.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where not temporary order by all"
    ).fetchall()
    return [(name, con.execute(f"from {name} order by all").fetchall()) for (name,) in tables]


# --- any delivery at all ---


@dataclass
class Topic:
    """A topic of some partitions, and what a store that has consumed [0, at) of each must hold."""

    records: dict[int, dict[int, bytes | None]]
    ends: dict[int, int]
    at: dict[int, int] = field(default_factory=dict)
    seen: set[object] = field(default_factory=set)
    tallies: dict[int, Tally] = field(default_factory=dict)
    touchpoints: set[tuple[int, int]] = field(default_factory=set)
    rejections: dict[tuple[int, int], tuple[bytes, bytes | None]] = field(default_factory=dict)

    def fetched(self, partition: int, start: int, stop: int) -> RecordBatch:
        """What a consumer gets of [start, stop), keys and all."""
        here = {at: value for at, value in self.records[partition].items() if start <= at < stop}
        found = batch(list(here.values()), start, partition, stop, list(here))
        found.keys = [b"key %d" % at if at % 3 else None for at in here]
        return found

    def consume(self, batches: Sequence[RecordBatch]) -> Tally:
        """Count what is new in the batches, in order of offsets, one record after the other."""
        total = Tally()
        for each in sorted(batches, key=lambda each: each.start):
            new = self.at.get(each.partition, each.start)
            for at, value, key in zip(each.offsets, each.values, each.keys, strict=True):
                if at >= new:
                    total += self._count(each.partition, at, value, key)
            self.at[each.partition] = max(new, each.next)
        return total

    def _count(self, partition: int, at: int, value: bytes | None, key: bytes | None) -> Tally:
        found = Tally(consumed=1, tombstones=1)
        if value is not None:
            event = verdict(value, None).event
            if event is None:
                found = Tally(consumed=1, rejected=1)
                self.rejections[partition, at] = (value, key)
            elif event.identity in self.seen:
                found = Tally(consumed=1, duplicates=1)
            else:
                found = Tally(consumed=1, accepted=1)
                self.seen.add(event.identity)
                self.touchpoints.add((partition, at))
        self.tallies[partition] = self.tallies.get(partition, Tally()) + found
        return found


@st.composite
def topics(draw: st.DrawFn) -> Topic:
    """A history's records with broken ones, tombstones and repetitions between, holes in the offsets."""
    history = draw(histories(max_size=15))
    valid = [json.dumps(event).encode() for event in history]
    others = draw(st.lists(st.sampled_from((*BROKEN, None, None)), max_size=6))
    values = draw(st.permutations([*valid, *others, *draw(st.lists(st.sampled_from(valid), max_size=4))]))
    records: dict[int, dict[int, bytes | None]] = {number: {} for number in range(draw(st.integers(1, 3)))}
    ends = dict.fromkeys(records, 0)
    for value in values:
        partition = draw(st.sampled_from(list(records)))
        at = ends[partition] + draw(st.sampled_from((0, 0, 0, 0, 1, 5)))
        records[partition][at] = value
        ends[partition] = at + 1
    return Topic(records, {partition: end + draw(st.integers(0, 2)) for partition, end in ends.items()})


@st.composite
def fetches(draw: st.DrawFn, topic: Topic) -> list[RecordBatch]:
    """Some fetched ranges out of turn: next ones, old ones again, half old half new ones, empty ones."""
    reached = dict(topic.at)
    found = []
    for _ in range(draw(st.integers(1, 4))):
        partition = draw(st.sampled_from(list(topic.records)))
        at, end = reached.get(partition, 0), topic.ends[partition]
        start = draw(st.one_of(st.just(at), st.integers(0, at)))
        stop = draw(st.integers(start, end))
        found.append(topic.fetched(partition, start, stop))
        reached[partition] = max(at, stop)
    return draw(st.permutations(found))


def assert_each_counts_once(con: duckdb.DuckDBPyConnection, data: st.DataObject) -> None:
    """A topic, drawn, is consumed in ranges that are drawn, and the law holds after each."""
    store = Store(emptied(con), fold_facts=data.draw(st.sampled_from([1, 10**9])))
    topic = data.draw(topics())
    for _ in range(data.draw(st.integers(1, 3))):
        batches = data.draw(fetches(topic))
        assert store.ingest(batches, NOW) == topic.consume(batches)
        assert_holds(con, topic)
    rest = [topic.fetched(each, topic.at.get(each, 0), end) for each, end in topic.ends.items()]
    assert store.ingest(rest, NOW) == topic.consume(rest)
    assert_holds(con, topic)
    assert store.ingest(rest, NOW) == Tally()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_each_record_counts_once_however_ranges_overlap_repeat_and_leave_holes(shared, data):
    assert_each_counts_once(shared, data)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_each_record_counts_once_in_many_deliveries(shared, data):
    assert_each_counts_once(shared, data)


def assert_holds(con: duckdb.DuckDBPyConnection, topic: Topic) -> None:
    """The law, the watermarks, and every row at its coordinates with what was sent."""
    assert audit(con).faults == ()
    for partition, (next_offset, *counts) in watermarks(con).items():
        assert next_offset == topic.at[partition]
        assert Tally(*counts) == topic.tallies.get(partition, Tally())
    found = con.execute('select partition, "offset" from touchpoints').fetchall()
    assert sorted(found) == sorted(topic.touchpoints)
    rejected = con.execute('select partition, "offset", payload, key from rejections').fetchall()
    assert {(partition, at): (payload, key) for partition, at, payload, key in rejected} == topic.rejections
    assert len(rejected) == len(topic.rejections)


# --- one thing at a time ---


def test_a_batch_sent_again_changes_nothing_at_all(store, con):
    values = [record("e1"), None, b"{", record("e1"), record("s1", kind="survey", contact_id="e1", csat=5)]
    assert store.ingest([batch(values)], NOW) == Tally(5, 2, 1, 1, 1)
    before = state(con)
    assert store.ingest([batch(values)], NOW + timedelta(days=1)) == Tally()
    assert store.ingest([batch(values[1:3], 1), batch(values, 0), batch([], 5)], NOW) == Tally()
    assert state(con) == before


def test_of_a_batch_that_reaches_below_the_watermark_only_the_rest_is_new(store, con):
    store.ingest([batch([record("e1"), record("e2")])], NOW)
    assert store.ingest([batch([record("e2"), b"{", record("e3")], 1)], NOW) == Tally(2, 1, 0, 1)
    assert watermarks(con) == {0: (4, 4, 3, 0, 1, 0)}
    assert con.execute('select "offset" from rejections').fetchall() == [(2,)]


def test_an_empty_range_moves_the_watermark_and_counts_nothing(store, con):
    assert store.ingest([batch([], 0, stop=7)], NOW) == Tally()
    assert store.ingest([batch([record("e1")], 7), batch([], 8, stop=20)], NOW) == Tally(1, 1)
    assert watermarks(con) == {0: (20, 1, 1, 0, 0, 0)}
    assert store.next_offset(TOPIC, 0) == 20
    assert store.next_offset(TOPIC, 1) is None
    assert store.next_offset("another", 0) is None


def test_a_range_without_records_over_the_watermark_is_no_gap(store, con):
    store.ingest([batch([record("e1")])], NOW)
    assert store.ingest([batch([record("e2")], 0, stop=9, offsets=[8])], NOW) == Tally(1, 1)
    assert watermarks(con) == {0: (9, 2, 2, 0, 0, 0)}


@pytest.mark.parametrize("ahead", [1, 1_000])
def test_a_gap_is_refused_with_what_is_missing_and_nothing_of_the_call_is_kept(store, con, ahead):
    store.ingest([batch([record("e1")])], NOW)
    before = state(con)
    with pytest.raises(GapError, match=rf"touchpoints, partition 0: offsets 2 to {ahead + 1} .* replay"):
        store.ingest(
            [batch([record("e2")], 1), batch([record("e4")], 0, 1), batch([record("e3")], 2 + ahead)], NOW
        )
    assert state(con) == before
    assert store.ingest([batch([record("e2")], 1)], NOW) == Tally(1, 1)


def test_a_partition_may_begin_anywhere(store, con):
    assert store.ingest([batch([record("e1")], 500)], NOW) == Tally(1, 1)
    assert watermarks(con)[0][0] == 501


def test_several_batches_of_one_partition_in_one_call_follow_one_another(store, con):
    values = [record(f"e{number}") for number in range(6)]
    batches = [batch(values[:2]), batch(values[1:4], 1), batch(values[:1]), batch(values[3:], 3)]
    assert store.ingest(batches, NOW) == Tally(6, 6)
    found = con.execute('select id, "offset" from touchpoints order by id').fetchall()
    assert found == [(f"e{number}", number) for number in range(6)]


def test_a_duplicate_counts_where_it_was_consumed_second_and_the_first_content_stands(store, con):
    first, second = record("e1", reason="first"), record("e1", "2026-11-08T13:00:00+01:00", reason="second")
    store.ingest([batch([second], 0, 3), batch([first], 0, 1)], NOW)
    store.ingest([batch([first, first], 0, 0)], NOW)
    assert watermarks(con) == {0: (2, 2, 0, 2, 0, 0), 1: (1, 1, 0, 1, 0, 0), 3: (1, 1, 1, 0, 0, 0)}
    assert con.execute("select reason, partition from touchpoints").fetchall() == [("second", 3)]


def test_the_same_id_at_another_instant_or_from_another_source_is_another_event(store):
    other = record("e1").replace(b'"crm"', b'"ivr"')
    later = record("e1", NOON + timedelta(microseconds=1))
    assert store.ingest([batch([record("e1"), other, later])], NOW) == Tally(3, 3)


def test_rejections_keep_key_bytes_and_coordinates_beside_holes_and_unkeyed_partitions(store, con):
    keyed = batch([record("e1"), b"\x00\xff{", None, b""], 10, 1, 40, [11, 17, 18, 39])
    keyed.keys = [b"k", b"\xfe\x00", b"t", None]
    store.ingest([batch([b"[]", record("e2")], 5, 0), keyed, batch([b"{}"], 7)], NOW)
    found = con.execute(
        'select topic, partition, "offset", reason, key, payload, rejected_at from rejections order by all'
    ).fetchall()
    assert found == [
        (TOPIC, 0, 5, "not_an_object", None, b"[]", NOW),
        (TOPIC, 0, 7, "bad_envelope", None, b"{}", NOW),
        (TOPIC, 1, 17, "not_utf8", b"\xfe\x00", b"\x00\xff{", NOW),
        (TOPIC, 1, 39, "not_json", None, b"", NOW),
    ]
    assert watermarks(con) == {0: (8, 3, 1, 0, 2, 0), 1: (40, 4, 1, 0, 2, 1)}
    details = con.execute("select detail from rejections").fetchall()
    assert all(detail and "\n" not in detail for (detail,) in details)


def test_kafka_timestamps_judge_each_record_by_its_own_batch(store, con):
    noon_ms = round(NOON.timestamp() * 1000)
    early, late = batch([record("e1"), record("e2")]), batch([record("e3")], 0, 1)
    early.timestamps = [noon_ms - 300_001, noon_ms - 300_000]
    store.ingest([late, early], NOW)
    assert con.execute('select reason, partition, "offset" from rejections').fetchall() == [
        ("time_in_future", 0, 0)
    ]


def test_of_a_record_without_a_kafka_timestamp_no_time_is_in_the_future(store, con):
    plain, unusual = record("e2"), record("e3", NOON, "survey", csat=4.0)  # only the judge takes 4.0
    found = batch([record("e1"), plain, unusual])
    found.timestamps = [round(NOON.timestamp() * 1000) - 300_001, NO_TIMESTAMP, NO_TIMESTAMP]
    assert store.ingest([found], NOW) == Tally(3, 2, 0, 1)
    assert con.execute('select reason, "offset" from rejections').fetchall() == [("time_in_future", 0)]


def test_events_outside_the_times_asked_for_count_as_not_consumed(store, con):
    hour = timedelta(hours=1)
    values = [record(f"e{n}", NOON + n * hour) for n in (0, 1, 1, 2, 3)]
    tally = store.ingest([batch([*values, b"{", None])], NOW, (NOON + hour, NOON + 2 * hour))
    assert tally == Tally(5, 2, 1, 1, 1)
    assert watermarks(con) == {0: (7, 5, 2, 1, 1, 1)}
    assert store.latest_occurrence() == NOON + 2 * hour
    assert store.ingest([batch(values[:1], 0, 1)], NOW, (NOON + hour, None)) == Tally()
    assert watermarks(con)[1] == (1, 0, 0, 0, 0, 0)


def test_a_failure_in_the_middle_takes_everything_back_and_the_store_goes_on(store, con):
    store.ingest([batch([record("e1")])], NOW)
    before = state(con)
    values = [record("e2"), b"{", record("s", kind="survey", contact_id="e1", csat=1)]
    with pytest.raises(duckdb.Error):
        store.ingest([batch(values, 1), batch(values, 0, 1)], "no moment")
    assert state(con) == before
    assert store.ingest([batch(values, 1), batch(values, 0, 1)], NOW) == Tally(6, 2, 2, 2)
    assert audit(con).faults == ()


def test_an_interruption_after_the_rows_are_written_takes_them_back(store, con, monkeypatch):
    """Ctrl-C just before the watermark moves."""
    store.ingest([batch([record("e1")])], NOW)
    before = state(con)

    def interrupted(*_: object) -> None:
        assert con.execute("select count(*) from touchpoints").fetchone() == (2,)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Store, "_move_watermarks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.ingest([batch([record("e2"), b"{"], 1)], NOW)
    assert state(con) == before
    assert store.ingest([batch([record("e2"), b"{"], 1)], NOW) == Tally(2, 1, 0, 1)


def test_events_in_the_years_1_and_9999_are_stored_followed_up_and_read(store, con):
    first, last = "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"
    values = [record("e1", first), record("e2", last), record("e3", "9999-12-31T23:59:59.999998Z")]
    surveys = [record(f"s{n}", at, "survey", contact_id=f"e{n}", csat=5) for n, at in ((1, last), (2, first))]
    assert store.ingest([batch(values)], NOW) == Tally(3, 3)
    surveys.append(record("r", last, "reopen", contact_id="e3"))
    assert store.ingest([batch(surveys, 3)], NOW) == Tally(3, 3)
    for at in (datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
        store.refresh(at)
        assert con.execute("select count(*) from contacts").fetchone() == (1 if at.year == 1 else 3,)
    assert con.execute("select id, resolved_at_first_contact from contacts order by id").fetchall() == [
        *[("e1", True), ("e2", None), ("e3", False)]
    ]
    assert store.latest_occurrence() == datetime.max.replace(tzinfo=UTC)


def test_the_latest_occurrence_is_right_each_time_it_is_asked_for(store):
    assert store.latest_occurrence() is None
    for offset, (hours, latest) in enumerate([(2, 2), (1, 2), (3, 3), (0, 3)]):
        store.ingest([batch([record(f"e{offset}", NOON + timedelta(hours=hours))], offset)], NOW)
        assert store.latest_occurrence() == NOON + timedelta(hours=latest)


# --- killed and resent ---

Ending = tuple[str, Tally, list[tuple[int, ...]]]
CHILD = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
import pipeline.cells, pipeline.store
from deliveries import NOW, batch, new_store

path, source, kill_at, fold_facts = sys.argv[1:]

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

if "." in kill_at:
    owner, name = kill_at.split(".")
    owners = {"Store": pipeline.store.Store, "store": pipeline.store, "cells": pipeline.cells}
    setattr(owners[owner], name, killed)
values = Path(source).read_bytes().splitlines()
with new_store(path, fold_facts=int(fold_facts)) as store:
    starts = {p: store.next_offset("touchpoints", p) or 0 for p in (0, 1)}
    halves = values[0::2], values[1::2]
    while any(starts[p] < len(halves[p]) for p in (0, 1)):
        print("begin", *starts.values(), flush=True)
        store.ingest([batch(halves[p][starts[p]:starts[p] + 200], starts[p], p) for p in (0, 1)], NOW)
        starts = {p: at + 200 for p, at in starts.items()}
        print("end", flush=True)
print("done", flush=True)
"""


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,500 simulated records, some broken and some repeated, a line each."""
    path = tmp_path_factory.mktemp("simulated") / "events.jsonl"
    events = simulate(1_500, 11, duplicates=0.02, broken=0.02)
    path.write_bytes(b"".join(each.value + b"\n" for each in events))
    return path


@pytest.fixture(scope="module")
def undisturbed(simulated: Path) -> Ending:
    """What a run ends with that nothing happened to."""
    values = simulated.read_bytes().splitlines()
    with in_memory() as con:
        Store(con).ingest([batch(values[0::2], 0, 0), batch(values[1::2], 0, 1)], NOW)
        return ending(con)


def ending(con: duckdb.DuckDBPyConnection) -> Ending:
    """Fingerprint, totals, and by partition what does not depend on which of two copies came first."""
    found = audit(con)
    assert found.faults == ()
    each = [(it.next_offset, it.tally.consumed, it.tally.rejected) for it in found.partitions]
    return fingerprint(con), found.total, each


def child(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Another process that runs a program of this file."""
    here = Path(__file__).parent
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])},
    )


def assert_whole(path: Path) -> None:
    """After a kill: the law holds, watermark and rows agree, and of each transaction all is there."""
    with new_store(path) as store, store.reading() as con:
        assert audit(con).faults == ()
        reached = {partition: numbers[0] for partition, numbers in watermarks(con).items()}
        assert len(set(reached.values())) <= 1  # both partitions of a call, or neither
        found = con.execute('select max("offset") from (from touchpoints union all by name from rejections)')
        assert (found.fetchone()[0] or -1) < max(reached.values(), default=0)


def assert_resent_is_undisturbed(path: Path, simulated: Path, undisturbed) -> None:
    values = simulated.read_bytes().splitlines()
    with new_store(path) as store, store.reading() as con:
        store.ingest([batch(values[p::2], 0, p) for p in (0, 1)], NOW)
        assert ending(con) == undisturbed


@pytest.mark.parametrize(
    "point",
    ["store.accept", "store.post", "Store._move_watermarks", "cells.fold"],
)
def test_a_process_killed_at_any_step_of_a_transaction_leaves_all_or_nothing(
    tmp_path, simulated, undisturbed, point
):
    """The kill is a real one: SIGKILL by the process to itself, at the step."""
    path = tmp_path / "x.duckdb"
    with new_store(path) as store:
        values = simulated.read_bytes().splitlines()
        store.ingest([batch(values[p::2][:150], 0, p) for p in (0, 1)], NOW)
    process = child(CHILD, path, simulated, point, 1)
    told, _ = process.communicate(timeout=60)
    assert (process.returncode, told) == (-signal.SIGKILL, "begin 150 150\n")
    assert_whole(path)
    with new_store(path) as store:
        assert store.next_offset(TOPIC, 0) == 150
    assert_resent_is_undisturbed(path, simulated, undisturbed)


def test_a_process_killed_again_and_again_loses_and_doubles_nothing(tmp_path, simulated, undisturbed):
    """Killed from outside as soon as it begins a transaction, and once between two."""
    path = tmp_path / "x.duckdb"
    for last_words in ("begin", "end", "begin"):
        process = child(CHILD, path, simulated, "never", 500)
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if line.startswith(last_words))
        process.kill()
        assert process.wait(timeout=60) == -signal.SIGKILL
        process.communicate()
        assert_whole(path)
    assert child(CHILD, path, simulated, "never", 500).communicate(timeout=60)[0].endswith("done\n")
    assert_resent_is_undisturbed(path, simulated, undisturbed)


DISK_FULL = """
import resource, sys
import duckdb
from deliveries import NOW, batch, new_store, record
from pipeline.audit import audit

with new_store(sys.argv[1], fold_facts=int(sys.argv[2])) as store, store.reading() as con:
    at, failures = 0, 0
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, hard))
    while at < 100_000 and not failures:
        new = range(at, at + 500)
        values = [record(f"e{n}", reason=f"{n * 7919 % 100_003:x}" * 8, customer_id=f"c{n}") for n in new]
        before = store.next_offset("touchpoints", 0)
        try:
            store.ingest([batch(values, at)], NOW)
        except duckdb.Error:
            failures += 1
            assert audit(con).faults == ()
            assert store.next_offset("touchpoints", 0) == before, "raised, and yet something was kept"
        else:
            at += 500
    assert failures == 1, at
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert store.ingest([batch(values, at)], NOW).accepted == 500
    print(at + 500)
"""


@pytest.mark.parametrize("fold_facts", [1, 10**9], ids=["folding", "not folding"])
def test_a_full_disk_takes_the_transaction_back_and_the_store_goes_on_when_there_is_room(
    tmp_path, fold_facts
):
    path = tmp_path / "x.duckdb"
    process = child(DISK_FULL, path, fold_facts)
    told, complaint = process.communicate(timeout=120)
    assert process.returncode == 0, complaint
    with new_store(path) as store, store.reading() as con:
        assert audit(con).faults == ()
        assert audit(con).total.accepted == int(told)


# --- several threads ---


BESIDE = ("refresh", "look", "send")


def test_readers_beside_the_writer_see_whole_transactions_and_nothing_ever_conflicts(tmp_path):
    """Each transaction: 20 contacts by 2 channels in 2 partitions, 4 rejections and 2 duplicates."""
    with new_store(tmp_path / "x.duckdb", fold_facts=100) as store, ExitStack() as stack:
        first = threading.Event()
        over = threading.Event()
        failed: list[BaseException] = []
        looks = Counter()

        def beside(name: str, step: Callable[[], None]) -> None:
            def work() -> None:
                first.wait(30)
                try:
                    while not over.is_set():
                        step()
                        looks[name] += 1
                except BaseException as error:  # noqa: BLE001 - told to the test, which fails by it
                    failed.append(error)

            thread = threading.Thread(target=work)
            thread.start()
            stack.callback(thread.join)

        stack.callback(over.set)
        moments = count()
        beside("refresh", lambda: store.refresh(NOON + timedelta(seconds=next(moments))))
        beside("look", lambda: look(store))
        beside("send", lambda: store.mark_sent(store.unsent_rejections(7)))
        transactions = 0
        while not failed and (transactions < 12 or min(looks[name] for name in BESIDE) < 4):
            store.ingest(whole_transaction(transactions), NOW)
            transactions += 1
            first.set()
        over.set()
        stack.close()
        assert not failed, failed
        with store.reading() as con:
            look(store)
            assert audit(con).faults == ()
            assert audit(con).total.accepted == 20 * transactions


def whole_transaction(number: int) -> list[RecordBatch]:
    channels = ("phone", "email")
    values = [
        record(f"{number}-{n}", customer_id=f"c{n}-{number % 7}", channel=channels[n % 2]) for n in range(20)
    ]
    return [
        batch([*values[:10], values[0], b"{", b"["], number * 13, 0),
        batch([*values[10:], values[0], b"}", b"]"], number * 13, 1),
    ]


def look(store: Store) -> None:
    """One transaction over several tables: whole numbers of whole transactions everywhere."""
    with store.reading() as con:
        con.begin()
        counted = con.execute(
            "select sum(consumed), sum(accepted), sum(duplicates), sum(rejected) from watermarks"
        ).fetchone()
        touchpoints, transactions = con.execute("select count(*), count(*) / 20 from touchpoints").fetchone()
        assert counted == (26 * transactions, 20 * transactions, 2 * transactions, 4 * transactions)
        assert con.execute("select count(*) from rejections").fetchone() == (4 * transactions,)
        now = con.execute(
            "select numerator from metrics_at($1, '7d', 'all') where metric = 'contacts'", [NOON]
        ).fetchone()
        assert now == (touchpoints,)
        read = con.execute(
            "select span, dimension, sum(numerator), count(distinct as_of) from metrics "
            "where metric = 'contacts' group by all"
        ).fetchall()
        assert len({(number, moments) for _, _, number, moments in read}) <= 1, read
        assert all(number % 20 == 0 and 0 < number <= touchpoints for _, _, number, _ in read), read
        assert con.execute("select count(distinct as_of) <= 1 from metrics").fetchone() == (True,)
        stale = "select count(*) from metrics where as_of <> (select as_of from internal.refreshed)"
        assert con.execute(stale).fetchone() == (0,)
        con.rollback()


# --- dead letters ---


def test_rejections_not_sent_come_by_partition_and_offset_until_they_are_marked(store):
    store.ingest([batch([b"1", record("e1"), b"2", b"3"], 0, 1), batch([b"4"], 0, 0)], NOW)
    assert [(each.partition, each.offset) for each in store.unsent_rejections(3)] == [(0, 0), (1, 0), (1, 2)]
    store.mark_sent(store.unsent_rejections(2))
    assert [each.payload for each in store.unsent_rejections(9)] == [b"2", b"3"]
    store.mark_sent([])
    store.ingest([batch([b"5"], 4, 1)], NOW)
    store.mark_sent(store.unsent_rejections(2))
    assert [each.payload for each in store.unsent_rejections(9)] == [b"5"]


def test_what_is_owed_survives_a_reopening(tmp_path):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([b"1", b"2"])], NOW)
        store.mark_sent(store.unsent_rejections(1))
    with new_store(tmp_path / "x.duckdb") as store:
        assert [each.payload for each in store.unsent_rejections(9)] == [b"2"]
        assert store.next_offset(TOPIC, 0) == 2


def test_the_order_of_partitions_in_a_call_does_not_matter(con):
    values = [record(f"e{n}", customer_id=f"c{n % 3}") for n in range(12)]
    batches = [batch(values[n::4], 0, n) for n in range(4)]
    random.Random(5).shuffle(batches)  # noqa: S311 - seeded, to be the same every time
    Store(con).ingest(batches, NOW)
    assert {partition: numbers[:3] for partition, numbers in watermarks(con).items()} == dict.fromkeys(
        range(4), (3, 3, 3)
    )
