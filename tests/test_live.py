"""What people are shown: figures, tables as wide as their terminal, and text that cannot harm it."""

import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from flips import flip, minutes
from rich.console import Console, Group

from pipeline.alerting.silences import Wish, silence
from pipeline.database import open_writer
from pipeline.live import Watcher, listing, overview, tell, watching
from pipeline.report import Reading
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store
from pipeline.tally import Tally
from pipeline.worker import WorkerState

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SPANS = ("15m", "1h", "24h", "7d", "28d")
EVERY = [
    Reading(metric, span, "all", "all", NOON, Decimal(9), 12_345, value, value - 0.1, value + 0.1)
    for metric, value in (("wait_mean", 4938.6), ("csat", 0.75), ("nps", -0.25))
    for span in SPANS
]


def drawn(table, width: int) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(table)
    return out.getvalue()


@pytest.mark.parametrize(
    ("width", "spans"),
    [(20, {"24h"}), (50, {"24h"}), (90, {"24h", "7d"}), (120, {"1h", "24h", "7d"}), (200, set(SPANS))],
)
def test_a_narrow_terminal_is_shown_fewer_spans_and_no_figure_is_cut(width, spans):
    lines = drawn(overview(EVERY, "as of noon", width), max(width, 50)).splitlines()
    header = next(line for line in lines if "metric" in line)
    assert set(header.split()) - {"metric"} == spans
    assert max(map(len, lines)) <= max(width, 50)
    for figure in ("4939 [4938, 4939] n=12,345", "0.750 [0.650, 0.850] n=12,345"):
        assert sum(line.count(figure) for line in lines) == len(spans)


def test_metrics_stand_in_the_same_order_whatever_spans_have_them():
    few = [each for each in EVERY if (each.metric, each.span) != ("csat", "15m")]
    assert order(overview(few, "", 200)) == order(overview(EVERY, "", 200)) == ["csat", "nps", "wait_mean"]


def order(table) -> list[str]:
    return list(table.columns[0].cells)


def test_members_are_shown_as_they_are_without_markup_or_control_characters():
    hostile = Reading("csat", "7d", "reason", "[red]\x1b[2J[/x] Zoë", NOON, Decimal(1), 2, 0.5, None, None)
    assert "[red]\\x1b[2J[/x] Zoë" in drawn(listing([hostile], "[bold]title"), 200)
    assert "[bold]title" in drawn(listing([hostile], "[bold]title"), 200)


def test_a_line_is_told_as_it_is_however_long():
    out = io.StringIO()
    tell(Console(file=out, width=20), "into [a]/x.duckdb " * 5)
    assert out.getvalue() == "into [a]/x.duckdb " * 5 + "\n"


@pytest.fixture
def store(tmp_path):
    store = Store(open_writer(tmp_path / "x.duckdb", Definitions(), create_schema))
    yield store
    store.close()


def test_events_per_second_are_those_since_the_last_look(store):
    states = iter([WorkerState("running", Tally(n, n), {0: 3, 1: 4}) for n in (1000, 1500)])
    watcher = Watcher(
        store, states.__next__, Console(), lambda: NOON, monotonic=iter([10.0, 12.0, 13.0]).__next__
    )
    assert watcher.line().startswith("running: 500 events/s, lag 7, consumed 1,000 = accepted 1,000 + ")
    assert watcher.line().startswith("running: 500 events/s, lag 7, consumed 1,500 = ")


def test_the_last_line_is_told_after_a_good_end_and_not_after_a_failure(store):
    out = io.StringIO()
    console = Console(file=out, width=200)
    with pytest.raises(OSError, match="boom"), watching(store, WorkerState, console, lambda: NOON):
        raise OSError("boom")
    assert out.getvalue() == ""
    with watching(store, WorkerState, console, lambda: NOON):
        pass
    assert out.getvalue().startswith("starting: 0 events/s, lag 0, consumed 0 = ")


def test_the_first_alerts_that_fire_stand_over_the_table_and_their_number_in_the_log_line(store):
    watcher = Watcher(store, WorkerState, Console(width=60), lambda: NOON)
    assert watcher.alert_lines() == []
    assert "alert" not in watcher._log_line()
    with store.beside() as con:
        for n, severity in enumerate(("info", "warning", "critical", "warning", "info")):
            flip(con, f"a{n}", severity=severity, because=f"number {n} fell \x1b[2J" + "far " * 20)
        flip(
            con, "a1", inhibited_by="a2", severity="warning", because="number 1 fell", occurred_at=minutes(1)
        )
        flip(con, "over", "resolved")
        flip(con, "waiting", "pending")
    lines = watcher.alert_lines()
    assert [each.plain[:18] for each in lines[:3]] == [
        "critical: number 2",
        "warning: number 3 ",
        "info: number 0 fel",
    ]
    assert [each.plain for each in lines[3:]] == ["and 2 more firing"]
    assert watcher._log_line().endswith("; 5 alerts firing")
    out = io.StringIO()
    Console(file=out, width=60).print(Group(*lines))
    assert len(out.getvalue().splitlines()) == 4, "none of them is broken into two"
    assert "\x1b" not in out.getvalue()


def test_what_is_silenced_is_said_to_be_stands_last_and_is_counted_apart_as_long_as_it_is(store):
    now = NOON
    watcher = Watcher(store, WorkerState, Console(width=60), lambda: now)
    with store.beside() as con:
        flip(con, "loud", severity="info", because="one fell")
        flip(con, "quiet", severity="critical", because="two fell", member="chat")
        flip(con, "quieter", severity="warning", because="three fell", member="chat", inhibited_by="loud")
        silence(con, Wish(None, "channel", "chat", "5m", "known"), NOON)
    lines = ["info: one fell", "critical: two fell (silenced)", "warning: three fell (silenced, inhibited)"]
    assert [each.plain for each in watcher.alert_lines()] == lines
    assert watcher._log_line().endswith("; 1 alert firing, 2 silenced")
    now = NOON + timedelta(minutes=5)
    assert watcher.alert_lines()[0].plain == "critical: two fell"
    assert watcher._log_line().endswith("; 3 alerts firing")
