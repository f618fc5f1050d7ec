"""Texts kept as numbers: each text one number, whatever is remembered, and what means absent has none."""

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import names as module
from pipeline.names import ABSENT, Names
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
            numbers = names.texts(texts).to_pylist()
            assert [stored(shared)[number] for number in numbers] == texts
    found = shared.execute("select count(name), count(distinct name) from internal.names where number > 0")
    assert len(set(found.fetchone())) == 1


def test_what_means_absent_is_a_text_of_a_source_and_no_member(con):
    names = Names(con)
    assert names.members([None, "", "(none)"]).to_pylist() == [ABSENT] * 3
    assert ABSENT not in names.texts(["", "(none)"]).to_pylist()


def test_members_and_sources_share_a_text_number(con):
    names = Names(con)
    assert names.members(["desk"]) == names.texts(["desk"])


def test_numbers_of_a_transaction_that_failed_are_forgotten(con):
    names = Names(con)
    con.begin()
    lost = names.members(["lost"]).to_pylist()
    con.rollback()
    names.forget()
    assert names.members(["kept", "lost"]).to_pylist() != [*lost, *lost]
    assert sorted(stored(con).values()) == ["all", "kept", "lost"]


def test_another_connection_s_numbers_are_found_again(con):
    first = Names(con).members(["a", "b"])
    assert Names(con).members(["a", "b"]) == first
