from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import Ledger

HERE = ("touchpoints", 0)


def begun(offset: int = 0) -> Ledger:
    ledger = Ledger()
    ledger.begin(HERE, offset)
    return ledger


def test_nothing_is_committed_past_a_batch_that_is_not_stored():
    ledger = begun()
    ledger.acknowledge(HERE, 10, 20)
    assert ledger.committable(HERE) == 0
    ledger.acknowledge(HERE, 0, 10)
    assert ledger.committable(HERE) == 20


def test_a_batch_fetched_twice_with_other_bounds_counts_once():
    ledger = begun()
    ledger.acknowledge(HERE, 0, 20)
    ledger.acknowledge(HERE, 10, 45)
    assert ledger.committable(HERE) == 45


def test_a_lost_batch_stalls_its_partition_and_is_never_skipped():
    ledger = begun()
    for start in range(10, 200, 10):
        ledger.acknowledge(HERE, start, start + 10)
    assert ledger.committable(HERE) == 0


def test_a_late_acknowledgement_of_a_partition_given_away_changes_nothing():
    ledger = begun()
    ledger.forget(HERE)
    ledger.acknowledge(HERE, 0, 10)
    assert ledger.committable(HERE) is None
    assert ledger.partitions() == []


@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_acknowledgements_does_not_matter(sizes, random):
    bounds = [0]
    for size in sizes:
        bounds.append(bounds[-1] + size)
    ranges = list(pairwise(bounds))
    random.shuffle(ranges)
    ledger = begun()
    for count, (start, stop) in enumerate(ranges, start=1):
        ledger.acknowledge(HERE, start, stop)
        done = set(ranges[:count])
        expected = next((low for low, high in sorted(ranges) if (low, high) not in done), bounds[-1])
        assert ledger.committable(HERE) == expected
