"""The judge of first-contact resolution is judged by hand: a few contacts of one customer at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from handmade import DAY, HOUR, MICROSECOND, SPAN, T, contact, fraction, reopen
from oracle import WEEK, contacts, readings


def test_one_contact_is_a_first_contact_and_resolved() -> None:
    assert fraction([contact("a")], "fcr") == "1/1"


def test_calling_back_unresolves_the_first_contact_and_is_none_itself() -> None:
    assert fraction([contact("a"), contact("b", T + HOUR)], "fcr") == "0/1"


def test_exactly_f_later_is_still_a_repeat() -> None:
    assert fraction([contact("a"), contact("b", T + WEEK)], "fcr") == "0/1"


def test_a_microsecond_past_f_is_a_first_contact_again() -> None:
    assert fraction([contact("a"), contact("b", T + WEEK + MICROSECOND)], "fcr") == "2/2"


def test_a_chain_of_repeats_has_one_first_contact() -> None:
    # Day 10 is more than a week after day 0, yet within a week of day 5.
    assert fraction([contact("a"), contact("b", T + 5 * DAY), contact("c", T + 10 * DAY)], "fcr") == "0/1"


def test_an_abandoned_contact_is_a_repeat_but_never_a_first_contact() -> None:
    earlier, later = contact("a"), contact("b", T + HOUR)
    assert fraction([earlier, replace(later, outcome="abandoned")], "fcr") == "0/1"
    assert fraction([replace(earlier, outcome="abandoned"), later], "fcr") == "1/1"


def test_an_outbound_contact_is_neither_repeat_nor_first_contact() -> None:
    earlier, later = contact("a"), contact("b", T + HOUR)
    assert fraction([earlier, replace(later, direction="outbound")], "fcr") == "1/1"
    assert fraction([replace(earlier, direction="outbound"), later], "fcr") == "1/1"


def test_a_missing_reason_is_a_reason_of_its_own() -> None:
    assert fraction([contact("a"), contact("b", T + HOUR, reason="bill")], "fcr") == "2/2"
    assert fraction([contact("a"), contact("b", T + HOUR)], "fcr") == "0/1"


def test_the_key_is_a_setting() -> None:
    events = [contact("a"), contact("b", T + HOUR, reason="bill")]
    assert fraction(events, "fcr", key=("customer_id",)) == "0/1"


def test_f_is_a_setting() -> None:
    events = [contact("a"), contact("b", T + 2 * HOUR)]
    assert fraction(events, "fcr", follow_up=HOUR) == "2/2"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"contact_id": "a"}, {"contact_id": "b"}),
        ({"contact_id": "K"}, {"contact_id": "k"}),
        ({"contact_id": "\ufb00"}, {"contact_id": "\U0001d11e"}),  # the other way round in UTF-16
        ({"contact_id": "a", "source": "t"}, {"contact_id": "b", "source": "s"}),
        ({"contact_id": "a", "source": "s"}, {"contact_id": "a", "source": "t"}),
    ],
)
def test_contacts_of_one_instant_go_by_contact_id_source_and_id(
    earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    events = [contact("a", T, **later, team="later"), contact("z", T, **earlier, team="earlier")]
    rows = readings(events, T, SPAN, "team")
    assert ("fcr", "later") not in rows
    assert (rows["fcr", "earlier"].numerator, rows["fcr", "earlier"].denominator) == (0, 1)


def test_equal_contact_ids_of_one_instant_and_source_go_by_id() -> None:
    events = [contact("e2", contact_id="k"), contact("e10", contact_id="k")]
    assert [row["id"] for row in contacts(events, T) if row["is_first_contact"]] == ["e10"]


@pytest.mark.parametrize(
    ("after", "found"),
    [(timedelta(0), "1/1"), (MICROSECOND, "0/1"), (WEEK, "0/1"), (WEEK + MICROSECOND, "1/1"), (-HOUR, "1/1")],
)
def test_a_reopen_counts_after_the_contact_up_to_f(after: timedelta, found: str) -> None:
    assert fraction([contact("a"), reopen("r", T + after, "a")], "fcr") == found


def test_a_reopen_speaks_of_the_earliest_contact_that_bears_the_id() -> None:
    earliest = contact("a", contact_id="k", customer_id="c1")
    other = contact("b", T + HOUR, contact_id="k", customer_id="c2")
    assert fraction([other, earliest, reopen("r", T + DAY, "k")], "fcr") == "1/2"
    # 8 days after the earliest, and 6 after the other: neither is reopened
    other = replace(other, occurred_at=T + 2 * DAY)
    assert fraction([other, earliest, reopen("r", T + 8 * DAY, "k")], "fcr") == "2/2"


def test_a_reopen_of_an_unknown_contact_changes_nothing() -> None:
    assert fraction([contact("a"), reopen("r", T + DAY, "b")], "fcr") == "1/1"


@pytest.mark.parametrize(
    ("outcome", "fcr", "one_contact"),
    [
        (None, "1/1", "1/1"),
        ("resolved", "1/1", "1/1"),
        ("transferred", "1/1", "0/1"),
        ("unresolved", "0/1", "0/1"),
        ("escalated", "0/1", "0/1"),
        ("abandoned", "no row", "no row"),
    ],
)
def test_the_outcome_decides_as_the_contract_says(outcome: str | None, fcr: str, one_contact: str) -> None:
    assert fraction([contact("a", outcome=outcome)], "fcr") == fcr
    assert fraction([contact("a", outcome=outcome)], "one_contact") == one_contact


def test_a_repeat_is_unknown_before_it_happens() -> None:
    events = [contact("a"), contact("b", T + DAY), reopen("r", T + HOUR, "a")]
    assert fraction(events, "fcr", as_of=T + HOUR - MICROSECOND) == "1/1"
    assert fraction(events, "fcr", as_of=T + HOUR) == "0/1"


def test_a_contact_before_the_window_still_makes_a_repeat_of_one_in_it() -> None:
    events = [contact("a", T - HOUR), contact("b", T)]
    assert ("fcr", "all") not in readings(events, T, HOUR, "all")
    assert readings(events, T, HOUR, "all")["contacts", "all"].numerator == 1


def test_fcr_settled_looks_at_the_window_that_ended_f_ago() -> None:
    # As of T + F and a span of an hour: (T - 1 h, T]
    events = [
        contact("too old", T - HOUR, customer_id="c1"),
        contact("kept", T - HOUR + MICROSECOND, customer_id="c2"),
        contact("repeated", T, customer_id="c3"),
        contact("the repeat", T + WEEK, customer_id="c3"),
        contact("not settled", T + MICROSECOND, customer_id="c4"),
    ]
    found = readings(events, T + WEEK, HOUR, "all")["fcr_settled", "all"]
    assert (found.numerator, found.denominator) == (1, 2)
