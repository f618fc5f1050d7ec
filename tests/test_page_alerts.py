"""Alerts on the page, in a real browser: those that fire, why, and which nobody is told of."""
# ruff: noqa: F811 - fixtures of test_page.py

import pytest
from deliveries import NOON, NOW, batch, new_store, record
from flips import flip, minutes
from served_page import ServedPage
from test_page import browser, reader  # noqa: F401

from pipeline.alerting.silences import Wish, end, silence

LIVE, ENDED, WORDS = "#alerts-live", "#alerts-ended", "#alerts-words"


@pytest.fixture
def page(tmp_path):
    """A day of surveys about billing by phone, and nothing that fires yet."""
    values = [record(f"s{n}", NOON, "survey", csat=1 + n % 5, reason="billing") for n in range(60)]
    with new_store(tmp_path / "x.duckdb") as store:
        store.ingest([batch(values)], NOW)
        with ServedPage(store, tmp_path / "x.duckdb") as page:
            page.store, page.clock = store, minutes(30)
            page.refresh(minutes(20))
            yield page


def of(someone, alert):
    return someone.page.locator(f"[data-key='{alert}']")


def test_where_nothing_has_fired_it_is_said_and_an_alert_comes_and_goes_by_itself(page, reader):
    someone = reader(page.url)
    someone.shows(WORDS, "No alert has fired.")
    assert someone.page.title() == "firsthand"
    someone.page.evaluate("window.stayed = true")
    with page.store.beside() as con:
        flip(con, "3f9a01bc77", occurred_at=minutes(5))
    someone.shows(LIVE, "CSAT of phone fell from 86 % to 61 % since 11:25")
    someone.shows(WORDS, "1 firing.")
    someone.shows("#condition", "Live · 1 alert fires")
    assert someone.page.title() == "(1 firing) firsthand"
    told = of(someone, "3f9a01bc77").inner_text()
    for part in ("csat, channel phone", "critical", "firing since 8 Nov, 13:05", "rule satisfaction-falls"):
        assert part in told
    with page.store.beside() as con:
        flip(con, "3f9a01bc77", "resolved", occurred_at=minutes(9), because="CSAT of phone is back at 85 %")
    someone.shows(WORDS, "Nothing fires.")
    someone.until("document.title === 'firsthand'")
    someone.page.get_by_text("Ended lately: 1").click()
    someone.shows(ENDED, "CSAT of phone is back at 85 %")
    someone.shows(ENDED, "resolved 8 Nov, 13:09")
    assert someone.page.evaluate("window.stayed"), "it was loaded again"


def test_inhibited_silenced_pending_and_retracted_alerts_say_so(page, reader):
    with page.store.beside() as con:
        flip(con, "parent0123", dimension="all", member="all")
        flip(con, "child", inhibited_by="parent0123")
        flip(con, "muted", member="chat", severity="warning")
        flip(con, "waiting", "pending", member="email", severity="info")
        flip(con, "undone", member="social")
        flip(con, "undone", "retracted", member="social", occurred_at=minutes(3))
    someone = reader(page.url)
    someone.shows(WORDS, "3 firing, 1 pending")
    with page.store.beside() as con:
        made = silence(con, Wish(None, "channel", "chat", "2h", "a new bot"), minutes(0))
    someone.shows("[data-key='muted']", "silenced")
    assert "inhibited by alert parent01: nobody is told" in of(someone, "child").inner_text()
    assert "silenced until 8 Nov, 15:00: nobody is told" in of(someone, "muted").inner_text()
    assert "nobody is told" not in of(someone, "parent0123").inner_text()
    assert "pending since" in of(someone, "waiting").inner_text()
    someone.page.get_by_text("Ended lately: 1").click()
    told = of(someone, "undone").inner_text()
    assert "retracted 8 Nov, 13:03" in told
    assert "later events took the reason away" in told
    with page.store.beside() as con:
        end(con, made["silence"], page.clock)
    someone.until("!document.querySelector(\"[data-key='muted']\").innerText.includes('silenced')")


def test_an_alert_leads_to_its_metric_and_member_and_keeps_the_focus_through_a_refresh(page, reader):
    with page.store.beside() as con:
        flip(con, "a", metric="effort_easy", dimension="reason", member="billing")
        flip(con, "b", metric="nps", dimension="all", member="all", severity="warning")
        flip(con, "c", rule="channel-is-silent", kind="silence", metric=None, member="chat", severity="info")
        flip(con, "d", metric="csat", dimension="source", member="crm", severity="info")
    someone = reader(page.url)
    someone.shows(LIVE, "channel-is-silent, channel chat")
    assert of(someone, "c").get_by_role("button").count() == 0, "no reading shows it"
    assert of(someone, "d").get_by_role("button").count() == 0, "nothing is compared by source"
    of(someone, "a").get_by_role("button", name="effort_easy, reason billing").focus()
    someone.page.keyboard.press("Enter")
    someone.shows("#hero-name", "effort_easy, reason billing")
    page.refresh(minutes(21))
    someone.until("document.body.dataset.shown === '2026-11-08T12:21:00Z'")
    assert someone.page.evaluate("document.activeElement.textContent") == "effort_easy, reason billing"
    of(someone, "b").get_by_role("button", name="nps").click()
    someone.shows("#hero-name", "nps")
    assert "member=" not in someone.page.url


def test_names_from_outside_stay_text_and_of_a_thousand_alerts_the_first_are_shown(page, reader):
    with page.store.beside() as con:
        flip(con, "hostile", member="<img src=x onerror=alert(1)>", because="<script>alert(1)</script>")
        con.execute(
            "insert into flips by name select * exclude (range) replace (range + 2 as number, "
            "'m' || range as alert, 'warning' as severity) from flips, range(1000)"
        )
    someone = reader(page.url)
    someone.shows(WORDS, "1,001 firing")
    someone.shows("#alerts-more", "951 more are not shown here: firsthand alerts list has them all")
    assert someone.page.locator(f"{LIVE} > li").count() == 50
    assert "<script>alert(1)</script>" in of(someone, "hostile").inner_text()
    assert someone.page.locator(f"{LIVE} img, {LIVE} script").count() == 0


def test_what_is_still_learnt_is_told_where_the_worker_says_so(page, reader):
    someone = reader(page.url)
    someone.shows(WORDS, "No alert has fired.")
    assert someone.page.locator("#alerts-learning").is_hidden()
    page.state = page.state | {"learning": ["waits-rise: chat learns still, about 110 answers to go"]}
    someone.page.get_by_text("Rules that still learn what is usual").click()
    someone.shows("#alerts-learning", "about 110 answers to go")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1920])
def test_alerts_are_readable_by_everybody_and_fit_the_screen(page, reader, scheme, width):
    with page.store.beside() as con:
        for n, severity in enumerate(("critical", "warning", "info")):
            flip(con, f"alert{n}", severity=severity, member=f"a long name without an end {'x' * 70}")
        flip(con, "waiting", "pending")
        flip(con, "over")
        flip(con, "over", "resolved", occurred_at=minutes(3))
    someone = reader(page.url, color_scheme=scheme, viewport={"width": width, "height": 900})
    someone.shows(WORDS, "3 firing, 1 pending")
    someone.page.locator("summary").evaluate_all("all => all.forEach((each) => each.click())")
    assert someone.serious() == []
    assert someone.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert someone.page.get_by_role("list", name="Alerts that fire or are pending").count() == 1
