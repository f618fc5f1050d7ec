"""What the rules find and what is said of it: from events in a real database to rows of `flips`."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from answers import DAY, MONDAY, Answer, answers, named, rules, said, seeded, standing, watched
from deliveries import NOW, batch, new_store, record

from pipeline.alerting.watcher import RuleWatcher

CHANGE = """
  - {name: falls, kind: change, metric: csat, by: channel, false_alarm_every: 2000 answers, fall: {odds: 3}}
"""
WHOLE = """
  - {name: whole, kind: change, metric: csat, by: all, false_alarm_every: 1000 answers, fall: {odds: 2}}
"""
PARTS = """
  - name: parts
    kind: change
    metric: csat
    by: channel
    false_alarm_every: 900000000 answers
    fall: {odds: 3}
"""
LONG = "    keep_firing_for: 6d\n"
HOUR = timedelta(hours=1)
HEALTHY, FALLEN = 0.15, 0.6
DAYS = [HEALTHY] * 20 + [FALLEN] * 3 + [HEALTHY] * 5
END = MONDAY + len(DAYS) * DAY


@pytest.fixture
def fall():
    return list(answers(seeded(3), DAYS))


def test_a_fall_fires_within_a_day_with_its_evidence_and_ends_when_all_is_well_again(tmp_path, fall):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(fall))], NOW)
        watched(store, rules(tmp_path, CHANGE), END)
        firing, resolved = standing(store)
        (row,) = said(store, "numerator, denominator, value, low, high, baseline, because, query")[:1]
        with store.reading() as con:
            events = con.execute(row[-1]).fetchall()
    assert (firing.state, resolved.state) == ("firing", "resolved")
    assert abs(firing.since - (MONDAY + 20 * DAY)) < 2 * HOUR
    assert firing.since < firing.at < MONDAY + 20 * DAY + 12 * HOUR
    assert MONDAY + 23 * DAY < resolved.at < MONDAY + 25 * DAY
    seen = [each for each in fall if firing.since <= each.at <= firing.at]
    numerator, denominator, value, low, high, baseline, because, _ = row
    assert (int(numerator), denominator, len(events)) == (
        sum(each.good for each in seen),
        len(seen),
        len(seen),
    )
    assert low < value < high < baseline
    assert 0.8 < baseline < 0.9
    assert f"CSAT of phone fell from {100 * baseline:.0f} % to {100 * value:.0f} %" in because
    assert f"{numerator:.0f} of {denominator} answers; by chance once in 2000 answers" in because


def test_nothing_is_said_of_health(tmp_path):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(list(answers(seeded(4), [HEALTHY] * 28))))], NOW)
        watched(store, rules(tmp_path, CHANGE), END)
        assert standing(store) == []


def test_the_alert_comes_with_the_answer_that_completes_it_and_not_before(tmp_path, fall):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(fall))], NOW)
        watched(store, rules(tmp_path, CHANGE), END)
        at = standing(store)[0].at
    with new_store(tmp_path / "y.duckdb") as store:
        until = [each for each in fall if each.at < at]
        store.ingest([batch(named(until))], NOW)
        watched(store, rules(tmp_path, CHANGE), at)
        assert standing(store) == []
        store.ingest([batch(named(fall)[len(until) : len(until) + 1], start=len(until))], NOW)
        watched(store, rules(tmp_path, CHANGE), at)
        assert [(each.state, each.at) for each in standing(store)] == [("firing", at)]


@pytest.mark.parametrize("seed", range(4))
def test_any_order_cut_and_restarts_say_what_a_replay_says(tmp_path, fall, seed):
    draws = seeded(seed)
    values = named(fall)
    text = CHANGE + (
        "  - {name: low, kind: threshold, metric: csat, by: channel, span: 24h, below: 0.7, for: 2h,"
        " keep_firing_for: 3h}\n"
        "  - {name: fewer, kind: drop, metric: csat, by: all, span: 1h, by_more_than: 0.3}\n"
    )
    with new_store(tmp_path / "replayed.duckdb") as store:
        store.ingest([batch(values)], NOW)
        watched(store, rules(tmp_path, text), END)
        replayed = standing(store)
        assert len(replayed) >= 6
    # most come in order, some late by hours or days
    came = sorted(
        range(len(fall)), key=lambda n: fall[n].at + (draws.random() < 0.05) * draws.random() ** 3 * 4 * DAY
    )
    cuts = sorted({0, len(came), *(draws.randrange(len(came)) for _ in range(15))})
    with new_store(tmp_path / "live.duckdb") as store:
        watcher = RuleWatcher(store, rules(tmp_path, text).rules, lambda: END)
        for begin, end in pairwise(cuts):
            store.ingest([batch([values[n] for n in came[begin:end]], start=begin)], NOW)
            watcher.finish(max(fall[n].at for n in came[:end]))
            if draws.random() < 0.2:
                watcher = RuleWatcher(store, rules(tmp_path, text).rules, lambda: END)
        watcher.finish(END)
        assert standing(store) == replayed
        rows = said(store, "number, flip, occurred_at, recorded_at")
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        assert len({row[1] for row in rows}) == len(rows)


def test_answers_that_come_late_take_an_alert_back_and_that_is_said(tmp_path, fall):
    until = MONDAY + 22 * DAY
    known = [each for each in fall if each.at < until]
    good = [Answer(MONDAY + 20 * DAY + n * timedelta(minutes=2), "phone", good=True) for n in range(1440)]
    with new_store(tmp_path / "x.duckdb") as store:
        watcher = RuleWatcher(store, rules(tmp_path, CHANGE).rules, lambda: until)
        store.ingest([batch(named(known))], NOW)
        watcher.finish(until)
        (alert,) = {row[0] for row in said(store, "alert")}
        store.ingest([batch(named(good, "late"), start=len(known))], NOW)
        watcher.finish(until)
        assert said(store, "state, alert")[-1] == ("retracted", alert)
        assert "came late" in said(store, "because")[-1][0]
        assert standing(store) == []
        with store.reading() as con:
            assert con.execute("select alert, state from alerts").fetchall() == [(alert, "retracted")]


def test_an_alert_that_comes_back_after_it_was_retracted_is_another_and_is_said_once(tmp_path, fall):
    until = MONDAY + 22 * DAY
    known = [each for each in fall if each.at < until]
    begin = MONDAY + 20 * DAY
    good = [Answer(begin + n * timedelta(minutes=2), "phone", good=True) for n in range(1440)]
    bad = [Answer(begin + n * timedelta(minutes=2, seconds=1), "phone", good=False) for n in range(1440)]
    with new_store(tmp_path / "x.duckdb") as store:
        watcher = RuleWatcher(store, rules(tmp_path, CHANGE).rules, lambda: until)
        start = 0
        for prefix, more in (("s", known), ("good", good), ("bad", bad)):
            store.ingest([batch(named(more, prefix), start=start)], NOW)
            start += len(more)
            watcher.finish(until)
            watcher.finish(until)
        flips = said(store, "flip, alert, state")
    assert len({flip for flip, _, _ in flips}) == len(flips)
    retracted = [alert for _, alert, state in flips if state == "retracted"]
    assert len(retracted) >= 1
    after = [row for row in flips[[row[2] for row in flips].index("retracted") + 1 :] if row[2] == "firing"]
    assert after
    assert not {alert for _, alert, _ in after} & set(retracted[:1])


def test_what_moved_is_said_again_and_names_the_row_that_it_replaces(tmp_path, fall):
    with new_store(tmp_path / "x.duckdb") as store:
        watcher = RuleWatcher(store, rules(tmp_path, CHANGE).rules, lambda: END)
        store.ingest([batch(named(fall))], NOW)
        watcher.finish(END)
        before = standing(store)[0]
        ((flip, alert),) = said(store, "flip, alert")[:1]
        late = [Answer(before.since + timedelta(milliseconds=n), "phone", good=False) for n in (1, 2)]
        store.ingest([batch(named(late, "late"), start=len(fall))], NOW)
        watcher.finish(END)
        after = standing(store)[0]
        assert (after.since, after.state) == (before.since, "firing")
        assert after.at < before.at
        assert (flip, alert) in [(row[0], row[1]) for row in said(store, "revises, alert")]
        with store.reading() as con:
            assert con.execute("select alert, state, firing_at from alerts").fetchall() == [
                (alert, "resolved", after.at)
            ]


def test_an_alert_ends_where_its_rule_was_changed_or_removed(tmp_path, fall):
    until = MONDAY + 22 * DAY
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named([each for each in fall if each.at < until]))], NOW)
        watched(store, rules(tmp_path, CHANGE), until)
        ((alert, state),) = said(store, "alert, state")
        assert state == "firing"
        watched(store, rules(tmp_path, CHANGE.replace("odds: 3", "odds: 2.5")), until)
        watched(store, rules(tmp_path, CHANGE.replace("odds: 3", "odds: 2.5")), until)
        own = [
            (state, because) for name, state, because in said(store, "alert, state, because") if name == alert
        ]
        assert own[1:] == [("resolved", "over: its rule was changed or removed")]
        assert len(standing(store)) == 3  # the new wording fires for itself


LOW = "  - {name: low, kind: threshold, metric: csat, by: channel, span: 24h, below: 0.7}\n"


@pytest.mark.parametrize("text", [CHANGE, LOW, CHANGE + LOW], ids=["change", "threshold", "both"])
def test_an_event_of_long_ago_costs_no_thousands_of_empty_years(tmp_path, fall, text):
    steps = 0
    with new_store(tmp_path / "x.duckdb") as store:
        watched(store, rules(tmp_path, text), END)
        store.ingest([batch([record("old", "0001-01-02T00:00:00Z", "survey", csat=1), *named(fall)])], NOW)
        watcher = RuleWatcher(store, rules(tmp_path, text).rules, lambda: END)
        while watcher.advance(END):
            steps += 1
        watcher.finish(END)
        assert {each.rule for each in standing(store)} == {rule.name for rule in rules(tmp_path, text).rules}
    assert steps < 200


def test_what_follows_the_moment_numbered_0_is_judged(tmp_path):
    """1970-01-01: where a look before ended at 0, that is no missing moment."""
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    good = [record(f"g{n}", epoch - n * HOUR / 20, "survey", csat=5) for n in range(200)]
    bad = [record(f"b{n}", epoch + (n + 1) * HOUR / 200, "survey", csat=1) for n in range(200)]
    with new_store(tmp_path / "x.duckdb") as store:
        watcher = RuleWatcher(store, rules(tmp_path, LOW).rules, lambda: epoch)
        store.ingest([batch(good)], NOW)
        watcher.finish(epoch)
        assert not standing(store)
        store.ingest([batch(bad, start=len(good))], NOW)
        watcher.finish(epoch + HOUR)
        (firing,) = standing(store)
    assert epoch < firing.at <= epoch + HOUR


def test_a_member_without_enough_history_is_learning(tmp_path):
    few = list(answers(seeded(5), [HEALTHY] * 5 + [0.9] * 2, per_day=10))
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(few))], NOW)
        told = rules(tmp_path, CHANGE)
        watcher = RuleWatcher(store, told.rules, lambda: END)
        watcher.finish(MONDAY + 7 * DAY)
        assert standing(store) == []
        (missing,) = watcher.learning()["falls"].values()
        assert "more answers" in missing


def test_a_member_whose_waits_never_differ_is_not_followed_and_all_others_are(tmp_path):
    text = "  - {name: slow, kind: change, metric: wait_mean, by: channel, false_alarm_every: 100000 answers,"
    text += " fall: {odds: 1.5}}\n"
    draws = seeded(6)
    calls = [
        record(
            f"{day}-{n}",
            MONDAY + day * DAY + n * HOUR / 4,
            wait_s=draws.randint(1, 60) * (1 + 9 * (day > 20)),
        )
        for day in range(25)
        for n in range(90)
    ]
    mails = [
        record(f"m{day}-{n}", MONDAY + day * DAY + n * HOUR, channel="email", wait_s=0)
        for day in range(25)
        for n in range(20)
    ]
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([*calls, *mails])], NOW)
        watcher = RuleWatcher(store, rules(tmp_path, text).rules, lambda: END)
        watcher.finish(MONDAY + 25 * DAY)
        assert [each[:3] for each in standing(store)] == [("slow", "phone", "firing")]
        assert "alike" in watcher.learning()["slow"]["email"]


def test_only_the_members_that_a_rule_names_are_told(tmp_path, fall):
    text = CHANGE.replace("by: channel", "by: channel, members: [chat]")
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(fall))], NOW)
        watched(store, rules(tmp_path, text), END)
        assert standing(store) == []


def test_the_whole_names_who_brought_the_fall_and_speaks_for_them(tmp_path):
    draws = seeded(8)
    phone = list(answers(draws, DAYS, per_day=100))
    chat = list(answers(draws, [HEALTHY] * 28, per_day=100, channel="chat"))
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(sorted(phone + chat)))], NOW)
        watched(store, rules(tmp_path, WHOLE + PARTS), MONDAY + 22 * DAY)
        rows = said(store, "rule, alert, member, state, occurred_at, contributors, inhibited_by, because")
    fallen = MONDAY + 20 * DAY
    ((alert, blamed, because),) = [
        (row[1], json.loads(row[5]), row[7])
        for row in rows
        if row[0] == "whole" and row[3] == "firing" and row[4] > fallen
    ]
    assert (blamed[0]["dimension"], blamed[0]["member"]) == ("channel", "phone")
    assert "most of it by channel phone" in because
    assert [(row[2], row[6]) for row in rows if row[0] == "parts"] == [("phone", alert)]


def test_what_was_inhibited_is_said_once_more_where_it_outlasts_its_inhibitor(tmp_path):
    draws = seeded(8)
    phone = list(answers(draws, DAYS, per_day=100))
    chat = list(answers(draws, [HEALTHY] * 28, per_day=100, channel="chat"))
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(named(sorted(phone + chat)))], NOW)
        watcher = RuleWatcher(store, rules(tmp_path, WHOLE + PARTS + LONG).rules, lambda: END)
        for day in range(21, 27):
            watcher.finish(MONDAY + day * DAY)
        rows = said(store, "flip, state, inhibited_by is null, revises")
        own = [
            row
            for row in said(store, "rule, flip, state, inhibited_by is null, revises")
            if row[0] == "parts"
        ]
    assert len(rows) > len(own)
    first, again = own[:2]
    assert (first[2], first[3]) == ("firing", False)
    assert (again[2], again[3], again[4]) == ("firing", True, first[1])


def test_silence_of_a_fixed_time_is_told_at_its_moment_and_ends_with_the_next_event(tmp_path):
    text = "  - {name: quiet, kind: silence, by: channel, after: 2h}\n"
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([record("a", MONDAY), record("b", MONDAY + HOUR, channel="chat")])], NOW)
        watched(store, rules(tmp_path, text), MONDAY + 2 * HOUR)
        assert standing(store) == []
        watched(store, rules(tmp_path, text), MONDAY + 2.5 * HOUR)
        watched(store, rules(tmp_path, text), MONDAY + 2.6 * HOUR)
        assert [each[:4] for each in standing(store)] == [("quiet", "phone", "firing", MONDAY + 2 * HOUR)]
        store.ingest([batch([record("c", MONDAY + 2.7 * HOUR)], start=2)], NOW)
        watched(store, rules(tmp_path, text), MONDAY + 2.8 * HOUR)
        assert [(each.state, each.at) for each in standing(store)] == [
            ("firing", MONDAY + 2 * HOUR),
            ("resolved", MONDAY + 2.7 * HOUR),
        ]


def test_unusual_silence_knows_nights_from_days(tmp_path):
    text = "  - {name: quiet, kind: silence, by: channel, after: usual}\n"
    by_day = [
        record(f"{day}-{hour}-{n}", MONDAY + day * DAY + (8 + hour) * HOUR + n * HOUR / 20)
        for day in range(14)
        for hour in range(10)
        for n in range(20)
    ]
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(by_day)], NOW)
        morning = MONDAY + 14 * DAY + 8 * HOUR
        watched(store, rules(tmp_path, text), morning)
        assert standing(store) == []
        watched(store, rules(tmp_path, text), morning + 2 * HOUR)
        (quiet,) = standing(store)
        # 30 events are missing after an hour and a half of a morning with 20 an hour
        assert abs(quiet.at - (morning + 1.5 * HOUR)) < timedelta(minutes=5)
        assert "No events of channel phone since" in said(store, "because")[0][0]


def test_while_checks_of_the_data_fail_alerts_of_metrics_are_said_and_nobody_is_told(tmp_path, fall):
    text = CHANGE + "  - {name: doubtful, kind: quality}\n"
    failing = {"metrics": ["reconciled"]}
    until = MONDAY + 22 * DAY
    now = iter(range(0, 10**9, 10_000))
    with new_store(tmp_path / "x.duckdb") as store:
        early = [each for each in fall if each.at < MONDAY + 20 * DAY]
        store.ingest([batch(named(early))], NOW)
        moments = iter([MONDAY + 20 * DAY, until, until + HOUR])
        watcher = RuleWatcher(
            store,
            rules(tmp_path, text).rules,
            lambda: next(moments),
            check=lambda _: failing,
            monotonic=lambda: next(now),
            cpu=lambda: 0.0,
        )
        while watcher.advance(MONDAY + 20 * DAY):
            pass
        clock = MONDAY + 20 * DAY
        watcher.look_at_quality(clock)
        watcher.record(clock)
        store.ingest([batch(named(fall)[len(early) :], start=len(early))], NOW)
        watcher.finish(until)
        ((quality, because),) = [
            row[1:] for row in said(store, "rule, alert, because") if row[0] == "doubtful"
        ]
        assert "metrics fail: reconciled" in because
        assert {row[1] for row in said(store, "rule, inhibited_by") if row[0] == "falls"} == {quality}
        failing.clear()
        watcher.look_at_quality(until + HOUR)
        watcher.record(until + HOUR)
        assert said(store, "rule, state, inhibited_by")[-2:] == [
            ("doubtful", "resolved", None),
            ("falls", "firing", None),
        ]
