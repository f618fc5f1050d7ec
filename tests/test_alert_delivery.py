"""Whom alerts are told to, when, and what is not told: real messages to a real server."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from hmac import new as hmac
from pathlib import Path

import duckdb
import pytest
from alerted import SECRET, Written, alerted, texts
from deliveries import NOON, new_store

from pipeline.alerting.delivery.delivering import couriers, delivering, require_usable
from pipeline.alerting.rules import Rules
from pipeline.errors import InputError
from tests.command import until
from tests.receiver import HANG, Receiver

HOUR = timedelta(hours=1)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with alerted(tmp_path / "w.duckdb") as found:
        yield found


# --- what is told ---


def test_an_alert_is_told_once_when_it_fires_and_once_when_it_ends(written, receiver):
    courier = written.courier(receiver.url)
    for state in ("firing", "resolved"):
        written.flip("a", state)
        courier.step()
        courier.step()
    assert receiver.states() == [("a", "firing"), ("a", "resolved")]
    assert receiver.keys == ["a-firing", "a-resolved"]


def test_what_is_only_pending_is_not_told_and_neither_is_its_end(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "pending")
    courier.step()
    written.flip("a", "resolved")
    courier.step()
    assert receiver.came == []


def test_a_notifier_that_the_rule_does_not_name_is_told_nothing(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "firing", notify=["log", "other"])
    courier.step()
    assert receiver.came == []


def test_the_end_is_told_though_the_rule_no_longer_names_the_notifier(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "firing")
    courier.step()
    written.flip("a", "retracted", notify=["log"])
    courier.step()
    assert receiver.states() == [("a", "firing"), ("a", "retracted")]


@pytest.mark.parametrize("ended_first", [False, True])
def test_an_inhibited_alert_is_told_if_it_still_fires_when_its_inhibitor_has_ended(
    written, receiver, ended_first
):
    courier = written.courier(receiver.url)
    written.flip("cause", "firing", notify=[])
    written.flip("a", "firing", inhibited_by="cause")
    courier.step()
    assert receiver.came == []
    if ended_first:
        written.flip("a", "resolved", inhibited_by="cause")
    written.flip("cause", "resolved", notify=[])
    courier.step()
    assert receiver.states() == ([] if ended_first else [("a", "firing")])
    written.flip("a", "retracted", inhibited_by="cause")
    courier.step()
    assert receiver.states() == ([] if ended_first else [("a", "firing"), ("a", "retracted")])


def test_an_inhibited_alert_is_told_once_where_the_evaluation_releases_it_too(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("cause", "firing", notify=[])
    written.flip("a", "firing", inhibited_by="cause")
    courier.step()
    written.flip("cause", "resolved", notify=[])
    written.flip("a", "firing", flip="released", revises="a-firing")
    courier.step()
    courier.step()
    assert receiver.keys == ["released"]


def test_a_silenced_alert_is_told_if_it_still_fires_when_the_silence_ends(written, receiver):
    courier = written.courier(receiver.url)
    written.silence(HOUR, rule="csat-falls", dimension="channel")
    for alert in ("a", "b"):
        written.flip(alert, "firing")
    written.flip("c", "firing", rule="another")
    courier.step()
    written.flip("b", "resolved")
    courier.step()
    assert receiver.states() == [("c", "firing")]
    written.pass_(minutes=59)
    courier.step()
    assert receiver.states() == [("c", "firing")]
    written.pass_(minutes=1)
    courier.step()
    assert receiver.states() == [("c", "firing"), ("a", "firing")]


def test_the_end_of_an_alert_that_was_told_is_told_through_any_silence(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "firing")
    courier.step()
    written.silence(HOUR)
    written.flip("a", "resolved", inhibited_by="cause")
    courier.step()
    assert receiver.states() == [("a", "firing"), ("a", "resolved")]


def test_a_revision_is_told_only_where_the_state_is_another(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "firing")
    courier.step()
    written.flip("a", "firing", flip="f2", revises="a-firing")
    courier.step()
    written.flip("a", "resolved")
    written.flip("a", "firing", flip="f3", revises="f2")
    courier.step()
    assert receiver.keys == ["a-firing", "a-resolved"]
    written.flip("a", "firing", flip="f4", revises="a-resolved")  # it was said to have ended, and goes on
    courier.step()
    written.flip("a", "retracted")
    courier.step()
    assert receiver.keys == ["a-firing", "a-resolved", "f4", "a-retracted"]


def test_an_end_is_retracted_aloud_too(written, receiver):
    courier = written.courier(receiver.url)
    for state in ("firing", "resolved", "retracted"):
        written.flip("a", state)
        courier.step()
    assert receiver.states() == [("a", "firing"), ("a", "resolved"), ("a", "retracted")]
    assert [each.json["status"] for each in receiver.taken] == ["firing", "resolved", "resolved"]


def test_an_alert_that_comes_back_after_its_retraction_is_told_under_another_key(written, receiver):
    courier = written.courier(receiver.url)
    for state in ("firing", "retracted", "firing"):
        written.flip("a", state)
        courier.step()
    assert receiver.states() == [("a", "firing"), ("a", "retracted"), ("a", "firing")]
    assert len(set(receiver.keys)) == 3


def test_a_new_notifier_is_told_what_fires_and_nothing_of_the_past(written, receiver):
    for alert in ("over", "still", "back", "moved"):
        written.flip(alert, "firing")
    for alert in ("over", "back"):
        written.flip(alert, "resolved")
    written.flip("moved", "firing", flip="f2", revises="moved-firing")
    written.flip("over", "firing", flip="f3", revises="over-firing")  # moved too, and still over
    written.flip("back", "firing", flip="f4", revises="back-resolved")
    written.flip("waits", "pending")
    for state in ("firing", "retracted", "firing"):
        written.flip("again", state)
    written.courier(receiver.url)
    assert receiver.states() == [
        ("still", "firing"), ("moved", "firing"), ("back", "firing"), ("again", "firing"),
    ]  # fmt: skip


def test_what_had_ended_days_before_it_was_found_is_not_told(written, receiver):
    courier = written.courier(receiver.url)
    for alert, days in (("old", 3), ("late", 0.5)):
        at = written.now - timedelta(days=days)
        written.flip(alert, "firing", occurred_at=at - HOUR)
        written.flip(alert, "resolved", occurred_at=at)
    courier.step()
    assert receiver.states() == [("late", "resolved")]


# --- how it is told ---


def test_the_message_is_alertmanagers_with_labels_evidence_and_a_signature(written, receiver):
    courier = written.courier(receiver.url)
    since = NOON - HOUR
    written.flip(
        "a", "firing",
        labels=texts(team="care", severity="whatever"), annotations=texts(runbook="https://wiki/csat"),
        since=since, numerator=38, denominator=62, value=38 / 62, low=0.488, high=0.724, baseline=0.86,
        false_alarm_every="10000 answers",
        contributors='[{"dimension": "reason", "member": "billing", "share": 0.62}]',
    )  # fmt: skip
    courier.step()
    (came,) = receiver.taken
    body = came.json
    (alert,) = body["alerts"]
    assert body["version"] == "4"
    assert (body["receiver"], body["status"], body["groupLabels"]) == ("hook", "firing", {"member": "a"})
    assert alert["labels"] == body["commonLabels"] == {
        "alertname": "csat-falls", "severity": "critical", "metric": "csat", "dimension": "channel",
        "member": "a", "team": "care",
    }  # fmt: skip
    assert alert["annotations"] == {
        "summary": "CSAT of phone fell from 86 % to 61 %",
        "description": "CSAT of phone fell from 86 % to 61 %\n"
        "0.6129 (38 of 62), 95 % interval 0.488 to 0.724, against 0.86; since 2026-11-08T11:00:00Z; "
        "by chance once in 10000 answers; most of it by reason billing 62%",
        "runbook": "https://wiki/csat",
    }
    assert (alert["startsAt"], alert["endsAt"]) == ("2026-11-08T12:00:00Z", "0001-01-01T00:00:00Z")
    header = dict(part.split("=") for part in came.headers["Firsthand-Signature"].split(","))
    proof = hmac(SECRET.encode(), header["t"].encode() + b"." + came.body, sha256).hexdigest()
    assert (header["t"], header["v1"]) == (str(int(NOON.timestamp())), proof)


def test_flips_of_a_group_at_once_are_one_message_that_lists_what_else_fires(written, receiver):
    courier = written.courier(receiver.url, group_by=["rule"])
    written.flip("other", "firing", rule="r2")
    for alert in ("a", "b"):
        written.flip(alert, "firing")
    courier.step()
    assert [[one["alert"] for one in each.json["alerts"]] for each in receiver.taken] == [
        ["other"],
        ["a", "b"],
    ]
    written.flip("a", "resolved")
    courier.step()
    last = receiver.taken[-1].json
    assert [(one["alert"], one["status"]) for one in last["alerts"]] == [("b", "firing"), ("a", "resolved")]
    assert (last["status"], last["groupLabels"]) == ("firing", {"alertname": "csat-falls"})


def test_ten_thousand_alerts_at_once_come_in_messages_of_bounded_size_none_lost(written, receiver):
    courier = written.courier(receiver.url, group_by=["rule"])
    with written.store.beside() as con:
        written.flip("seed", "firing", rule="r2")
        con.execute(
            "insert into flips by name select flips.* replace (n + 1 as number, 'f' || n as flip, "
            "'a' || n as alert, 'm' || n as member, 'r' as rule) from flips, range(1, 10001) as numbers(n)"
        )
    courier.step()
    assert max(len(each.json["alerts"]) for each in receiver.taken) == 200
    assert len({alert for alert, _ in receiver.states()}) == 10_001


def test_what_still_fires_is_told_again_after_the_repeat_interval(written, receiver):
    courier = written.courier(receiver.url, repeat_interval="4h", group_by=["rule"])
    written.flip("a", "firing")
    courier.step()
    written.pass_(hours=3)
    written.flip("b", "firing")
    courier.step()
    written.pass_(hours=3)
    courier.step()
    assert len(receiver.taken) == 2, "a message about the group tells all of it again"
    written.pass_(hours=1)
    courier.step()
    courier.step()
    assert [one["alert"] for one in receiver.taken[2].json["alerts"]] == ["a", "b"]
    assert len(set(receiver.keys)) == len(receiver.taken) == 3
    written.silence(5 * HOUR, member="a")
    written.flip("b", "resolved")
    courier.step()
    written.pass_(hours=4)
    courier.step()
    assert len(receiver.taken) == 4, "what is silenced is not told again"


def test_in_quiet_hours_nothing_is_told_and_then_all_of_it_at_once(written, receiver):
    night = {"begin": "22:00", "end": "07:00", "zone": "Europe/Berlin"}
    written.now = NOON.replace(hour=20, minute=59)
    courier = written.courier(receiver.url, quiet_hours=night, group_by=["rule"], repeat_interval="1h")
    written.flip("a", "firing")
    courier.step()
    written.pass_(minutes=1)
    began = written.now
    for alert, state in (("b", "firing"), ("c", "firing"), ("b", "resolved"), ("a", "resolved")):
        written.flip(alert, state)
        courier.step()
        written.pass_(hours=2)
    assert len(receiver.taken) == 1
    written.now = began + 9 * HOUR
    courier.step()
    assert len(receiver.taken) == 2
    told = receiver.taken[1].json["alerts"]
    assert [(each["alert"], each["state"]) for each in told] == [
        ("b", "resolved"), ("c", "firing"), ("a", "resolved"),
    ]  # fmt: skip
    assert told[0]["startsAt"] == began.isoformat().replace("+00:00", "Z")


def test_the_log_has_a_line_for_each_flip(written):
    courier = written.couriers({})["log"]
    courier.step()
    for state in ("firing", "resolved"):
        written.flip("a", state, notify=["log"], because="CSAT fell\nagain")
    courier.step()
    assert written.said == [
        f"alert {state} (critical, csat-falls) at 2026-11-08T12:00:00Z: CSAT fell again"
        for state in ("firing", "resolved")
    ]


# --- trouble ---


@pytest.mark.parametrize("answer", [500, 503, 408, 429])
def test_a_message_that_is_not_taken_is_sent_again_later_and_later_the_same(written, receiver, answer):
    courier = written.courier(receiver.url)
    written.flip("a", "firing")
    receiver.answers = [answer] * 8
    tries, began = [], written.now
    while not receiver.taken:
        before = len(receiver.came)
        courier.step()
        if len(receiver.came) > before:
            tries.append((written.now - began).seconds)
        written.pass_(seconds=1)
    assert tries == [0, 1, 3, 7, 15, 31, 63, 123, 183]
    assert len({(each.key, each.body) for each in receiver.came}) == 1
    lost, back = written.said
    assert lost.startswith(
        f"notifier hook cannot take messages now (HTTP {answer}); what it is to be told is"
    )
    assert back == "notifier hook takes what it is told again"


def test_a_server_that_asks_for_a_rest_has_it(written, receiver):
    courier = written.courier(receiver.url)
    written.flip("a", "firing")
    receiver.answers, receiver.answer_headers = [429], {"Retry-After": "120"}
    courier.step()
    written.pass_(seconds=119)
    courier.step()
    assert len(receiver.came) == 1
    written.pass_(seconds=1)
    courier.step()
    assert len(receiver.taken) == 1


@pytest.mark.parametrize("answer", [400, 404, 410, 301, 307])
def test_a_message_that_is_refused_is_given_up_and_kept_as_failed_and_no_other_waits_for_it(
    written, receiver, answer
):
    courier = written.courier(receiver.url, repeat_interval="1h")
    with Receiver() as other:
        receiver.answers, receiver.answer_headers = [answer], {"Location": other.url}
        written.flip("a", "firing")
        written.flip("b", "firing")
        courier.step()
        assert other.came == [], "no redirect is followed"
    assert receiver.states() == [("b", "firing")]
    failed = written.rows("select alert, error from internal.deliveries where stage = 'failed'")
    assert failed == [("a", f"refuses what it is told (HTTP {answer})")]
    assert "given up" in written.said[0]
    written.pass_(hours=1)
    courier.step()
    assert receiver.states()[1:] == [("a", "firing"), ("b", "firing")], "once the address was mended"
    written.flip("a", "resolved")
    courier.step()
    assert receiver.states()[-1] == ("a", "resolved")


def test_one_message_that_makes_the_server_stumble_does_not_hold_up_the_others(written, receiver):
    courier = written.courier(receiver.url)
    receiver.answers = [500]
    written.flip("bad", "firing")
    courier.step()
    for alert in ("b", "c"):
        written.flip(alert, "firing")
    written.pass_(seconds=1)
    receiver.answers = [200, 200, 500]
    courier.step()
    assert receiver.states() == [("b", "firing"), ("c", "firing")]


def test_after_an_hour_without_the_server_everything_comes_in_order_and_nothing_twice(tmp_path):
    with alerted(tmp_path / "w.duckdb") as written:
        with Receiver() as gone:
            url, port = gone.url, gone.port
        courier = written.courier(url)
        for minute in range(0, 60, 5):
            written.flip(f"a{minute}", "firing")
            if minute % 2:
                written.flip(f"a{minute}", "resolved")
            courier.step()
            written.pass_(minutes=5)
        back = Receiver()
        back.port = port
        with back:
            while written.rows("select 1 from internal.outbox limit 1") or not back.came:
                written.pass_(seconds=10)
                courier.step()
        ended = {minute: "resolved" if minute % 2 else "firing" for minute in range(0, 60, 5)}
        expected = {(f"a{minute}", state) for minute, state in ended.items()}
        assert set(back.states()) == expected
        assert len(back.states()) == len(expected), "an alert that came and went meanwhile is told once"
        assert len(written.said) == 2


def test_a_server_that_does_not_answer_holds_up_no_other_notifier_and_not_the_end(
    written, receiver, monkeypatch
):
    monkeypatch.setattr("pipeline.alerting.notifiers.posting.PATIENCE_S", 0.5)
    rules = Rules.model_validate(
        {
            "rules": [],
            "notifiers": {name: {"kind": "webhook", "url_env": name.upper()} for name in ("slow", "hook")},
        }
    )
    with Receiver() as slow:
        slow.answers = [HANG] * 3
        environ = {"SLOW": slow.url, "HOOK": receiver.url}
        told = couriers(
            written.store, rules, clock=lambda: written.now, say=written.said.append, environ=environ
        )
        with delivering(told):
            written.flip("a", "firing", notify=["slow", "hook"])
            until(lambda: receiver.taken and any("slow" in line for line in written.said))
        assert "notifier slow did not answer within" in written.said[0]
    assert not [each for each in threading.enumerate() if each.name.startswith("delivering")]


# --- setting out ---


@pytest.mark.parametrize(
    ("notifier", "environ", "words"),
    [
        ({}, {}, "the environment variable URL is not set"),
        ({}, {"URL": " "}, "the environment variable URL is not set"),
        ({"secret_env": "KEY"}, {"URL": "http://h/s3cret"}, "the environment variable KEY is not set"),
        ({}, {"URL": "ftp://h/s3cret"}, "write http://HOST/PATH"),
        ({}, {"URL": "http://[s3cret"}, "write http://HOST/PATH"),
        ({"kind": "apprise", "secret_env": "KEY"}, {"URL": "x", "KEY": "s3cret"}, "has no secret_env"),
    ],
)  # fmt: skip
def test_what_a_notifier_lacks_is_told_in_a_line_before_anything_begins(notifier, environ, words):
    notifiers = {"hook": {"kind": "webhook", "url_env": "URL"} | notifier}
    rules = Rules.model_validate({"rules": [], "notifiers": notifiers})
    with pytest.raises(InputError) as found:
        require_usable(rules, environ)
    assert str(found.value).startswith("notifier hook: ")
    assert words in str(found.value)
    assert "s3cret" not in str(found.value)


def test_no_secret_is_ever_shown_or_kept(written, receiver):
    courier = written.courier(receiver.url)
    receiver.answers = [500, 400]
    written.flip("a", "firing")
    courier.step()
    written.pass_(seconds=1)
    courier.step()
    kept = [written.rows(f"from internal.{table}") for table in ("notifiers", "deliveries", "outbox")]
    assert written.said
    assert "s3cret" not in f"{written.said}{kept}"
    assert SECRET not in f"{written.said}{kept}{receiver.came}"


# --- beside others ---


def test_closing_waits_for_who_writes_beside(tmp_path):
    writing, closing = threading.Event(), threading.Event()

    def write(store) -> None:
        with store.beside() as con:
            con.begin()
            con.execute("insert into internal.flips_sent values ('t', 1)")
            writing.set()
            closing.wait(10)
            con.commit()

    with new_store(tmp_path / "w.duckdb") as store:
        thread = threading.Thread(target=write, args=(store,))
        thread.start()
        assert writing.wait(10)
        threading.Timer(0.2, closing.set).start()
    thread.join()
    with duckdb.connect(str(tmp_path / "w.duckdb")) as con:
        assert con.execute("from internal.flips_sent").fetchall() == [("t", 1)]
