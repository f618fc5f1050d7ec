"""The judge of the figures is judged by hand: counts, answers, seconds, and who belongs to whom."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from handmade import (
    DAY,
    HOUR,
    MICROSECOND,
    SPAN,
    T,
    contact,
    fraction,
    invitation,
    others,
    reading,
    reopen,
    survey,
)
from oracle import WEEK, Event, Reading, apply, contacts, duration, readings

if TYPE_CHECKING:
    from collections.abc import Sequence

# --- counting -----------------------------------------------------------------------------------------


def test_contacts_counts_inbound_contacts_abandoned_ones_included_and_has_no_interval() -> None:
    events = [*others(2), contact("a", outcome="abandoned"), contact("b", direction="outbound")]
    assert reading(events, "contacts") == Reading(3, 1, 3.0, None, None)


def test_a_window_is_open_on_the_left_and_closed_on_the_right() -> None:
    at = [T - HOUR, T - HOUR + MICROSECOND, T, T + MICROSECOND]  # out, in, in, out
    events = [contact(f"k{n}", moment) for n, moment in enumerate(at)]
    assert readings(events, T, HOUR, "all")["contacts", "all"].numerator == 2


def test_nothing_gives_no_rows() -> None:
    assert readings([], T, SPAN, "channel") == {}


def test_a_metric_without_a_denominator_has_no_row() -> None:
    found = readings([contact("a", outcome="abandoned")], T, SPAN, "all")
    assert {metric for metric, _ in found} == {"contacts", "abandonment"}


def test_outbound_contacts_alone_give_no_row_of_contacts() -> None:
    assert readings([contact("a", direction="outbound", wait_s=Decimal(3))], T, SPAN, "all") == {}


def test_abandonment_is_the_share_of_inbound_contacts() -> None:
    events = [
        *others(3),
        contact("a", outcome="abandoned"),
        contact("b", direction="outbound", outcome="abandoned"),
    ]
    assert fraction(events, "abandonment") == "1/4"


# --- answers ------------------------------------------------------------------------------------------


def test_csat_is_the_share_of_fours_and_fives_with_a_wilson_interval() -> None:
    found = reading([survey("a", csat=5), survey("b", csat=4), survey("c", csat=3)], "csat")
    # z^2 = 3.8416; middle (2/3 + 3.8416/6) / (1 + 3.8416/3) = 1.306933 / 2.280533 = 0.573082
    # reach 1.96 * sqrt(2/9/3 + 3.8416/36) / 2.280533 = 1.96 * 0.425189 / 2.280533 = 0.365428
    assert found is not None
    assert (found.numerator, found.denominator) == (2, 3)
    assert (found.value, found.low, found.high) == pytest.approx((2 / 3, 0.207655, 0.938510), abs=2e-6)


def test_no_success_in_one_still_leaves_room_upwards() -> None:
    found = reading([survey("a", csat=3)], "csat")
    # middle = reach = (3.8416/2) / (1 + 3.8416) = 1.9208 / 4.8416 = 0.396729
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0, 0, 0.793457), abs=1e-6)


def test_csat_mean_has_z_standard_errors_on_either_side() -> None:
    found = reading([survey("a", csat=5), survey("b", csat=4), survey("c", csat=3)], "csat_mean")
    # mean 12/3 = 4; s^2 = (1 + 0 + 1) / 2 = 1; 1.96 * 1 / sqrt(3) = 1.131607
    assert found is not None
    assert (found.numerator, found.denominator) == (12, 3)
    assert (found.value, found.low, found.high) == pytest.approx((4, 2.868393, 5.131607), abs=1e-6)


def test_a_mean_of_one_has_no_interval() -> None:
    assert reading([survey("a", effort=6)], "effort") == Reading(6, 1, 6.0, None, None)


def test_effort_is_easy_from_five_up() -> None:
    events = [survey(f"s{effort}", effort=effort) for effort in (7, 5, 4, 1)]
    assert fraction(events, "effort") == "17/4"
    assert fraction(events, "effort_easy") == "2/4"


def test_nps_is_promoters_less_detractors() -> None:
    found = reading([survey(f"s{nps}", nps=nps) for nps in (10, 9, 8, 6)], "nps")
    # +1 +1 0 -1 = 1 of 4; squares about 0.25: .5625 + .5625 + .0625 + 1.5625 = 2.75, / 3 = 0.916667
    # 1.96 * 0.957427 / sqrt(4) = 0.938279
    assert found is not None
    assert (found.numerator, found.denominator) == (1, 4)
    assert (found.value, found.low, found.high) == pytest.approx((0.25, -0.688279, 1.188279), abs=1e-6)


def test_nps_of_one_detractor_is_minus_one_without_an_interval() -> None:
    assert reading([survey("a", nps=6)], "nps") == Reading(-1, 1, -1.0, None, None)


def test_sevens_and_eights_are_neither() -> None:
    assert fraction([survey("a", nps=7), survey("b", nps=8)], "nps") == "0/2"


def test_friendliness_and_the_customers_own_verdict_are_shares() -> None:
    answers = [(5, True), (4, False), (2, True)]
    events = [survey(f"s{n}", friendliness=f, resolved=r) for n, (f, r) in enumerate(answers)]
    assert fraction(events, "friendliness") == "2/3"
    assert fraction(events, "fcr_survey") == "2/3"
    assert fraction(events, "csat") == "no row"


def test_response_rate_is_surveys_to_invitations_whoever_was_invited() -> None:
    invitations = [invitation("i1"), invitation("i2")]
    found = reading([*invitations, survey("a", csat=1)], "response_rate")
    # p = 1/2, n = 2: middle 0.5, reach 1.96 * sqrt(.125 + 3.8416/16) / 2.9208 = 1.96 * .604235 / 2.9208
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.094529, 0.905471), abs=2e-6)
    assert fraction([survey("a", csat=1)], "response_rate") == "no row"


def test_more_answers_than_invitations_have_no_interval() -> None:
    events = [invitation("i1"), invitation("i2"), *(survey(f"s{n}", csat=5) for n in range(3))]
    assert reading(events, "response_rate") == Reading(3, 2, 1.5, None, None)


# --- seconds ------------------------------------------------------------------------------------------


def test_wait_mean_is_exact_and_leaves_out_abandoned_outbound_and_unknown() -> None:
    waits = (Decimal("10.001"), Decimal("20.002"), Decimal("30.000"))
    events = [contact(f"k{n}", wait_s=wait) for n, wait in enumerate(waits)]
    events += [contact("x", wait_s=Decimal(99), outcome="abandoned"), contact("y")]
    events += [contact("z", wait_s=Decimal(99), direction="outbound")]
    found = reading(events, "wait_mean")
    assert found is not None
    assert (found.numerator, found.denominator) == (Decimal("60.003"), 3)
    assert fraction(events, "handle_mean") == "no row"


def test_the_interval_of_a_mean_of_seconds() -> None:
    found = reading([contact("a", handle_s=Decimal(10)), contact("b", handle_s=Decimal(20))], "handle_mean")
    # mean 15, s = sqrt(25 + 25) = 7.071068, 1.96 * 7.071068 / sqrt(2) = 9.8
    assert found is not None
    assert (found.value, found.low, found.high) == pytest.approx((15, 5.2, 24.8))


def test_service_level_is_within_twenty_seconds_or_the_setting() -> None:
    events = [contact("a", wait_s=Decimal("20.000")), contact("b", wait_s=Decimal("20.001"))]
    assert fraction(events, "service_level") == "1/2"
    assert fraction(events, "service_level", service_level_s=30) == "2/2"


# --- who belongs to whom ------------------------------------------------------------------------------


def members(events: Sequence[Event], metric: str, dimension: str, as_of: datetime = T + DAY) -> set[str]:
    return {member for found, member in readings(events, as_of, SPAN, dimension) if found == metric}


def test_every_dimension_has_a_member_for_what_is_absent() -> None:
    named = contact("a", reason="r", agent_id="g", team="t", segment="m", stage="purchase")
    events = [named, contact("b", channel="chat")]
    assert members(events, "contacts", "all") == {"all"}
    assert members(events, "contacts", "channel") == {"phone", "chat"}
    for dimension, member in zip(("reason", "agent", "team", "segment", "stage"), "rgtm ", strict=True):
        wanted = "purchase" if dimension == "stage" else member
        assert members(events, "contacts", dimension) == {wanted, "(none)"}


def test_a_survey_takes_what_it_leaves_out_and_nothing_else_from_its_contact() -> None:
    about = contact("k", reason="bill", agent_id="ann", team="blue")
    answer = survey("s", T + HOUR, contact_id="k", csat=5, agent_id="bob", channel="email")
    assert members([about, answer], "csat", "reason") == {"bill"}
    assert members([about, answer], "csat", "agent") == {"bob"}
    assert members([about, answer], "csat", "team") == {"blue"}
    assert members([about, answer], "csat", "stage") == {"(none)"}
    assert members([about, answer], "csat", "channel") == {"email"}


def test_an_invitation_inherits_too_so_that_a_rate_compares_like_with_like() -> None:
    events = [contact("k", team="blue"), invitation("i", contact_id="k"), survey("s", contact_id="k", nps=9)]
    assert members(events, "response_rate", "team") == {"blue"}


def test_a_survey_that_comes_before_its_contact_inherits_once_the_contact_is_there() -> None:
    events = [survey("s", T, contact_id="k", csat=5), contact("k", T + HOUR, team="blue")]
    assert members(events, "csat", "team", as_of=T + HOUR - MICROSECOND) == {"(none)"}
    assert members(events, "csat", "team", as_of=T + HOUR) == {"blue"}


def test_a_survey_speaks_of_the_earliest_contact_that_bears_the_id_ties_by_source() -> None:
    events = [
        contact("e1", contact_id="k", source="b", team="of b"),
        contact("e2", contact_id="k", source="a", team="of a"),
        contact("e0", T + HOUR, contact_id="k", source="a", team="later"),
        survey("s", T + DAY, contact_id="k", csat=5),
    ]
    assert members(events, "csat", "team") == {"of a"}


def test_a_survey_may_speak_of_another_customers_abandoned_or_outbound_contact() -> None:
    # The contract matches by contact_id alone, and any contact event bears one.
    about = contact("k", team="blue", direction="outbound", customer_id="someone else")
    assert members([about, survey("s", contact_id="k", csat=5)], "csat", "team") == {"blue"}


# --- duplicates, contacts, durations ------------------------------------------------------------------


def test_the_first_of_an_identity_stands_and_the_rest_are_counted() -> None:
    first, second = contact("a", team="blue"), contact("a", team="red")
    elsewhere, later = contact("a", source="other"), contact("a", T + MICROSECOND)
    assert apply([first, second, elsewhere, later, first]) == ([first, elsewhere, later], 2)


def test_the_view_contacts_follows_a_contact_up() -> None:
    events = [
        contact("a", team="blue"),
        contact("b", T + DAY, outcome="abandoned"),
        contact("c", T + 2 * DAY),
        reopen("r", T + 3 * DAY, "a"),
        reopen("r", T + 4 * DAY, "a"),
        survey("s1", T - DAY, contact_id="a", csat=1, nps=3),
        survey("s2", T + HOUR, contact_id="a", csat=5, resolved=False),
        survey("s3", T + 9 * DAY, contact_id="a", csat=2),
    ]
    first, abandoned, repeat = contacts(events, T + WEEK)
    assert first | {"team": "blue", "csat": 5, "nps": None, "customer_says_resolved": False} == first
    assert (first["is_first_contact"], first["resolved_at_first_contact"], first["settled"]) == (
        True,
        False,
        True,
    )
    asked = ("is_first_contact", "repeated_at", "reopened_at", "resolved_at_first_contact", "settled")
    assert [abandoned[name] for name in asked] == [None] * 5
    assert [repeat[name] for name in asked] == [False, None, None, None, None]


def test_the_view_contacts_shows_nothing_later_than_now() -> None:
    assert contacts([contact("a", T + MICROSECOND)], T) == []
    (row,) = contacts([contact("a"), contact("b", T + HOUR)], T + HOUR - MICROSECOND)
    assert (row["resolved_at_first_contact"], row["settled"], row["repeated_at"]) == (True, False, None)


def test_the_later_of_two_surveys_of_one_instant_goes_by_source_and_id() -> None:
    surveys = [survey(name, T, contact_id="a", csat=n) for n, name in enumerate(("s1", "s3", "s2"), start=1)]
    (row,) = contacts([contact("a"), *surveys], T)
    assert row["csat"] == 2


def test_durations_are_whole_minutes_hours_and_days_of_24_hours() -> None:
    assert [duration(text) for text in ("15m", "24h", "7d")] == [timedelta(minutes=15), DAY, WEEK]
    for wrong in ("0d", "7", "d", "1.5h", "-1d", "7D", "1w", " 7d", "\u0667d"):
        with pytest.raises(ValueError, match="is no duration"):
            duration(wrong)
