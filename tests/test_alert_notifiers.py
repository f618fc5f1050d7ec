"""Notifiers as others made them: a real Alertmanager, the Apprise library, clocks of the world's zones."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alerted import Written, alerted, texts

from pipeline.alerting.delivery.flip import flips
from pipeline.alerting.delivery.outbox import Message
from pipeline.alerting.delivery.quiet import quiet_until
from pipeline.alerting.notifiers.alertmanager import LASTS, RESEND
from pipeline.alerting.notifiers.apprise import text, title
from pipeline.alerting.notifiers.webhook import body
from pipeline.alerting.rules import QuietHours, Rules
from pipeline.commands.options import clock
from pipeline.errors import InputError
from tests import alertmanager as servers
from tests.command import until
from tests.receiver import Receiver


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    """At the true time, for Alertmanager has a clock of its own."""
    with alerted(tmp_path / "w.duckdb") as found:
        found.now = clock()
        yield found


# --- Alertmanager ---


def test_a_real_alertmanager_takes_alerts_repeats_them_and_hears_of_their_end(written, receiver, tmp_path):
    with servers.had(tmp_path, receiver.url) as there:
        courier = written.courier(there.url, kind="alertmanager")
        labels = texts(team="Küche")
        for member in ("phone", "chat"):
            written.flip(member, "firing", labels=labels, occurred_at=written.now - timedelta(minutes=3))
        courier.step()
        until(lambda: len(there.alerts()) == 2, "it does not know both")
        before = {each["fingerprint"]: each["endsAt"] for each in there.alerts()}
        written.now += RESEND
        courier.step()
        after = {each["fingerprint"]: each["endsAt"] for each in there.alerts()}
        assert all(after[key] > ends for key, ends in before.items()), "they last longer"
        until(lambda: receiver.came, "it told nobody")
        ours = body(message(written), "")
        theirs = receiver.came[0].json
        assert set(theirs) <= set(ours), "what it sends has no field that ours lacks"
        assert set(theirs["alerts"][0]) <= set(ours["alerts"][0])
        assert {each["fingerprint"]: each["labels"] for each in ours["alerts"]} == {
            each["fingerprint"]: each["labels"] for each in there.alerts()
        }
        written.now = clock()
        written.flip("phone", "resolved", labels=texts(team="somebody else's"), severity="info")
        courier.step()
        until(lambda: [each["labels"]["member"] for each in there.alerts()] == ["chat"], "it fires on")
        until(lambda: ("phone", "resolved") in told_by(receiver), "nobody heard of the end")
        assert len({each["fingerprint"] for came in receiver.came for each in came.json["alerts"]}) == 2
    assert written.said == []


def message(written: Written) -> Message:
    """What a webhook would be sent of all that there is."""
    with written.store.reading() as con:
        found = flips(con, range(1, 100))
    return Message("here", "k", {}, found, (), 0)


def told_by(receiver: Receiver) -> set[tuple[str, str]]:
    """What Alertmanager said, by member."""
    return {(one["labels"]["member"], one["status"]) for each in receiver.came for one in each.json["alerts"]}


def test_alertmanager_is_reminded_in_quiet_hours_and_of_silenced_alerts_lest_it_takes_them_for_over(
    written, receiver
):
    all_day = {"begin": "00:00", "end": "23:59", "zone": "UTC"}
    written.now = datetime(2026, 11, 21, 23, 59, tzinfo=UTC)
    courier = written.courier(receiver.url, kind="alertmanager", quiet_hours=all_day)
    written.flip("a", "firing")
    courier.step()
    written.flip("b", "firing", occurred_at=written.now + timedelta(minutes=1))
    written.silence(timedelta(days=2))
    for _ in range(5):
        written.now += RESEND
        courier.step()
    assert [[each["labels"]["member"] for each in came.json] for came in receiver.taken] == [["a"]] * 6
    assert receiver.came[0].path == "/hook/s3cret/api/v2/alerts"
    assert receiver.came[0].headers["Authorization"].startswith("Bearer ")
    ends = datetime.fromisoformat(receiver.taken[-1].json[0]["endsAt"])
    assert ends == written.now + LASTS


# --- Apprise ---


@pytest.fixture
def library() -> None:
    """The extra `alerts`; in CI it is there."""
    if os.environ.get("CI") != "true":
        pytest.importorskip("apprise")


def apprised(written: Written, receiver: Receiver):
    return written.courier(receiver.url.replace("http://", "json://"), kind="apprise", secret_env=None)


@pytest.mark.usefixtures("library")
def test_apprise_takes_what_people_read(written, receiver):
    courier = apprised(written, receiver)
    written.flip("a", "firing", annotations=texts(summary="Look at phones", runbook="https://wiki/x"))
    courier.step()
    sent = receiver.came[0].json
    assert sent["title"] == "a: 1 firing"
    at = written.now.isoformat().replace("+00:00", "Z")
    assert sent["message"].splitlines() == [
        f"FIRING at {at}, critical: Look at phones",
        "CSAT of phone fell from 86 % to 61 %",
        "runbook: https://wiki/x",
        "",
        "(a-firing)",
    ]


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(("answer", "stage"), [(404, "failed"), (500, "waiting"), (429, "waiting")])
def test_apprise_tells_a_refusal_from_trouble_and_shows_no_address(
    written, receiver, caplog, capfd, answer, stage
):
    courier = apprised(written, receiver)
    receiver.answers = [answer]
    written.flip("a", "firing")
    courier.step()
    assert written.rows("select stage from internal.deliveries") == [(stage,)]
    assert f"(HTTP {answer})" in written.said[0]
    assert "s3cret" not in f"{written.said}{caplog.text}{capfd.readouterr()}"


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize("url", ["nonsense", "json://127.0.0.1/a json://127.0.0.1/b"])
def test_what_is_no_single_address_of_apprise_is_refused_at_once(written, url):
    with pytest.raises(InputError, match="notifier hook: its address is none, or more than one"):
        written.courier(url, kind="apprise", secret_env=None)


def test_without_its_library_kind_apprise_says_how_to_have_it(written, monkeypatch):
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(InputError, match=r"pip install 'firsthand\[alerts\]'"):
        written.courier("json://h", kind="apprise", secret_env=None)


def test_the_library_is_imported_only_where_it_is_asked_for():
    code = "import sys, pipeline.alerting.delivery.delivering; sys.exit('apprise' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_message_for_people_says_what_changed_first_and_then_what_still_fires(written):
    numbers = [
        written.flip("a", "firing"),
        written.flip("b", "firing", because="B fell"),
        written.flip("a", "resolved", because="over"),
    ]
    with written.store.reading() as con:
        a, b, over = flips(con, numbers)
    told = Message("mail", "k", {"alertname": "csat-falls"}, (a, over), (b,), 0)
    assert title(told) == "csat-falls: 1 firing, 1 ended"
    lines = text(told, "https://here").splitlines()
    assert lines[0].startswith("RESOLVED at")
    assert "Still firing since" in lines[3]
    assert lines[-3:] == ["https://here", "", "(k)"]


# --- quiet hours ---


@pytest.mark.parametrize(
    ("begin", "end", "zone", "now", "until_"),
    [
        ("22:00", "07:00", "Europe/Berlin", "2026-11-21T20:59:59Z", None),
        ("22:00", "07:00", "Europe/Berlin", "2026-11-21T21:00:00Z", "2026-11-22T06:00:00Z"),
        ("22:00", "07:00", "Europe/Berlin", "2026-11-22T05:59:59Z", "2026-11-22T06:00:00Z"),
        ("22:00", "07:00", "Europe/Berlin", "2026-11-22T06:00:00Z", None),
        ("12:00", "13:30", "Asia/Kolkata", "2026-11-22T07:00:00Z", "2026-11-22T08:00:00Z"),
        # the clocks go forward at 02:00, and there is no 02:30
        ("22:00", "02:30", "Europe/Berlin", "2026-03-29T00:59:59Z", "2026-03-29T01:30:00Z"),
        ("02:30", "06:00", "Europe/Berlin", "2026-03-29T01:10:00Z", "2026-03-29T04:00:00Z"),
        ("22:00", "07:00", "Europe/Berlin", "2026-03-29T04:59:59Z", "2026-03-29T05:00:00Z"),
        # the clocks go back at 03:00, and 02:30 comes twice
        ("22:00", "02:30", "Europe/Berlin", "2026-10-25T00:45:00Z", "2026-10-25T01:30:00Z"),
        ("02:30", "06:00", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T05:00:00Z"),
    ],
)  # fmt: skip
def test_quiet_hours_end_when_the_clocks_of_their_zone_say_so(begin, end, zone, now, until_):
    found = quiet_until(QuietHours(begin=begin, end=end, zone=zone), datetime.fromisoformat(now))
    assert found == (None if until_ is None else datetime.fromisoformat(until_))


def test_quiet_hours_are_as_long_as_they_say_on_days_without_a_change_of_clocks():
    draw = random.Random(1)  # noqa: S311 - no secret
    for _ in range(20):
        begin, end = (f"{draw.randrange(24):02}:{draw.randrange(60):02}" for _ in range(2))
        if begin == end:
            continue
        hours = QuietHours(begin=begin, end=end, zone="Asia/Kathmandu")
        noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
        quiet = sum(quiet_until(hours, noon + timedelta(minutes=m)) is not None for m in range(24 * 60))
        minutes = [int(each[:2]) * 60 + int(each[3:]) for each in (begin, end)]
        assert quiet == (minutes[1] - minutes[0]) % (24 * 60)


def test_quiet_hours_without_an_end_are_refused():
    with pytest.raises(ValueError, match="begin and end are the same"):
        Rules.model_validate(
            json.loads(
                '{"rules": [], "notifiers": {"m": {"kind": "webhook", "url_env": "X", '
                '"quiet_hours": {"begin": "10:00", "end": "10:00", "zone": "UTC"}}}}'
            )
        )
