"""What Prometheus scrapes: it is what the tables say, bounded, and read by Prometheus's own tools."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from deliveries import NOON, NOW, batch, new_store, record
from flips import flip, minutes
from prometheus_client.parser import text_string_to_metric_families
from served_page import ServedPage

from pipeline.commands.options import clock
from pipeline.exposition import exposed, readings
from pipeline.simulate import START, simulate
from pipeline.store import Store
from tests.command import done, started, until

OURS = Path(__file__).parents[1] / "prometheus"
END = START + timedelta(days=14)


def promtool(*words: object, **options) -> subprocess.CompletedProcess:
    """Run it; where it is not had the test is skipped, and fails in CI."""
    if not shutil.which("promtool"):
        reason = "no promtool on this machine (Debian: apt-get install prometheus)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return subprocess.run(
        ["promtool", *map(str, words)], capture_output=True, text=True, check=False, **options
    )


@pytest.mark.parametrize(
    "words",
    ["check config prometheus.yml", "check rules firsthand.rules.yml", "test rules firsthand.rules.test.yml"],
)
def test_the_rules_are_read_and_fire_as_their_tests_say(words):
    ended = promtool(*words.split(), cwd=OURS)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "SUCCESS" in ended.stdout


Sample = tuple[str, frozenset[tuple[str, str]]]


def samples(text: str) -> dict[Sample, float]:
    """Every series by its name and labels, as the library of Prometheus reads it."""
    return {
        (each.name, frozenset(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def key(name: str, **labels: str) -> Sample:
    return name, frozenset(labels.items())


def scraped(url: str) -> str:
    with urlopen(f"{url}metrics") as answer:  # noqa: S310 - the loopback
        assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
        return answer.read().decode()


def labels_in(told: dict[Sample, float]) -> dict[str, set[str]]:
    """The names of labels to all that they hold."""
    found: dict[str, set[str]] = {}
    for _, labels in told:
        for name, value in labels:
            found.setdefault(name, set()).add(value)
    return found


@pytest.mark.any_broker
def test_a_real_worker_s_metrics_are_whole_and_promtool_finds_no_fault(broker, topic, tmp_path):
    name = topic("touchpoints")
    own = {"FIRSTHAND_TOPIC": name, "FIRSTHAND_DLQ_TOPIC": f"{name}-dlq", "FIRSTHAND_GROUP": name}
    where = {"cwd": tmp_path, "env": os.environ | own}
    yesterday = (clock() - timedelta(days=1)).isoformat()
    (tmp_path / "broken.jsonl").write_text('{"not": "an event"}\n')
    at = ("--days", 1, "--start", yesterday, "--kafka", broker)
    done("simulate", "--events", 700, "--seed", 3, *at, **where)
    done("send", "broken.jsonl", "--kafka", broker, **where)
    with started("worker", "--kafka", broker, "--db", "w.duckdb", **where):
        until((tmp_path / "w.duckdb.worker").exists)
        url = json.loads((tmp_path / "w.duckdb.worker").read_text())["url"]

        def total(told: dict[Sample, float], name: str) -> float:
            return sum(value for (of, _), value in told.items() if of == name)

        until(lambda: total(samples(scraped(url)), "firsthand_records_total") == 701)
        until(lambda: total(samples(scraped(url)), "firsthand_reading") > 0)
        text = scraped(url)
    told = samples(text)
    assert told[key("firsthand_rejected_total", reason="bad_envelope")] == 1
    assert {labels for of, labels in told if of == "firsthand_lag_records"} == {
        frozenset({("partition", str(n))}) for n in range(4)
    }
    assert 0 <= told[key("firsthand_refresh_age_seconds")] < 60
    assert abs(told[key("firsthand_as_of_timestamp_seconds")] - clock().timestamp()) < 60
    ended = promtool("check", "metrics", input=text)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


@pytest.fixture(scope="module")
def values() -> list[bytes]:
    return [each.value for each in simulate(3000, 5, days=14)]


@pytest.fixture
def page(tmp_path, values) -> Iterator[ServedPage]:
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([*values, b"{", None])], NOW)
        with store.beside() as con:
            flip(con, "a", "pending")
            flip(con, "a", occurred_at=minutes(1))
            flip(con, "b", rule="waits-rise", severity="warning")
            flip(con, "b", "resolved", rule="waits-rise", severity="warning", occurred_at=minutes(2))
        with ServedPage(store, tmp_path / "x.duckdb") as page:
            page.store = store
            yield page


def test_every_reading_of_the_dimensions_told_is_there_and_no_other(page):
    page.refresh(END)
    told = samples(scraped(page.url))
    with page.store.reading() as con:
        rows = con.execute(
            "select metric, span, dimension, member, value, low, high, denominator from metrics "
            "where dimension in ('all', 'channel', 'reason')"
        ).fetchall()
        left_out = con.execute("select count(*) from metrics where dimension = 'agent'").fetchone()[0]
    expected = {}
    for metric, span, dimension, member, *figures in rows:
        for part, value in zip(("", "_low", "_high", "_denominator"), figures, strict=True):
            of = {"metric": metric, "span": span, "dimension": dimension, "member": member}
            if value is not None:
                expected[key(f"firsthand_reading{part}", **of)] = value
    assert {
        each: value
        for each, value in told.items()
        if "dimension" in dict(each[1]) and "metric" in dict(each[1])
    } == (pytest.approx(expected))
    assert len(rows) > 1000
    assert told[key("firsthand_readings_left_out", dimension="agent")] == left_out > 0
    assert told[key("firsthand_readings_left_out", dimension="reason")] == 0


def test_counters_are_what_the_law_counts_and_alerts_are_counted_by_rule(page):
    told = samples(scraped(page.url))
    of = {"topic": "touchpoints", "partition": "0"}
    outcomes = {
        each: told[key("firsthand_records_total", outcome=each, **of)]
        for each in ("accepted", "duplicates", "rejected", "tombstones")
    }
    with page.store.reading() as con:
        (counts,) = con.execute("from watermarks").fetchall()
    assert tuple(outcomes.values()) == counts[-4:]
    assert sum(outcomes.values()) == 3002
    reasons = [value for (name, _), value in told.items() if name == "firsthand_rejected_total"]
    assert sum(reasons) == outcomes["rejected"] > 0
    assert told[key("firsthand_flips_total", rule="satisfaction-falls", state="pending")] == 1
    assert told[key("firsthand_flips_total", rule="waits-rise", state="resolved")] == 1
    assert told[key("firsthand_alerts_firing", rule="satisfaction-falls", severity="critical")] == 1
    assert told[key("firsthand_alerts_firing", rule="waits-rise", severity="warning")] == 0


def test_before_the_first_refresh_there_is_no_moment_and_no_reading_and_no_error(page):
    page.state = page.state | {"refreshed_s_ago": None}
    told = {name for name, _ in samples(scraped(page.url))}
    assert "firsthand_records_total" in told
    assert not told & {
        "firsthand_reading",
        "firsthand_as_of_timestamp_seconds",
        "firsthand_refresh_age_seconds",
    }


def test_no_label_names_a_customer_or_a_contact(page, values):
    page.refresh(END)
    ids = {
        data[name]
        for data in (
            json.loads(each)["data"] for each in values if each.startswith(b"{") and each.endswith(b"}}")
        )
        for name in ("customer_id", "contact_id", "agent_id")
        if isinstance(data.get(name), str)
    }
    assert len(ids) > 1000
    found = labels_in(samples(scraped(page.url)))
    assert set(found) == {
        *("metric", "span", "dimension", "member", "topic", "partition", "outcome", "reason", "rule"),
        *("state", "severity"),
    }
    assert not set().union(*found.values()) & ids


def test_of_many_members_the_largest_are_told_and_the_rest_is_counted(con):
    surveys = [
        record(f"{reason} {n}", NOON, "survey", csat=5, reason=f"reason {reason}")
        for reason in range(8)
        for n in range(reason + 1)
    ]
    store = Store(con)
    store.ingest([batch(surveys)], NOW)
    store.refresh(NOON)
    told = samples(exposed(readings(con, ["all", "reason"], most=3)).decode())
    assert labels_in(told)["member"] == {"all", "reason 7", "reason 6", "reason 5"}
    (everything,) = con.execute("select count(*) from metrics where dimension = 'reason'").fetchone()
    shown = {
        labels for name, labels in told if name == "firsthand_reading" and ("dimension", "reason") in labels
    }
    assert told[key("firsthand_readings_left_out", dimension="reason")] == everything - len(shown) > 0


def test_a_member_s_name_cannot_break_out_of_its_label(con):
    hostile = 'a"} 1\nfirsthand_reading{x="\\'
    store = Store(con)
    store.ingest([batch([record("s", NOON, "survey", csat=5, reason=hostile)])], NOW)
    store.refresh(NOON)
    text = exposed(readings(con, ["reason"])).decode()
    assert labels_in(samples(text))["member"] == {hostile}
    assert promtool("check", "metrics", input=text).returncode == 0


def test_the_rules_name_only_metrics_that_are_told(page):
    page.refresh(END)
    told = {name for name, _ in samples(scraped(page.url))} | {"firsthand_lag_records"}
    named = set(re.findall(r"\bfirsthand_[a-z_]+", (OURS / "firsthand.rules.yml").read_text()))
    assert len(named) >= 6
    assert named <= told


def test_the_dimensions_that_are_told_can_be_chosen(monkeypatch):
    from pipeline.settings import Settings

    assert Settings().scraped_by == ("all", "channel", "reason")
    monkeypatch.setenv("FIRSTHAND_METRICS_BY", "all,team")
    assert Settings().scraped_by == ("all", "team")
    monkeypatch.setenv("FIRSTHAND_METRICS_BY", "customer")
    with pytest.raises(ValueError, match="write what /metrics has readings by, of all,channel"):
        Settings()
