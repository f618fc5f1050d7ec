"""The page in a real browser, over a real server and, where it matters, a real worker with events flowing."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from browser import Reader, chromium
from deliveries import NOON, NOW, batch, new_store, record
from playwright.sync_api import Browser
from served_page import ServedPage
from test_project import ROOT, tomllib

from pipeline.commands.options import clock
from pipeline.live_sql.tokens import Tokens, beside
from pipeline.metrics import METRICS
from pipeline.page_data.definitions import header
from pipeline.simulate import START, Incident, simulate
from tests.command import done, ended, started, until

DAYS = 14
END = START + timedelta(days=DAYS)

ENDING = ("net::ERR_", "503 (Service Unavailable)", "Failed to fetch")
"""What a page hears of a worker that ends."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def reader(browser: Browser) -> Iterator[Callable[..., Reader]]:
    """Call it with an address for somebody who opens it; nobody may have met an error at the end."""
    readers: list[Reader] = []

    def opened(url: str, **context: Any) -> Reader:
        readers.append(Reader(browser, url, **context))
        return readers[-1]

    yield opened
    try:
        for each in readers:
            assert each.violations() == []
            assert [error for error in each.errors if not any(ending in error for ending in ENDING)] == []
    finally:
        for each in readers:
            each.context.close()


@contextmanager
def served(folder: Path, values: list[bytes], as_of: datetime | None) -> Iterator[ServedPage]:
    with new_store(folder / "x.duckdb") as store:
        if values:
            store.ingest([batch(values)], NOW)
        with ServedPage(store, folder / "x.duckdb") as page:
            if as_of:
                page.refresh(as_of)
            yield page


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedPage]:
    """The demo's fourteen days: half way, billing by phone goes wrong."""
    values = [each.value for each in simulate(30_000, 7, days=DAYS, incident=Incident())]
    with served(tmp_path_factory.mktemp("incident"), values, END) as page:
        yield page


@pytest.mark.any_broker
def test_figures_arrive_by_themselves_while_events_flow_and_are_those_of_report(
    broker, topic, reader, tmp_path
):
    name = topic("touchpoints")
    own = {"FIRSTHAND_TOPIC": name, "FIRSTHAND_DLQ_TOPIC": f"{name}-dlq", "FIRSTHAND_GROUP": name}
    where: dict[str, Any] = {"cwd": tmp_path, "env": os.environ | own}
    yesterday = (clock() - timedelta(days=1)).isoformat()

    def send(events: int, seed: int) -> None:
        recent = ("--events", events, "--seed", seed, "--days", 1, "--start", yesterday)
        done("simulate", *recent, "--kafka", broker, **where)

    send(500, 1)
    with started("worker", "--kafka", broker, "--db", "w.duckdb", **where) as process:
        until((tmp_path / "w.duckdb.worker").exists)
        url = json.loads((tmp_path / "w.duckdb.worker").read_text())["url"]
        someone = reader(url + "#by=reason&metric=effort_easy")
        someone.shows("#intake-law", "500 consumed")
        someone.shows("#condition", "Live")
        someone.until("Number(document.querySelector('#overview data')?.value) > 0")
        before = someone.values()
        someone.page.evaluate("window.stayed = true")
        send(700, 2)
        someone.shows("#intake-law", "1,200 consumed")
        someone.until(
            "([old]) => Number(document.querySelector('#overview data').value) > old", [before["contacts"]]
        )
        assert someone.page.evaluate("window.stayed"), "it was loaded again"
        # a refresh that began after everything was stored: what an earlier one could not know came late
        everything_in = clock().isoformat()
        someone.until("(at) => new Date(document.body.dataset.shown) > new Date(at)", everything_in)
        as_of, values = someone.page.evaluate("document.body.dataset.shown"), someone.values()
        asked = ("report", "--db", "w.duckdb", "--as-of", as_of, "--span", "7d", "--json")
        told = json.loads(done(*asked, **where))
        assert values == {each["metric"]: each["value"] for each in told}
        assert set(values) > {"contacts", "csat", "effort_easy", "fcr"}
        told = json.loads(done(*asked, "--by", "reason", **where))
        easy = {each["member"]: each["value"] for each in told if each["metric"] == "effort_easy"}
        until(lambda: someone.values("members") == easy, "the members are not those of report")
        stopping = ended(process, signal.SIGTERM)
        someone.shows("#condition", "Disconnected")
    assert (stopping.returncode, "Traceback" in stopping.stderr) == (0, False)


def test_the_incident_stands_out_in_the_heat_table_the_members_and_the_history(incident, reader):
    someone = reader(incident.url + "#by=reason&metric=effort_easy")
    someone.shows("#heat", "billing")
    someone.shows("#members", "billing")
    cell = (
        someone.page.locator("#heat tbody tr", has=someone.page.get_by_role("rowheader", name="billing"))
        .locator("td")
        .nth(1)
    )
    assert re.fullmatch(r"▼[\d.]+\s% below all, more than chance", cell.text_content())
    row = someone.page.locator("#members tbody tr", has_text="billing").inner_text()
    assert re.search(r"▼ .[\d.]+\spoints\s+more than chance", row)
    others = someone.page.locator("#members tbody tr", has_text="order_status").inner_text()
    assert "may be chance" in others
    someone.page.get_by_role("button", name="billing").click()
    someone.shows("#hero-name", "effort_easy, reason billing")
    someone.shows("#hero-change", "more than chance: the two intervals do not overlap")
    assert "member=billing" in someone.page.url
    someone.shows("#history-caption", "effort_easy, reason billing,")
    points = someone.page.evaluate(
        "[...document.querySelectorAll('#history-table data')].map((each) => Number(each.value))"
    )
    assert points[0] < min(points[6:8]) - 0.1, "newest first: it fell"
    assert someone.page.locator("#history-chart canvas").count() == 1


def test_a_view_can_be_shared_by_its_address(incident, reader):
    first = reader(incident.url)
    first.shows("#members-name", "csat by channel")
    first.page.get_by_role("combobox", name="Metric").select_option("wait_mean")
    first.page.get_by_role("combobox", name="Compare by").select_option("team")
    first.page.get_by_role("combobox", name="Time zone").select_option("Asia/Tokyo")
    first.page.get_by_role("radio", name="28d").check()
    first.shows("#members-name", "wait_mean by team")
    second = reader(first.page.url)
    for each in (first, second):
        each.shows("#members-name", "wait_mean by team")
        each.shows("#overview-caption", "28d until")
        each.shows("#as-of", "Asia/Tokyo")
    assert first.values("members") == second.values("members") != {}
    third = reader(incident.url + "#span=9d&metric=joy&zone=Mars&by=all&member=x")
    third.shows("#members-name", "csat by channel")


def test_the_names_of_metrics_are_explained_as_their_sql_says(incident, reader):
    someone = reader(incident.url)
    someone.shows("#overview", "response_rate")
    text = someone.page.locator("#overview").inner_text()
    for metric in METRICS:
        assert header(metric.name)["meaning"] in text


def test_first_contact_resolution_is_told_settled_and_provisional(incident, reader):
    someone = reader(incident.url)
    someone.shows("#first-contact", "Settled")
    told = someone.page.locator("#first-contact data").evaluate_all(
        "all => all.map((each) => Number(each.value))"
    )
    values = someone.values()
    assert told == [values[name] for name in ("fcr_settled", "fcr", "fcr_survey")]


def test_the_friendly_but_laborious_are_named_in_words(incident, reader):
    someone = reader(incident.url + "#by=reason&span=28d")
    someone.shows("#effort-corner", "cancellation")
    words = someone.page.locator("#effort-corner").inner_text()
    assert re.search(r"warranty: 9[\d.]+\s% friendly, but only [23][\d.]+\s% easy", words)
    assert "order_status" not in words
    assert (
        "fewer than 30 answers" in someone.page.locator("#effort-withheld").inner_text()
        or "complaint" in words
    )
    assert someone.page.locator("#effort-chart canvas").count() == 1


def test_a_page_without_events_says_so_and_fills_by_itself(tmp_path, reader):
    with new_store(tmp_path / "x.duckdb") as store, ServedPage(store, tmp_path / "x.duckdb") as page:
        someone = reader(page.url)
        someone.shows("#condition", "The worker is starting")
        page.refresh(NOON)
        someone.shows("#notice", "There is nothing in this window yet")
        store.ingest([batch([record(f"e{n}", customer_id=f"c{n}") for n in range(7)])], NOW)
        page.refresh(NOON + timedelta(seconds=1))
        someone.until("document.querySelector('#overview data')?.value === '7'")
        someone.until("document.getElementById('notice').hidden")
        someone.shows("#intake-law", "7 consumed = 7 accepted")


def test_stale_and_disconnected_are_said_and_it_connects_again_by_itself(tmp_path, reader):
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch([record("e")])], NOW)
        with ServedPage(store, tmp_path / "x.duckdb") as page:
            page.refresh(NOON)
            someone = reader(page.url)
            someone.shows("#condition", "Live")
            page.state = page.state | {"refreshed_s_ago": 45.0}
            someone.shows("#condition", "Stale: the readings have not been refreshed for over 20 s")
        someone.shows("#condition", "Disconnected: the worker does not answer")
        assert someone.values()["contacts"] == 1, "the last figures seen stay"
        store.ingest([batch([record("f", customer_id="c2")], 1)], NOW)
        with ServedPage(store, tmp_path / "x.duckdb", page.port) as again:
            again.refresh(NOON + timedelta(seconds=1))
            someone.shows("#condition", "Live")
            someone.until("document.querySelector('#overview data')?.value === '2'")


def test_beyond_the_loopback_a_token_given_once_opens_all_of_it(tmp_path, reader):
    path = tmp_path / "x.duckdb"
    Tokens(beside(path)).add("ann", "a token", NOW)
    with new_store(path) as store, ServedPage(store, path, host="0.0.0.0") as page:  # noqa: S104 - it is tested
        store.ingest([batch([record("e")])], NOW)
        page.refresh(NOON)
        someone = reader(page.url, http_credentials={"username": "ann", "password": "a token"})
        someone.shows("#condition", "Live")
        someone.until("document.querySelector('#overview data')?.value === '1'")


def test_everything_can_be_picked_by_keyboard_alone(incident, reader):
    someone = reader(incident.url)
    someone.shows("#heat", "billing")
    press, focus = (
        someone.page.keyboard.press,
        lambda: someone.page.evaluate("document.activeElement.id || document.activeElement.textContent"),
    )
    press("Tab")
    assert focus() == "skip"
    press("Tab")
    press("ArrowRight")
    someone.shows("#overview-caption", "28d until")
    press("Tab")
    assert focus() == "metric"
    someone.page.keyboard.type("wait")
    press("Tab")
    someone.shows("#hero-name", "wait_mean")
    assert focus() == "by"
    someone.page.locator("#overview").get_by_role("button", name="effort_easy").focus()
    press("Enter")
    someone.shows("#hero-name", "effort_easy")
    incident.refresh(END + timedelta(seconds=1))
    shown = "2026-01-19T00:00:01Z"
    someone.until("(as_of) => document.body.dataset.shown === as_of", shown)
    assert focus() == "effort_easy", "a refresh takes no focus away"
    outline = someone.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_serious_violation(incident, reader, scheme, width):
    someone = reader(
        incident.url + "#by=reason&span=28d&metric=effort_easy&member=billing",
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    someone.shows("#heat", "billing")
    someone.shows("#effort-corner", "cancellation")
    someone.page.locator("summary").evaluate_all("all => all.forEach((each) => each.click())")
    assert someone.serious() == []


@pytest.mark.parametrize("width", [390, 768, 1280, 1920])
def test_it_fits_phones_and_large_screens_without_scrolling_aside(incident, reader, width):
    someone = reader(incident.url + "#by=reason&span=28d", viewport={"width": width, "height": 900})
    someone.shows("#heat", "billing")
    someone.shows("#effort-corner", "cancellation")
    assert someone.page.evaluate("document.documentElement.scrollWidth") == width


def test_nothing_is_asked_of_anybody_else(incident, reader):
    someone = reader(incident.url + "#by=reason&span=28d")
    someone.shows("#effort-corner", "cancellation")
    assert len(someone.asked) > 10
    assert [url for url in someone.asked if not url.startswith(incident.url)] == []


def test_names_from_outside_are_text_everywhere(tmp_path, reader):
    hostile = "<img src=x onerror=alert(1)><b>Zoë"
    values = [
        record(
            f"s{n}", NOON, "survey", reason=hostile, team=hostile, csat=5, effort=1 + n % 2, friendliness=5
        )
        for n in range(40)
    ]
    values += [
        record(f"t{n}", NOON, "survey", reason="other", effort=7, friendliness=4, csat=3) for n in range(40)
    ]
    values.append(record("x", channel="<script>alert(1)</script>"))
    with served(tmp_path, values, NOON) as page:
        someone = reader(
            f"{page.url}#by=reason&member=" + "%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E%3Cb%3EZo%C3%AB"
        )
        for place in ("#heat", "#members", "#hero-name", "#chosen-member", "#effort-corner"):
            someone.shows(place, hostile)
        someone.shows("#examples", "unknown_value")
        assert someone.page.locator("main img, main b, main script").count() == 0


def test_200_reasons_and_2000_agents_are_shown_in_seconds_and_found_by_name(tmp_path, reader):
    values = [
        record(
            f"s{n}",
            NOON,
            "survey",
            reason=f"reason {n % 200}",
            agent_id=f"agent {n % 2000}",
            csat=1 + n % 5,
            effort=1 + n % 7,
            friendliness=1 + n % 5,
        )
        for n in range(12_000)
    ]
    with served(tmp_path, values, NOON) as page:
        someone = reader(page.url + "#by=agent")
        someone.shows("#members-count", "The first 50 of 2,000")
        someone.shows("#heat-more", "Show all 200 reasons")
        took = someone.page.evaluate("performance.now()")
        assert took < 6000
        assert someone.page.locator("#members tbody tr").count() == 50
        someone.page.get_by_label("Find").fill("AGENT 1999")
        someone.shows("#members-count", "1 found among 2,000")
        someone.shows("#members", "agent 1999")
        someone.page.locator("#heat-more").click()
        assert someone.page.locator("#heat tbody tr").count() == 201


def test_the_data_s_quality_is_checked_when_asked_and_shown(tmp_path, reader):
    with served(tmp_path, [record(f"e{n}") for n in range(3)], NOON) as page:
        someone = reader(page.url)
        someone.shows("#quality-words", "Not checked since this worker started")
        someone.page.get_by_role("button", name="Check now").click()
        someone.shows("#quality-words", "as of Sun, 8 Nov 2026")
        someone.shows("#quality-suites", "touchpoints: ")
        other = reader(page.url)
        other.shows("#quality-suites", "touchpoints: ")


def test_rejections_are_told_with_reasons_and_places_and_without_contents(tmp_path, reader):
    values = [
        record("e"),
        record("f", csat=9, kind="survey"),
        b'{"customer_id": "secret-17"',
        record("g", customer_id=17),
    ]
    with served(tmp_path, values, NOON) as page:
        someone = reader(page.url)
        someone.shows("#intake-law", "4 consumed = 1 accepted + 0 duplicates + 3 rejected + 0 tombstones")
        for reason in ("out_of_range", "not_json", "wrong_type"):
            someone.shows("#reasons", reason)
        someone.shows("#examples", "data.csat: what stood there is not within 1 to 5")
        assert "secret-17" not in someone.page.content()


def test_all_files_of_the_page_are_installed_with_the_package():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    files = [path for path in (ROOT / "pipeline/page").rglob("*") if path.is_file()]
    assert {"index.html", "style.css", "echarts.common.min.js", "echarts.LICENSE"} <= {
        each.name for each in files
    }
    left_out = [
        each.name
        for each in files
        if not any(fnmatch(each.name, pattern) for pattern in patterns["*"])
        and not any(
            fnmatch(str(each.relative_to(ROOT / "pipeline")), pattern) for pattern in patterns["pipeline"]
        )
    ]
    assert left_out == []


@pytest.mark.slow
def test_the_demo_s_incident_is_seen_on_the_page_within_seconds(reader, tmp_path):
    with started("demo", "--no-open", cwd=tmp_path) as demo:
        url = re.search(r"http://\S+", demo.stderr.readline())[0]
        someone = reader(url + "#span=24h&by=reason&metric=effort_easy")
        someone.shows("#heat", "billing")
        look = """() => {
            const row = [...document.querySelectorAll("#heat tbody tr")].find(
                (each) => each.innerText.startsWith("billing"));
            return [document.body.dataset.shown, row?.cells[2]?.textContent ?? "", performance.now()];
        }"""
        someone.until("document.body.dataset.shown")
        begins = datetime.fromisoformat(someone.page.evaluate(look)[0]) + timedelta(days=7)

        def seen() -> tuple[str, float]:
            shown, cell, now = someone.page.evaluate(look)
            return (cell if datetime.fromisoformat(shown) >= begins else "", now)

        until_seen = [seen()]
        while "below all" not in until_seen[-1][0] and until_seen[-1][1] < 150_000:
            someone.page.wait_for_timeout(250)
            until_seen.append(seen())
        ended(demo, signal.SIGINT)
    first = next(now for cell, now in until_seen if cell)
    assert until_seen[-1][0].endswith("below all, more than chance")
    assert until_seen[-1][1] - first < 25_000
