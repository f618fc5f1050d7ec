"""Texts kept as numbers: each text one number, whatever is remembered, and what means absent has none."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import names as module
from pipeline.fields import ABSENT_TEXTS
from pipeline.names import ABSENT, Names, Vocabulary
from pipeline.schema import create_schema
from pipeline.settings import Definitions

TEXTS = st.sampled_from(["billing", "Billing", "billing ", "é", "e\u0301", "all", "(none)", "", "0", "😀"])


@pytest.fixture
def con():
    with duckdb.connect(":memory:") as connection:
        create_schema(connection, Definitions())
        yield connection


@pytest.fixture(scope="module")
def shared():
    with duckdb.connect(":memory:") as connection:
        create_schema(connection, Definitions())
        yield connection


def stored(con):
    return dict(con.execute("select number, name from internal.names where number > 0").fetchall())


@given(batches=st.lists(st.lists(TEXTS, max_size=8), max_size=6), remembered=st.sampled_from([0, 2, 100_000]))
def test_a_text_has_one_number_and_a_number_one_text(shared, batches, remembered):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_CACHED", remembered)
        names = Names(shared)
        for texts in batches:
            numbers = names.numbers(texts).tolist()
            assert [stored(shared)[number] for number in numbers] == texts
    found = shared.execute("select count(name), count(distinct name) from internal.names where number > 0")
    assert len(set(found.fetchone())) == 1


@given(sources=st.lists(TEXTS, max_size=8), members=st.lists(TEXTS | st.none(), max_size=8))
def test_numbers_of_a_vocabulary_become_the_database_s(shared, sources, members):
    words = Vocabulary()
    own = words.members(members), words.texts(sources)
    numbers = Names(shared).of(words)
    told = {ABSENT: None, **stored(shared)}
    found = [[told[number] for number in numbers[each.to_numpy()].tolist()] for each in own]
    assert found == [[None if each in (None, *ABSENT_TEXTS) else each for each in members], sources]


def test_what_means_absent_is_a_text_of_a_source_and_no_member():
    words = Vocabulary()
    assert words.members([None, "", "(none)"]).to_pylist() == [ABSENT] * 3
    assert ABSENT not in words.texts(["", "(none)"]).to_pylist()


def test_numbers_of_a_transaction_that_failed_are_forgotten(con):
    names = Names(con)
    con.begin()
    lost = names.numbers(["lost"]).tolist()
    con.rollback()
    names.forget()
    assert names.numbers(["kept", "lost"]).tolist() != [*lost, *lost]
    assert sorted(stored(con).values()) == ["all", "kept", "lost"]


def test_another_connection_s_numbers_are_found_again(con):
    first = Names(con).numbers(["a", "b"]).tolist()
    assert Names(con).numbers(["a", "b"]).tolist() == first
