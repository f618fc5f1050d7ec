"""The law is recounted from the rows, and whatever breaks it is named."""

import json

import duckdb
import pytest
from deliveries import NOON, NOW, TOPIC, batch, record

from pipeline.audit import Audit, audit, still_to_consume
from pipeline.store import Store
from pipeline.tally import Tally


@pytest.fixture
def filled(con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Two partitions with some of everything, one of them with a hole at its end."""
    store = Store(con)
    store.ingest([batch([record("e1"), record("e1"), b"{", None])], NOW)
    store.ingest([batch([record("e2"), b"["], 10, 3, 20, [11, 15])], NOW)
    return con


def test_the_figures_are_those_of_the_partitions_and_their_sum(filled):
    found = audit(filled)
    assert found.faults == ()
    assert [(each.partition, each.next_offset, each.tally) for each in found.partitions] == [
        (0, 4, Tally(4, 1, 1, 1, 1)),
        (3, 20, Tally(2, 1, 0, 1, 0)),
    ]
    assert found.total == Tally(6, 2, 1, 2, 1)


def test_an_empty_database_keeps_the_law(con):
    found = audit(con)
    assert (found.faults, found.total, found.partitions) == ((), Tally(), ())
    assert found.as_dict()["holds"] is True


@pytest.mark.parametrize(
    ("damage", "fault"),
    [
        ("delete from internal.events where partition = 3", "partition 3: accepted 1, but touchpoints has 0"),
        ("insert into internal.events from internal.events", "accepted 1, but touchpoints has 2"),
        (
            "delete from internal.rejected where partition = 0",
            "partition 0: rejected 1, but rejections has 0",
        ),
        ("update watermarks set consumed = consumed + 1", "partition 0: consumed 5, but 4 are accounted for"),
        ("update watermarks set tombstones = 0 where partition = 0", "consumed 4, but 3 are accounted for"),
        ("update watermarks set duplicates = 0 where partition = 0", "consumed 4, but 3 are accounted for"),
        ("delete from watermarks where partition = 3", "partition 3: accepted 0, but touchpoints has 1"),
        ("delete from watermarks", "partition 3: rejected 0, but rejections has 1"),
        ("update internal.rejected set partition = 9", "partition 9: rejected 0, but rejections has 2"),
        (
            "update internal.events set topic = (select number from internal.names where name = 'all')",
            "all, partition 0: accepted 0, but touchpoints has 1",
        ),
    ],
)
def test_whatever_breaks_the_law_is_named(filled, damage, fault):
    filled.execute(damage)
    found = audit(filled)
    assert any(fault in each for each in found.faults), found.faults
    assert found.as_dict()["holds"] is False
    assert fault in "\n".join(found.lines())
    assert found.lines()[-1] == "the conservation law does not hold"


def test_the_json_form_has_the_contracts_figures_in_total_and_per_partition_and_reads_back(filled):
    found = still_to_consume(audit(filled), TOPIC, {0: 5, 3: 0})
    told = json.loads(json.dumps(found.as_dict()))
    counts = ("consumed", "accepted", "duplicates", "rejected", "tombstones")
    assert [told[name] for name in counts] == [6, 2, 1, 2, 1]
    assert [[each[name] for name in counts] for each in told["partitions"]] == [
        [4, 1, 1, 1, 1],
        [2, 1, 0, 1, 0],
    ]
    assert told["remaining"] == 5
    assert Audit.from_dict(told) == found


def test_what_is_left_stands_with_its_partition_also_with_those_not_begun(filled):
    found = still_to_consume(audit(filled), TOPIC, {0: 0, 1: 7, 3: 5})
    assert [(each.partition, each.remaining) for each in found.partitions] == [(0, 0), (3, 5), (1, 7)]
    assert "still to be consumed: 12" in found.lines()
    assert found.faults == ()
    other = still_to_consume(audit(filled), "another", {0: 4})
    assert [each.remaining for each in other.partitions] == [None, None, 4]


def test_events_outside_the_times_asked_for_do_not_break_the_law(con):
    store = Store(con)
    store.ingest([batch([record("e1"), record("e2", "2020-01-01T00:00:00Z"), b"{"])], NOW, (NOON, None))
    assert audit(con).faults == ()
    assert audit(con).total == Tally(2, 1, 0, 1, 0)
