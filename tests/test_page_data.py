"""What the page is told: figures of `metrics` and `metrics_at`, and nothing that names a customer."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import duckdb
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from deliveries import NOON, NOW, batch, emptied, in_memory, new_store, record, rows_at
from served_page import ServedPage

from pipeline.errors import InputError
from pipeline.metrics import METRICS
from pipeline.page_data.asked import Asked, asked_of
from pipeline.page_data.effort import effort_against_friendliness
from pipeline.page_data.heat import by_two, heat
from pipeline.page_data.history import ASKED_AGAIN, History
from pipeline.page_data.intake import intake
from pipeline.page_data.members import MOST, members
from pipeline.page_data.overview import overview
from pipeline.page_data.routes import Page
from pipeline.page_data.shared import LEAST_AGE_S, Shared
from pipeline.settings import Definitions
from pipeline.simulate import START, simulate
from pipeline.spans import SPANS
from pipeline.store import Store

EXAMPLES = Path(__file__).parents[1] / "schemas" / "examples" / "invalid"
SIMULATED = [each.value for each in simulate(3000, 11, days=14)]
"""Among them late events, repeated contacts, and answers whose contact comes after them."""
MIDDLE, END = START + timedelta(days=9, hours=3, minutes=7), START + timedelta(days=14)


@pytest.fixture(scope="module")
def simulated() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as con:
        store = Store(con, fold_facts=700)
        for start in range(0, 3000, 500):
            store.ingest([batch(SIMULATED[start : start + 500], start)], NOW)
        store.refresh(END)
        yield con


@pytest.mark.parametrize("as_of", [MIDDLE, END], ids=["with things known later", "at the end"])
@pytest.mark.parametrize("span", ["24h", "7d"])
def test_channel_by_reason_adds_up_to_the_readings_of_both(simulated, span, as_of):
    readings = {by: rows_at(simulated, as_of, span, by) for by in ("channel", "reason")}
    for metric in METRICS:
        cells = by_two(simulated, Asked(span=span, metric=metric.name), as_of)
        for position, by in enumerate(readings):
            sums: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
            for cell in cells:
                sums[cell[position]][0] += cell[2]
                sums[cell[position]][1] += cell[3]
            told = {member: row[:2] for (name, member), row in readings[by].items() if name == metric.name}
            # a plain count has 1 below; a cell without an invitation is no row, so its answers are in none
            compared = {"contacts": slice(1), "response_rate": slice(1, 2)}.get(metric.name, slice(2))
            assert {member: tuple(both[compared]) for member, both in sums.items()} == {
                member: both[compared] for member, both in told.items()
            }, metric.name
    assert len(cells) > 10


def test_channel_by_reason_has_the_edges_of_every_other_window(simulated):
    (at,) = simulated.execute(
        "select occurred_at from touchpoints where direction = 'inbound' "
        "order by occurred_at offset 900 limit 1"
    ).fetchone()
    edge = timedelta(microseconds=1)
    counts = []
    for as_of in (at - edge, at, at + timedelta(days=1) - edge, at + timedelta(days=1)):
        cells = by_two(simulated, Asked(span="24h", metric="contacts"), as_of)
        counts.append(sum(cell[2] for cell in cells))
        assert counts[-1] == rows_at(simulated, as_of, "24h")["contacts", "all"][0]
    assert (counts[1] - counts[0], counts[3] - counts[2]) == (1, -1)


@pytest.mark.parametrize("as_of", [MIDDLE, END])
def test_with_one_channel_a_cell_is_its_reason_s_reading_value_and_interval_too(con, as_of):
    values = [value for value in SIMULATED if b'"channel":"email"' in value or b'"reopen' in value]
    Store(con).ingest([batch(values)], NOW)
    for metric in METRICS:
        cells = by_two(con, Asked(span="7d", metric=metric.name), as_of)
        assert {channel for channel, *_ in cells} <= {"email"}
        readings = rows_at(con, as_of, "7d", "reason")
        assert {(metric.name, reason): tuple(figures) for _, reason, *figures in cells} == {
            key: figures for key, figures in readings.items() if key[0] == metric.name
        }


def test_a_cell_of_a_small_sample_keeps_its_value_and_one_apart_from_all_says_on_which_side(con):
    survey = lambda n, csat, **data: record(f"{csat}{n}{data}", NOON, "survey", csat=csat, **data)  # noqa: E731
    values = [survey(n, 5, reason="billing") for n in range(100)]
    values += [survey(n, 1, reason="delivery") for n in range(40)]
    values += [survey(n, 1, reason="login", channel="chat") for n in range(29)]
    store = Store(con)
    store.ingest([batch(values)], NOW)
    store.refresh(NOON)
    told = heat(con, Asked(metric="csat"))
    cells = {(each["channel"], each["reason"]): each for each in told["cells"]}
    assert cells["chat", "login"] == {
        "channel": "chat",
        "reason": "login",
        "n": 29,
        "now": None,
        "side": None,
    }
    assert [cells["phone", reason]["side"] for reason in ("billing", "delivery")] == ["above", "below"]
    assert cells["phone", "delivery"]["now"]["denominator"] == 40
    assert [each["member"] for each in told["reasons"]] == ["billing", "delivery", "login"]


@pytest.mark.parametrize("span", SPANS)
def test_the_overview_is_the_readings_of_now_and_of_the_window_before(simulated, span):
    told = overview(simulated, Asked(span=span, by="channel", member="phone"))
    assert [row["metric"] for row in told["rows"]] == [each.name for each in METRICS]
    before = datetime.fromisoformat(told["before"])
    assert datetime.fromisoformat(told["as_of"]) == END
    for moment, name in ((END, "now"), (before, "before")):
        readings = rows_at(simulated, moment, span, "channel")
        for row in told["rows"]:
            assert figures(row[name]) == readings.get((row["metric"], "phone"))
    assert before == END - Asked(span=span).length


def figures(told):
    names = ("numerator", "denominator", "value", "low", "high")
    return told and tuple(Decimal(str(told[n])) if n == "numerator" else told[n] for n in names)


def test_a_change_is_more_than_chance_where_the_intervals_are_apart(con):
    survey = lambda n, at, csat: record(f"{n} {at}", at, "survey", csat=csat)  # noqa: E731
    before, now = NOON - timedelta(hours=1), NOON
    store = Store(con)
    store.ingest(
        [batch([survey(n, before, 5) for n in range(50)] + [survey(n, now, 1) for n in range(50)])], NOW
    )
    store.refresh(NOON)
    row = {each["metric"]: each for each in overview(con, Asked(span="1h"))["rows"]}
    assert (row["csat"]["difference"], row["csat"]["beyond_chance"]) == (-1.0, True)
    assert (row["nps"]["difference"], row["nps"]["beyond_chance"], row["nps"]["now"]) == (None, None, None)
    store.ingest([batch([survey("late", now, 5), survey("later", before, 1)], 100)], NOW)
    store.refresh(NOON)
    row = {each["metric"]: each for each in overview(con, Asked(span="28d"))["rows"]}
    assert (row["csat"]["before"], row["csat"]["beyond_chance"]) == (None, None)


def test_before_the_first_refresh_there_is_nothing_and_no_error(con):
    for told in (
        overview(con, Asked()),
        members(con, Asked(by="reason")),
        heat(con, Asked()),
        effort_against_friendliness(con, Asked(by="reason")),
        History().line(con, Asked()),
    ):
        assert told["as_of"] is None


def test_history_is_metrics_at_at_every_moment_and_what_comes_late_is_in_soon(con, monkeypatch):
    monkeypatch.setattr("pipeline.page_data.history.MOMENTS", MOMENTS)
    store = Store(con)
    store.ingest([batch([record(f"e{n}", NOON - timedelta(hours=6 * n)) for n in range(10)])], NOW)
    store.refresh(NOON + timedelta(minutes=1))
    asked = Asked(span="24h")
    history = History()
    points = history.line(con, asked)["points"]
    assert len(points) == MOMENTS + 1
    assert_is_metrics_at(con, points)
    late = [record(f"late{n}", NOON - timedelta(hours=6 * n + 1), customer_id=f"l{n}") for n in range(6)]
    store.ingest([batch(late, 10)], NOW)
    store.refresh(NOON + timedelta(minutes=2))
    for _ in range(-(-MOMENTS // ASKED_AGAIN)):
        points = history.line(con, asked)["points"]
    assert_is_metrics_at(con, points)


MOMENTS = 5


def assert_is_metrics_at(con, points):
    for point in points:
        readings = rows_at(con, point["at"], "24h")
        assert {name: figures(each) for name, each in point["readings"].items() if each} == {
            metric: reading for (metric, _), reading in readings.items()
        }


def test_members_are_the_largest_the_lowest_or_those_looked_for_and_how_many_there_are(con):
    values = [
        record(f"{agent} {n}", NOON, "survey", csat=5 if n < agent else 1, agent_id=f"Agent {agent}")
        for agent in range(60)
        for n in range(30 if agent else 2)
    ]
    store = Store(con)
    store.ingest([batch(values)], NOW)
    store.refresh(NOON)
    told = members(con, Asked(by="agent"))
    assert (len(told["rows"]), told["found"], told["all"]) == (MOST, 60, 60)
    assert all(row["now"]["denominator"] == 30 for row in told["rows"])
    lowest = members(con, Asked(by="agent", order="lowest"))
    assert (lowest["found"], lowest["rows"][0]["member"]) == (59, "Agent 1"), "Agent 0 has 2 answers"
    found = members(con, Asked(by="agent", find="gENT 5"))
    assert {row["member"] for row in found["rows"]} == {"Agent 5", *(f"Agent 5{n}" for n in range(10))}
    assert members(con, Asked(by="agent", find="%"))["found"] == 0


def test_who_is_friendly_but_laborious_stands_in_the_corner_and_small_samples_are_withheld(con):
    values = []
    for reason, n, effort, friendliness in (
        ("kind forms", 40, 2, 5),
        ("easy", 60, 7, 5),
        ("gruff forms", 40, 1, 1),
        ("few", 29, 1, 5),
        ("only effort", 90, 7, None),
    ):
        values += [
            record(f"{reason}{i}", NOON, "survey", reason=reason, effort=effort, friendliness=friendliness)
            for i in range(n)
        ]
    store = Store(con)
    store.ingest([batch(values)], NOW)
    store.refresh(NOON)
    told = effort_against_friendliness(con, Asked(by="reason"))
    found = {each["member"]: each for each in told["members"]}
    assert set(found) == {"kind forms", "easy", "gruff forms"}
    assert (told["withheld"], told["unplotted"]) == (2, 0)
    assert [name for name, each in found.items() if each["corner"]] == ["kind forms"]
    assert found["kind forms"]["beyond_chance"] is True
    assert found["kind forms"]["solved"] is None


MARK = "customer-4711"
BROKEN = [
    *({"data": {"customer_id": "c1", "contact_id": "t", "channel": "phone", name: bad}} for name, bad in (
        ("customer_id", [MARK]),
        ("channel", MARK),
        ("channel", f"{MARK} is none of us"),
        ("direction", MARK),
        ("wait_s", MARK),
        ("reason", {"of": MARK}),
        ("stage", MARK),
    )),
    {"time": MARK},
    {"type": MARK},
    {"id": {"is": MARK}},
    {"data": MARK},
]  # fmt: skip


def test_a_rejection_s_example_says_what_is_wrong_and_never_what_stood_there(con):
    whole = json.loads(record("e"))
    values = [json.dumps(whole | part).encode() for part in BROKEN]
    values += [f'{{"{MARK}": {MARK}}}'.encode(), b'"' + MARK.encode() + b'"', MARK.encode() + b"\xff"]
    told = []
    for start, value in enumerate(values):
        Store(emptied(con)).ingest([batch([value], start)], NOW)
        (example,) = intake(con)["examples"]
        assert con.execute("select count(*) from rejections").fetchall() == [(1,)]
        told.append(example)
    assert MARK not in json.dumps(told)
    assert "4711" not in json.dumps(told)
    details = [each["detail"] for each in told]
    assert details[0] == "data.customer_id: what stood there is not a string"
    assert (
        details[1]
        == details[2]
        == "data.channel: what stood there is none of phone, email, chat, social, in_person, forum"
    )
    assert details[7].startswith("time: what stood there is no RFC 3339 time")


def test_most_examples_of_invalid_events_keep_a_detail(con):
    values = [path.read_bytes() for path in sorted(EXAMPLES.iterdir())]
    Store(con).ingest([batch(values)], NOW)
    told = con.execute("select detail from rejections").fetchall()
    from pipeline.page_data.intake import without_contents

    kept = [detail for (detail,) in told if without_contents(detail)]
    assert len(kept) > len(told) * 0.7, [detail for (detail,) in told if not without_contents(detail)]


@pytest.mark.parametrize(
    "query",
    [{"span": "8d"}, {"by": "customer_id"}, {"metric": "joy"}, {"order": "me"}, {"find": "x" * 101}],
)
def test_a_question_that_makes_no_sense_is_refused(query):
    with pytest.raises(InputError, match=next(iter(query))):
        asked_of(query)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_an_answer_is_computed_once_for_all_who_watch_and_no_oftener_than_it_costs():
    clock, computed = Clock(), []

    async def compute():
        computed.append(clock.now)
        await asyncio.sleep(0)
        clock.now += 1
        return b"%d" % len(computed), 0.5

    async def watching():
        answers = Shared(duty=0.05, clock=clock)
        ask = lambda version: answers.answer("view", version, compute)  # noqa: E731
        assert await asyncio.gather(*(ask(1) for _ in range(20))) == [b"1"] * 20
        assert await ask(2) == b"1", "too soon for anybody to read"
        clock.now += LEAST_AGE_S
        assert await ask(2) == b"2"
        clock.now += 9.9
        assert await ask(3) == b"2", "it has had its share of the time"
        clock.now += 0.2
        assert await ask(2) == b"2", "nothing is new"
        assert await ask(3) == b"3"

    asyncio.run(watching())
    assert len(computed) == 3


def test_a_failed_answer_is_an_error_to_who_asked_and_tried_again_by_the_next():
    outcomes = iter([ValueError("boom"), b"well"])

    async def compute():
        if isinstance(outcome := next(outcomes), Exception):
            raise outcome
        return outcome, 0.1

    async def asking():
        answers = Shared()
        with pytest.raises(ValueError, match="boom"):
            await answers.answer("view", 1, compute)
        assert await answers.answer("view", 1, compute) == b"well"

    asyncio.run(asking())


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[ServedPage]:
    path = tmp_path_factory.mktemp("served") / "x.duckdb"
    with new_store(path, Definitions()) as store:
        store.ingest([batch(SIMULATED)], NOW)
        with ServedPage(store, path) as page:
            page.refresh(END)
            yield page


def answered(page: ServedPage, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    request = Request(  # noqa: S310 - the loopback
        page.url + path, method=method, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - the loopback
            return answer.status, answer.read(5000)
    except HTTPError as error:
        return error.code, error.read()


DATA = (
    *("overview", "members", "history", "heat", "effort", "intake", "alerts", "definitions", "quality"),
    "updates",
)


@pytest.mark.parametrize("name", DATA)
def test_only_the_page_itself_may_read_its_data(served, name):
    for headers in (
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": f"http://127.0.0.1:{served.port + 1}"},
        {"Host": "evil.example"},
    ):
        assert answered(served, f"data/{name}", **headers)[0] == 403, headers
    if name != "updates":
        own = {"Sec_Fetch_Site": "same-origin", "Origin": served.url.rstrip("/")}
        assert answered(served, f"data/{name}", **own)[0] == 200


def test_another_site_s_page_cannot_start_a_check(served):
    assert answered(served, "data/quality", "POST", Origin="http://evil.example")[0] == 403


@pytest.mark.parametrize(
    "path", ["page/../cli.py", "page/%2e%2e/cli.py", "page//etc/passwd", "page/", "page/nothing.js"]
)
def test_no_file_but_the_page_s_own_can_be_read(served, path):
    assert answered(served, path)[0] == 404


def test_every_figure_is_told_with_headers_that_keep_it_here(served):
    with urlopen(f"{served.url}data/overview", timeout=10) as answer:  # noqa: S310 - the loopback
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Access-Control-Allow-Origin" not in headers


def test_no_answer_names_a_customer(served):
    customers = {
        json.loads(value)["data"]["customer_id"]
        for value in SIMULATED
        if b'"customer_id":"' in value and value.endswith(b"}}")
    }
    assert len(customers) > 100
    for name in DATA[:-1]:
        for query in ("", "?by=agent"):
            text = answered(served, f"data/{name}{query}")[1].decode()
            assert not [each for each in customers if f'"{each}"' in text]


def test_who_asks_a_worker_that_is_ending_hears_so(tmp_path):
    async def ask_at_the_end(store):
        page = Page(store, dict, lambda: None, lambda: NOW)
        [view] = [route.handler for route in page.routes() if route.path == "/data/overview"]
        await page.end(web.Application())
        await view(make_mocked_request("GET", "/data/overview"))

    with new_store(tmp_path / "x.duckdb") as store, pytest.raises(web.HTTPServiceUnavailable):
        asyncio.run(ask_at_the_end(store))
