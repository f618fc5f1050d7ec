"""The simulated customers: a plausible history, in which an incident shows where it is."""

import json
from collections import Counter, defaultdict
from statistics import mean
from typing import Any, NamedTuple

import pytest

from pipeline.fields import ANSWERS, CHANNELS, OUTCOMES, STAGES
from pipeline.simulate import START, Incident, SimulatedEvent, simulate

DAY_US = 86_400_000_000
FOLLOW_UP_US = 7 * DAY_US
START_US = int(START.timestamp()) * 1_000_000
DETAILS = ("reason", "agent_id", "team", "segment", "stage")


class Told(NamedTuple):
    """An event, read: what the tests look at."""

    at: int
    type: str
    data: dict[str, Any]


def read(events: list[SimulatedEvent]) -> list[Told]:
    envelopes = [json.loads(event.value) for event in events]
    return [
        Told(event.occurred_at_us, envelope["type"].split(".")[1], envelope["data"])
        for event, envelope in zip(events, envelopes, strict=True)
    ]


@pytest.fixture(scope="module")
def told() -> list[Told]:
    """Two slices of a quiet month, nothing broken or repeated."""
    return read(list(simulate(120_000, seed=5, duplicates=0, broken=0)))


@pytest.fixture(scope="module")
def contacts(told: list[Told]) -> list[Told]:
    return [event for event in told if event.type == "contact"]


@pytest.fixture(scope="module")
def surveys(told: list[Told]) -> list[Told]:
    return [event for event in told if event.type == "survey"]


@pytest.fixture(scope="module")
def by_contact_id(contacts: list[Told]) -> dict[str, Told]:
    return {contact.data["contact_id"]: contact for contact in contacts}


def shares(told: list[Told], name: str) -> dict[str | None, float]:
    counts = Counter(event.data.get(name) for event in told)
    return {member: count / len(told) for member, count in counts.items()}


def share_at_least(told: list[Told], name: str, least: int) -> float:
    return mean(event.data[name] >= least for event in told if name in event.data)


def test_some_surveys_arrive_before_their_contact(told: list[Told]) -> None:
    places = {event.data["contact_id"]: place for place, event in enumerate(told) if event.type == "contact"}
    early = [
        place < places.get(event.data.get("contact_id"), -1)
        for place, event in enumerate(told)
        if event.type == "survey"
    ]
    assert 0.005 <= mean(early) <= 0.05


def test_all_members_occur_in_realistic_shares(contacts: list[Told]) -> None:
    channels, outcomes = shares(contacts, "channel"), shares(contacts, "outcome")
    assert set(channels) == set(CHANNELS)
    assert channels["phone"] > channels["email"] > channels["social"] > 0.03
    assert set(outcomes) == set(OUTCOMES) | {None}
    assert 0.6 <= outcomes["resolved"] <= 0.8
    assert all(share >= 0.015 for share in outcomes.values())
    assert set(shares(contacts, "stage")) == set(STAGES) | {None}
    assert 0.03 <= shares(contacts, "direction")["outbound"] <= 0.1
    assert 0.8 <= shares(contacts, "handled_by")["human"] <= 0.95


def test_there_are_reasons_agents_and_teams_and_some_contacts_lack_them(contacts: list[Told]) -> None:
    reasons, agents, teams = (shares(contacts, name) for name in ("reason", "agent_id", "team"))
    assert 12 <= len(reasons.keys() - {None}) <= 20
    assert 60 <= len(agents.keys() - {None}) <= 120
    assert 5 <= len(teams.keys() - {None}) <= 12
    assert 0.005 <= reasons[None] <= 0.05
    human = [event for event in contacts if event.data["handled_by"] == "human"]
    assert 0.005 <= shares(human, "agent_id")[None] <= 0.1


def test_agents_stay_at_the_desks_of_their_team(contacts: list[Told]) -> None:
    channels, teams = defaultdict(set), defaultdict(set)
    for contact in contacts:
        agent = contact.data.get("agent_id")
        channels[agent].add(contact.data["channel"])
        teams[agent].add(contact.data.get("team"))
    del channels[None], teams[None]
    assert max(map(len, channels.values())) <= 2
    assert all(len(names - {None}) == 1 for names in teams.values())


def test_a_few_customers_are_in_touch_far_more_often_than_most(contacts: list[Told]) -> None:
    counts = sorted(Counter(contact.data["customer_id"] for contact in contacts).values(), reverse=True)
    assert sum(counts[: len(counts) // 10]) / len(contacts) > 0.25


def test_desks_are_quiet_at_night_and_at_the_weekend(contacts: list[Told]) -> None:
    hours = Counter((contact.at // 3_600_000_000) % 24 for contact in contacts)
    days = Counter((contact.at - START_US) // DAY_US % 7 for contact in contacts)
    assert hours[11] > 10 * hours[3]
    assert days[0] > 1.5 * days[5] > 1.5 * days[6]


def test_the_second_week_is_as_busy_as_the_third(told: list[Told]) -> None:
    weeks = Counter((event.at - START_US) // FOLLOW_UP_US for event in told)
    assert abs(weeks[1] / weeks[2] - 1) < 0.1


def test_waiting_is_null_where_nobody_waits_and_handling_where_nobody_answered(contacts: list[Told]) -> None:
    alone = [c for c in contacts if "outbound" in c.data.values() or "self_service" in c.data.values()]
    gone = [c for c in contacts if c.data["outcome"] == "abandoned"]
    assert {contact.data["wait_s"] for contact in alone} == {None}
    assert {contact.data["handle_s"] for contact in gone} == {None}


def test_who_waits_long_gives_up_more_often(contacts: list[Told]) -> None:
    calls = [c for c in contacts if c.data["channel"] == "phone" and c.data["wait_s"] is not None]
    gone = {long: [c for c in calls if (c.data["wait_s"] > 60) is long] for long in (False, True)}
    assert shares(gone[True], "outcome")["abandoned"] > 2 * shares(gone[False], "outcome")["abandoned"]


def test_a_third_to_a_half_of_the_invitations_is_answered(told: list[Told]) -> None:
    kinds = Counter(event.type for event in told)
    assert 0.3 <= kinds["survey"] / kinds["invitation"] <= 0.5
    assert 0.35 <= kinds["invitation"] / kinds["contact"] <= 0.6
    assert 0.005 <= kinds["reopen"] / kinds["contact"] <= 0.04


def test_most_surveys_leave_to_their_contact_what_it_knows(surveys: list[Told]) -> None:
    bare = [not any(name in survey.data for name in DETAILS) for survey in surveys]
    assert 0.7 <= mean(bare) <= 0.95
    assert 0.01 <= shares(surveys, "contact_id")[None] <= 0.08


def test_a_survey_comes_after_the_contact_it_names_and_from_its_customer(
    surveys: list[Told], by_contact_id: dict[str, Told]
) -> None:
    pairs = [(by_contact_id.get(survey.data.get("contact_id")), survey) for survey in surveys]
    known = [(contact, survey) for contact, survey in pairs if contact]
    assert len(known) > 0.9 * len(surveys)
    assert all(survey.at > contact.at for contact, survey in known)
    assert all(survey.data["customer_id"] == contact.data["customer_id"] for contact, survey in known)


def test_surveys_hold_some_of_the_answers(surveys: list[Told]) -> None:
    counts = Counter(sum(name in survey.data for name in ANSWERS) for survey in surveys)
    assert set(counts) == {1, 2, 3, 4, 5}
    assert 0.55 <= share_at_least(surveys, "csat", 4) <= 0.85
    assert 0.5 <= share_at_least(surveys, "effort", 5) <= 0.8
    assert 0.4 <= share_at_least(surveys, "resolved", 1) <= 0.85


def test_answers_follow_how_the_contact_ended(surveys: list[Told], by_contact_id: dict[str, Told]) -> None:
    after = defaultdict(list)
    for survey in surveys:
        contact = by_contact_id.get(survey.data.get("contact_id"))
        after[contact and contact.data["outcome"]].append(survey)
    for name, good in {"csat": 4, "effort": 5, "nps": 9, "resolved": 1}.items():
        solved, transferred, unsolved = (
            share_at_least(after[outcome], name, good)
            for outcome in ("resolved", "transferred", "unresolved")
        )
        assert solved > transferred + 0.1 > unsolved + 0.1


def test_comments_are_natural_with_quotes_and_other_scripts(surveys: list[Told]) -> None:
    comments = {survey.data["comment"] for survey in surveys if "comment" in survey.data}
    assert len(comments) >= 24
    assert any('"' in comment for comment in comments)
    assert any("\\" in comment for comment in comments)
    assert any(ord(letter) > 0x3000 for comment in comments for letter in comment)


def test_one_reason_is_friendly_but_laborious(surveys: list[Told], by_contact_id: dict[str, Told]) -> None:
    warranty, others = [], []
    for survey in surveys:
        contact = by_contact_id.get(survey.data.get("contact_id"))
        about = contact.data.get("reason") if contact else None
        (warranty if about == "warranty" else others).append(survey)
    assert share_at_least(warranty, "friendliness", 4) > share_at_least(others, "friendliness", 4) + 0.03
    assert share_at_least(warranty, "effort", 5) < share_at_least(others, "effort", 5) - 0.15


def next_contacts(contacts: list[Told]) -> list[tuple[Told, Told | None]]:
    """Each inbound contact with the next of the same customer and reason within seven days."""
    keyed = defaultdict(list)
    for contact in sorted(contacts, key=lambda contact: contact.at):
        if contact.data["direction"] == "inbound":
            keyed[contact.data["customer_id"], contact.data.get("reason")].append(contact)
    return [
        (one, following if following and following.at - one.at <= FOLLOW_UP_US else None)
        for line in keyed.values()
        for one, following in zip(line, [*line[1:], None], strict=True)
    ]


def test_who_was_not_helped_comes_back_within_a_week_with_the_same(contacts: list[Told]) -> None:
    back = defaultdict(list)
    for contact, again in next_contacts(contacts):
        back[contact.data["outcome"]].append(again is not None)
    assert 0.05 <= mean(back["resolved"]) <= 0.25
    assert mean(back["unresolved"]) > mean(back["resolved"]) + 0.2
    assert mean(back["abandoned"]) > mean(back["resolved"]) + 0.3


def test_some_come_back_on_another_channel(contacts: list[Told]) -> None:
    pairs = [(one, again) for one, again in next_contacts(contacts) if again]
    assert 0.1 <= mean(one.data["channel"] != again.data["channel"] for one, again in pairs) <= 0.6


def test_reopens_come_after_their_contact_and_some_after_the_follow_up(
    told: list[Told], by_contact_id: dict[str, Told]
) -> None:
    reopens = [event for event in told if event.type == "reopen"]
    waits = [event.at - by_contact_id[event.data["contact_id"]].at for event in reopens]
    assert min(waits) > 0
    assert 0.1 <= mean(wait > FOLLOW_UP_US for wait in waits) <= 0.5


class Seen(NamedTuple):
    """A week as a dashboard shows it."""

    wait: float
    abandoned: float
    not_solved: float
    called_back: float
    csat: float
    effort: float


@pytest.fixture(scope="module")
def incident() -> list[Told]:
    return read(list(simulate(120_000, seed=6, duplicates=0, broken=0, incident=Incident())))


def week(told: list[Told], number: int, **where: str) -> Seen:
    """The readings of a week (0 is the first) over contacts with those members, and their surveys."""
    inbound = [e for e in told if e.type == "contact" and e.data["direction"] == "inbound"]
    chosen = [
        (one, again)
        for one, again in next_contacts(inbound)
        if (one.at - START_US) // FOLLOW_UP_US == number and where.items() <= one.data.items()
    ]
    contacts = [contact for contact, _ in chosen]
    ids, outcomes = {c.data["contact_id"] for c in contacts}, shares(contacts, "outcome")
    surveys = [e for e in told if e.type == "survey" and e.data.get("contact_id") in ids]
    waits = [c.data["wait_s"] for c in contacts if c.data["wait_s"] is not None]
    return Seen(
        wait=mean(waits),
        abandoned=outcomes["abandoned"],
        not_solved=outcomes["unresolved"] + outcomes["transferred"],
        called_back=mean(again is not None for _, again in chosen),
        csat=share_at_least(surveys, "csat", 4),
        effort=share_at_least(surveys, "effort", 5),
    )


def test_the_incident_is_seen_where_it_is(incident: list[Told]) -> None:
    before, after = (week(incident, number, channel="phone", reason="billing") for number in (1, 2))
    assert 3.5 < after.wait / before.wait < 6.5
    assert after.abandoned > 2 * before.abandoned
    assert after.not_solved > 1.5 * before.not_solved
    assert after.called_back > before.called_back + 0.15
    assert after.csat < before.csat - 0.3
    assert after.effort < before.effort - 0.3


@pytest.mark.parametrize("where", [{"channel": "phone"}, {"reason": "billing"}])
def test_the_incident_is_seen_by_reason_alone_and_by_channel_alone(
    incident: list[Told], where: dict[str, str]
) -> None:
    before, after = (week(incident, number, **where) for number in (1, 2))
    assert after.abandoned > 1.3 * before.abandoned
    assert after.csat < before.csat - 0.05
    assert after.effort < before.effort - 0.05


def test_without_an_incident_and_elsewhere_weeks_are_alike(told: list[Told], incident: list[Told]) -> None:
    for history, where in ((told, {"channel": "phone"}), (incident, {"channel": "chat"})):
        before, after = (week(history, number, **where) for number in (1, 2))
        assert abs(after.csat - before.csat) < 0.06
        assert abs(after.abandoned - before.abandoned) < 0.02
