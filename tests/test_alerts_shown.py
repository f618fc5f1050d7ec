"""Alerts as they are shown: where each stands, why, and which are silent; with and without a worker."""

import asyncio
import json
from datetime import timedelta

import pytest
from deliveries import NOON, NOW, batch, new_store, record
from flips import flip, minutes
from served_page import ServedPage

from pipeline.alerting.explained import explained
from pipeline.alerting.silences import Wish, end, in_force, silence
from pipeline.alerting.standing import alerts, counts, whole_id
from pipeline.errors import InputError
from pipeline.page_data.looked_up import LookedUp
from tests.command import done, firsthand, one_line

TWO_HOURS = timedelta(hours=2)


def standing(con, now=NOON, **asked):
    return {each["alert"]: each for each in alerts(con, now, **asked)}


def test_what_fires_stands_first_then_what_is_pending_then_the_latest_ended(con):
    flip(con, "over", occurred_at=minutes(1))
    flip(con, "over", "resolved", occurred_at=minutes(2))
    flip(con, "later over", occurred_at=minutes(1))
    flip(con, "later over", "retracted", occurred_at=minutes(3))
    flip(con, "waiting", "pending", occurred_at=minutes(9))
    flip(con, "warning", severity="warning", occurred_at=minutes(8))
    flip(con, "critical", occurred_at=minutes(5))
    flip(con, "latest", occurred_at=minutes(6))
    assert list(standing(con)) == ["latest", "critical", "warning", "waiting", "later over", "over"]
    assert list(standing(con, live=2, ended=1)) == ["latest", "critical", "later over"]
    assert counts(con) == {"firing": 3, "pending": 1, "resolved": 1, "retracted": 1}


def test_an_alert_begins_fires_and_ends_when_its_flips_say_so(con):
    flip(con, "a", "pending", occurred_at=minutes(0))
    flip(con, "a", "firing", occurred_at=minutes(5))
    found = standing(con)["a"]
    assert (found["began_at"], found["firing_at"], found["ended_at"]) == (
        "2026-11-08T12:00:00Z",
        "2026-11-08T12:05:00Z",
        None,
    )
    flip(con, "a", "resolved", occurred_at=minutes(9))
    assert standing(con)["a"]["ended_at"] == "2026-11-08T12:09:00Z"


def test_a_row_that_revises_an_earlier_one_takes_its_place_and_does_not_begin_the_alert_anew(con):
    first = flip(con, "a", "firing", occurred_at=minutes(5))
    flip(con, "a", "resolved", occurred_at=minutes(9))
    flip(con, "a", "firing", occurred_at=minutes(4), revises=first)
    found = standing(con)["a"]
    assert (found["state"], found["firing_at"], found["ended_at"]) == (
        "resolved",
        "2026-11-08T12:04:00Z",
        "2026-11-08T12:09:00Z",
    )


def test_a_retracted_alert_stays_so_whenever_it_was_to_end(con):
    flip(con, "a", occurred_at=minutes(5))
    flip(con, "a", "resolved", occurred_at=minutes(9))
    flip(con, "a", "retracted", occurred_at=minutes(5))
    assert standing(con)["a"]["state"] == "retracted"


@pytest.mark.parametrize(
    ("wish", "matches"),
    [
        ((None, None, None), {"phone", "chat", "billing"}),
        (("satisfaction-falls", None, None), {"phone", "chat"}),
        ((None, "channel", None), {"phone", "chat"}),
        ((None, "channel", "chat"), {"chat"}),
        (("waits-rise", "channel", "chat"), set()),
    ],
)
def test_a_silence_matches_what_it_names_and_whatever_it_leaves_open_until_it_ends(con, wish, matches):
    flip(con, "phone")
    flip(con, "chat", member="chat")
    flip(con, "billing", rule="effort-rises", dimension="reason", member="billing")
    made = silence(con, Wish(*wish, "2h", "a move"), NOON)

    def silent(now):
        return {name for name, each in standing(con, now).items() if each["silenced_until"]}

    assert silent(NOON) == silent(NOON + TWO_HOURS - timedelta(seconds=1)) == matches
    assert silent(NOON + TWO_HOURS) == silent(NOON - timedelta(seconds=1)) == set()
    end(con, made["silence"][:6], NOON + timedelta(hours=1))
    assert silent(NOON + timedelta(hours=1)) == set()
    assert in_force(con, NOON + timedelta(hours=1)) == []
    with pytest.raises(InputError, match="has ended already"):
        end(con, made["silence"], NOON + timedelta(hours=1))


def test_what_a_silence_matches_that_nobody_knows_is_said_and_no_reason_to_refuse(con):
    flip(con, "phone")
    known = silence(con, Wish("satisfaction-falls", "channel", "phone", "1h", "why"), NOON)
    slip = silence(con, Wish("satisfaction-fall", "channel", "fone", "1h", "why"), NOON)
    assert known["notes"] == []
    assert slip["notes"] == [
        "no alert of a rule 'satisfaction-fall' has been recorded yet",
        "no channel 'fone' is in the readings or among the alerts yet",
    ]
    assert len(in_force(con, NOON)) == 2


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (Wish(None, None, "phone", "1h", "why"), "a member is one of a dimension"),
        (Wish(None, "colour", None, "1h", "why"), "by: one of all, channel"),
        (Wish(None, None, None, "1h", " "), "comment: say why"),
        (Wish(None, None, None, "1y", "why"), "'1y' is no span"),
    ],
)
def test_a_senseless_silence_is_refused(con, wish, said):
    with pytest.raises(InputError, match=said):
        silence(con, wish, NOON)
    assert in_force(con, NOON) == []


def test_an_id_may_be_cut_short_while_it_means_one_alert(con):
    for alert in ("abc1", "abc2", "abc", "x%"):
        flip(con, alert)
    assert whole_id(con, "alert", "alerts", "abc2") == "abc2"
    assert whole_id(con, "alert", "alerts", "x") == "x%"
    assert whole_id(con, "alert", "alerts", "abc") == "abc", "the whole of one, and the beginning of others"
    with pytest.raises(InputError, match=r"3 alerts begin with 'ab' \(abc, abc1, abc2\): write more"):
        whole_id(con, "alert", "alerts", "ab")
    for nothing in ("b", "", "%"):
        with pytest.raises(InputError, match=r"no alert begins with .*firsthand alerts list --all"):
            whole_id(con, "alert", "alerts", nothing)


def test_an_explanation_counts_the_events_of_each_flip_and_says_where_it_cannot(con):
    from pipeline.store import Store

    surveys = [record(f"s{n}", NOON, "survey", csat=1) for n in range(3)]
    Store(con).ingest([batch([*surveys, record("t", channel="chat")])], NOW)
    flip(con, "abc", "pending", occurred_at=minutes(1), query=None)
    flip(con, "abc", occurred_at=minutes(2))
    flip(con, "abc", "resolved", occurred_at=minutes(3), query="from nowhere;")
    told = explained(con, "ab", NOON)
    assert told["alert"]["state"] == "resolved"
    assert [each["state"] for each in told["flips"]] == ["pending", "firing", "resolved"]
    assert [each["events"] for each in told["flips"]] == [None, 3, None]
    assert "nowhere does not exist" in told["flips"][2]["failed"]
    assert told["flips"][1]["contributors"] == [{"dimension": "reason", "member": "billing", "share": 0.61}]


@pytest.fixture
def kept(tmp_path):
    """A database with an alert that fires and one that has ended; nobody holds it."""
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([record(f"s{n}", NOON, "survey", csat=1) for n in range(3)])], NOW)
        with store.beside() as con:
            flip(con, "3f9a01bc77")
            flip(con, "77aa", member="chat", because="CSAT of \x1b[2Jchat fell")
            flip(con, "77aa", "resolved", member="chat", because="as \x1b[2J before", occurred_at=minutes(9))
    return tmp_path / "x.duckdb"


def commanded(said, *words):
    """What a command of `alerts` prints where it succeeds, and what it notes."""
    code, out, err = said("alerts", *words, "--db", "x.duckdb")
    assert code == 0, err
    return out, err


SILENCE = ("silence", "--by", "channel", "--member", "phone", "--for", "2h", "--comment", "a move")


@pytest.mark.usefixtures("kept")
def test_the_list_has_two_lines_an_alert_and_nothing_in_it_steers_the_terminal(said):
    first, because, *rest = commanded(said, "list")[0].splitlines()
    assert first == "3f9a01bc  firing since 2026-11-08 12:00:00 UTC, critical, satisfaction-falls"
    assert because == "    CSAT of phone fell from 86 % to 61 % since 11:25"
    assert rest[0].startswith("77aa  resolved 2026-11-08 12:09:00 UTC")
    assert rest[1] == "    as \\x1b[2J before"
    listed = json.loads(commanded(said, "list", "--all", "--json")[0])
    assert [each["alert"] for each in listed] == ["3f9a01bc77", "77aa"]
    assert listed[0]["labels"] == {"team": "voice"}


@pytest.mark.usefixtures("kept")
def test_an_explanation_has_counts_interval_baseline_chance_contributors_and_events(said):
    out, _ = commanded(said, "explain", "3f9a")
    for evidence in (
        "change of csat, channel phone",
        "38 of 62 since 2026-11-08 11:25:00 UTC",
        "0.613 [0.488, 0.724]",
        "baseline    0.860",
        "expected once in 10000 answers",
        "reason billing: 61%",
        "3, by the query",
        "select * from touchpoints where channel = 'phone'",
    ):
        assert evidence in out


@pytest.mark.usefixtures("kept")
def test_a_silence_is_made_listed_and_ended_and_what_it_matches_is_said_of_the_alert(said):
    out, err = commanded(said, *SILENCE, "--rule", "x")
    assert "rule x, channel phone (a move)" in out
    assert err == "note: no alert of a rule 'x' has been recorded yet\n"
    made = json.loads(commanded(said, *SILENCE, "--json")[0])
    assert "(silenced until " in commanded(said, "list")[0].splitlines()[0]
    assert len(commanded(said, "silence", "--list")[0].splitlines()) == 2
    assert commanded(said, "silence", "--end", made["silence"][:8])[0].startswith(
        f"{made['silence']}  ended "
    )
    assert "silenced" not in commanded(said, "list")[0]


def test_the_commands_work_through_the_worker_that_holds_the_database_by_its_clock(kept):
    def run(*words):
        return done("alerts", *words, "--db", "x.duckdb", cwd=kept.parent)

    with new_store(kept) as store, ServedPage(store, kept) as page:
        page.clock = NOON
        made = json.loads(run(*SILENCE, "--json"))
        assert (made["starts_at"], made["ends_at"]) == ("2026-11-08T12:00:00Z", "2026-11-08T14:00:00Z")
        assert "(silenced until 2026-11-08 14:00:00 UTC: nobody is told)" in run("list").splitlines()[0]
        assert "3, by the query" in run("explain", "3f9a01bc")
        assert run("silence", "--end", made["silence"]).startswith(
            f"{made['silence']}  ended 2026-11-08 12:00"
        )
        unknown = one_line(firsthand("alerts", "explain", "zz", "--db", "x.duckdb", cwd=kept.parent))
    assert "no alert begins with 'zz': `firsthand alerts list --all` shows them" in unknown


FAILURES = {
    "explain 7 --db x.duckdb": (1, "no alert begins with '7x'"),
    "list --db none.duckdb": (1, "none.duckdb: no such database"),
    "silence --for 1h --comment why --db none.duckdb": (1, "none.duckdb: no such database"),
    "silence --by colour --for 1h --comment why --db x.duckdb": (1, "by: one of all, channel"),
    "silence --end 00 --db x.duckdb": (1, "no silence begins with '00': `firsthand alerts silence --list`"),
    "silence --db x.duckdb": (2, "give --for and --comment to silence, or --list, or --end ID"),
    "silence --rule= --for 1h --comment why --db x.duckdb": (
        1,
        "rule: it is empty; name one, or leave it out",
    ),
    "silence --by channel --member= --for 1h --comment why --db x.duckdb": (1, "member: it is empty"),
    "silence --for 9999999d --comment why --db x.duckdb": (1, "a silence lasts 3650d at most"),
    "test nosuch --on x.jsonl": (1, "there is no rule 'nosuch'; there are satisfaction-falls, "),
    "test satisfaction-falls --on x.jsonl": (1, "x.jsonl: no such file"),
    "test satisfaction-falls": (2, "name one of --on FILE.jsonl and --db PATH"),
    "test channel-is-silent --on x.jsonl": (1, "channel-is-silent depends on the clock, and cannot be tried"),
    "silence --list --end 00 --db x.duckdb": (2, "or --list, or --end ID"),
    "silence --for 2y --comment why --db x.duckdb": (2, "'2y' is no span"),
    "silence --for 2h --db x.duckdb": (2, "a silence needs --for, how long, and --comment, why"),
    "silence --member x --for 2h --comment why --db x.duckdb": (2, "give --by, too"),
}


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("words", FAILURES)
def test_what_cannot_be_done_is_one_line_that_says_what_to_do(said, words):
    code, message = FAILURES[words]
    found = said("alerts", *words.replace("explain 7 ", "explain 7x ").split())
    assert (found[0], found[1], found[2].count("\n")) == (code, "", 1)
    assert message in found[2]


@pytest.mark.usefixtures("kept")
def test_what_a_check_of_the_data_says_can_be_silenced_by_its_suite(said):
    out, _ = commanded(
        said, "silence", "--by", "suite", "--member", "metrics", "--for", "2h", "--comment", "known"
    )
    assert "suite metrics (known)" in out


BROKEN = b'no json\n{"a": 1}\n\n\xff\xfe\n'


def test_a_rule_is_tried_on_nothing_or_on_broken_lines_only_with_a_word_about_it(said, tmp_path):
    tried = ("alerts", "test", "satisfaction-falls", "--on")
    (tmp_path / "empty.jsonl").touch()
    assert said(*tried, "empty.jsonl") == (1, "", "firsthand: empty.jsonl holds no events; name another\n")
    (tmp_path / "broken.jsonl").write_bytes(BROKEN)
    lines = "are rejected (bad_envelope 1, not_json 1, not_utf8 1)"
    assert said(*tried, "broken.jsonl") == (
        *(1, ""),
        f"firsthand: broken.jsonl: 3 of 3 lines {lines}; name a file of events\n",
    )
    (tmp_path / "mixed.jsonl").write_bytes(record("whole") + b"\n" + BROKEN)
    assert said(*tried, "mixed.jsonl") == (
        *(0, "satisfaction-falls would not have fired\n"),
        f"note: 3 of 4 lines {lines}\n",
    )


def test_where_nothing_has_fired_it_is_said(said, tmp_path):
    with new_store(tmp_path / "x.duckdb"):
        pass
    assert commanded(said, "list")[0] == "no alert has fired\n"
    assert commanded(said, "silence", "--list")[0] == "no silence is in force\n"


def test_what_many_ask_for_is_looked_up_once_and_again_when_it_is_old():
    looked = []

    async def look():
        looked.append(len(looked))
        await asyncio.sleep(0)
        return str(len(looked))

    async def asking():
        patient, hasty = LookedUp(look, every_s=60), LookedUp(look, every_s=0)
        assert await asyncio.gather(*(patient.now() for _ in range(20))) == ["1"] * 20
        assert [await hasty.now(), await hasty.now()] == ["2", "3"]

    asyncio.run(asking())
