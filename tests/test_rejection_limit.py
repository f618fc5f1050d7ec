"""Too many rejected records in a row stop the worker before it moves on, and say why."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from deliveries import NOW, TOPIC, batch, record
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import kafka
from pipeline.arrivals import Arrivals
from pipeline.errors import RejectionLimitError
from pipeline.judge import Verdict
from pipeline.rejection_limit import TAKEN, RejectionLimit, first_run
from pipeline.store import Store
from tests.command import done, ended, until
from tests.stream import Stream

BAD = Verdict("not_json", "no JSON at character 0")


def naive_end(flags: Sequence[bool], parts: int, window: int) -> int | None:
    """How many records there are when a run first has more than `parts` in 1,000 of them rejected."""
    for end in range(window, len(flags) + 1):
        for start in range(end - window + 1):
            run = flags[start:end]
            if sum(run) * 1000 > len(run) * parts:
                return end
    return None


def watched_end(limit: RejectionLimit, flags: Sequence[bool], cuts: Sequence[int]) -> int | None:
    """After how many records the transaction began that the limit refuses, and where it ends."""
    for start, stop in zip([0, *cuts], [*cuts, len(flags)], strict=True):
        arrivals = Arrivals([batch([b""] * (stop - start), start)])
        rejected = {n: BAD for n in range(stop - start) if flags[start + n]}
        try:
            limit.watch(arrivals, rejected)
        except RejectionLimitError:
            return stop
    return None


FLAGS = st.lists(st.booleans(), max_size=60)


@settings(max_examples=400, deadline=None)
@given(
    flags=FLAGS,
    parts=st.sampled_from([0, 250, 333, 500, 900, 999]),
    window=st.integers(1, 12),
    data=st.data(),
)
def test_the_transaction_that_completes_a_run_is_refused_however_records_are_cut(flags, parts, window, data):
    cuts = sorted(data.draw(st.lists(st.integers(0, len(flags)), max_size=5)))
    end = naive_end(flags, parts, window)
    expected = None if end is None else next(stop for stop in [*cuts, len(flags)] if stop >= end)
    assert watched_end(RejectionLimit(parts / 1000, window), flags, cuts) == expected


@settings(max_examples=200, deadline=None)
@given(flags=FLAGS, window=st.integers(1, 12))
def test_the_run_that_is_told_is_one_that_breaks_the_limit_and_ends_first(flags, window):
    run = first_run(np.where(flags, 0, TAKEN).astype(np.int8), 0.5, window)
    end = naive_end(flags, 500, window)
    assert (run and run.stop) == end
    if run is not None:
        assert run.stop - run.start >= window
        assert 2 * sum(flags[run]) > run.stop - run.start


def test_partitions_are_watched_each_for_itself():
    limit = RejectionLimit(0.5, 4)
    mixed = Arrivals([batch([b""] * 3, 0, partition) for partition in range(3)])
    limit.watch(mixed, dict.fromkeys(range(9), BAD))
    with pytest.raises(RejectionLimitError, match="partition 1: 4 of 4 records"):
        limit.watch(Arrivals([batch([b""], 3, 1)]), {0: BAD})


def test_what_a_failed_transaction_showed_is_forgotten():
    limit = RejectionLimit(0.5, 4)
    bad = Arrivals([batch([b""] * 3, 0)])
    for _ in range(3):
        with suppress(OSError), limit.unless_failed():
            limit.watch(bad, dict.fromkeys(range(3), BAD))
            raise OSError
    limit.watch(bad, dict.fromkeys(range(3), BAD))


def test_at_a_limit_of_1_nothing_stops():
    RejectionLimit(1.0, 2).watch(Arrivals([batch([b""] * 9)]), dict.fromkeys(range(9), BAD))


def good(number: int) -> bytes:
    return record(f"e{number}")


def test_a_refused_transaction_leaves_nothing_behind_and_names_the_reasons(con):
    store = Store(con, limit=RejectionLimit(0.5, 10))
    store.ingest([batch([good(n) for n in range(10)])], NOW)
    flood = [good(10), *[b"{"] * 4, *[b"[]"] * 5, b"\xff"]
    named = r"partition 0: 6 of 10 records .* often not_json \(4\), not_an_object \(2\); .*offset 20:"
    with pytest.raises(RejectionLimitError, match=named):
        store.ingest([batch(flood, 10)], NOW)
    assert store.next_offset(TOPIC, 0) == 10
    assert con.execute("select count(*) from rejections").fetchall() == [(0,)]


def test_tombstones_and_duplicates_are_records_that_are_not_rejected(con):
    store = Store(con, limit=RejectionLimit(0.5, 4))
    store.ingest([batch([good(1), None, b"{", good(1), None, b"{"])], NOW)
    with pytest.raises(RejectionLimitError, match=r"3 of 5 records in a row.*not_json \(3\)"):
        store.ingest([batch([b"{"], 6)], NOW)


def test_a_good_record_can_be_the_one_that_completes_the_run(con):
    store = Store(con, limit=RejectionLimit(0.5, 4))
    store.ingest([batch([b"{", b"[]", b"{"])], NOW)
    with pytest.raises(RejectionLimitError, match=r"3 of 4 records in a row.*offset 2: "):
        store.ingest([batch([good(1)], 3)], NOW)


FLOOD = 10_050
"""More than the default's 10,000 in a row."""


@pytest.mark.any_broker
def test_the_worker_ends_with_one_line_and_goes_on_without_loss_once_the_limit_is_raised(
    broker: str, topic: Callable[[str], str], tmp_path: Path
):
    done("simulate", "--events", 3000, "--seed", 5, "--to", "events.jsonl", cwd=tmp_path)
    stream = Stream(broker, topic("touchpoints"), tmp_path, tmp_path / "events.jsonl")
    stream.send()
    events = len(stream.events.read_bytes().splitlines())
    with stream.worker() as process:
        until(lambda: stream.consumed() == events)
        kafka.produce(broker, stream.topic, ((b"k", b'{"n":%d' % n) for n in range(FLOOD)))
        stopped = ended(process)
    line = stopped.stderr.splitlines()[-1]
    assert stopped.returncode == 1
    assert line.startswith(f"firsthand: {stream.topic}, partition ")
    assert "most often not_json (" in line
    assert line.endswith("FIRSTHAND_REJECTION_LIMIT=1")
    audited = stream.audited("--kafka", broker)
    assert audited["rejected"] < 10_000
    assert audited["remaining"] > FLOOD - 10_000
    assert sum(kafka.end_offsets(broker, f"{stream.topic}-dlq").values()) <= audited["rejected"]
    with stream.worker(env=stream.env | {"FIRSTHAND_REJECTION_LIMIT": "1"}) as process:
        until(lambda: stream.consumed() == audited["remaining"])
        assert ended(process, signal.SIGTERM).returncode == 0
    stream.assert_whole(consumed=events + FLOOD)
