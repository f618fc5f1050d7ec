"""The published figures of two real exports, from file to report through every step of `firsthand`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from deliveries import NOW, new_store

from pipeline.audit import audit
from pipeline.database import open_reader
from pipeline.importing import import_events
from pipeline.mapping import load_mapping
from pipeline.replay import read_lines, replay
from pipeline.report import Reading, report

DATA = Path(__file__).parents[2] / "shared" / "data"
PWC = DATA / "pwc"
ECOMMERCE = DATA / "ecommerce" / "customer_support_4911.csv"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the published data sets are not in {DATA}; they are not part of the project"
)
MICROSECOND = timedelta(microseconds=1)
MARCH_ENDS = datetime(2021, 4, 1, tzinfo=UTC) - MICROSECOND
JANUARY_ENDS = datetime(2021, 2, 1, tzinfo=UTC) - MICROSECOND
WEEK = timedelta(days=7)

Table = dict[tuple[str, str], Reading]


def imported(file: Path, mapping: str, folder: Path) -> Path:
    """`firsthand import FILE --to events.jsonl` and `firsthand replay events.jsonl --db x.duckdb`."""
    events = folder / "events.jsonl"
    with events.open("wb") as out:
        out.writelines(each.value + b"\n" for each in import_events(file, load_mapping(mapping)))
    with new_store(folder / "x.duckdb") as store:
        replay(store, read_lines(events), NOW)
    return folder / "x.duckdb"


@pytest.fixture(
    scope="module", params=["call_center_dataset.csv", "Call-Center-Dataset.xlsx"], ids=["csv", "xlsx"]
)
def pwc(request, tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_reader(imported(PWC / request.param, "pwc", tmp_path_factory.mktemp("pwc"))) as con:
        yield con


@pytest.fixture(scope="module")
def ecommerce(tmp_path_factory) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_reader(imported(ECOMMERCE, "ecommerce", tmp_path_factory.mktemp("ecommerce"))) as con:
        yield con


def table(con: duckdb.DuckDBPyConnection, as_of: datetime | None, span: str, by: str = "all") -> Table:
    return {(each.metric, each.member): each for each in report(con, as_of, span, by)}


def fraction(reading: Reading) -> str:
    return f"{reading.numerator.normalize():f}/{reading.denominator}"


def digits(reading: Reading, number: int) -> str:
    return f"{reading.value:.{number}f}"


def test_every_row_becomes_events_and_all_are_accepted(pwc):
    assert audit(pwc).faults == ()
    total = audit(pwc).total
    assert (total.accepted, total.rejected, total.duplicates) == (9054, 0, 0)
    assert pwc.execute("select type, count(*) from touchpoints group by all order by all").fetchall() == [
        ("touchpoint.contact.v1", 5000),
        ("touchpoint.survey.v1", 4054),
    ]


@pytest.mark.parametrize("as_of", [None, MARCH_ENDS], ids=["the last event", "the end of March"])
def test_pwc_overall(pwc, as_of):
    """Without a moment the report is of the last event: 400 days before it hold all three months."""
    found = {metric: reading for (metric, _), reading in table(pwc, as_of, "400d").items()}
    assert fraction(found["contacts"]) == "5000/1"
    assert (fraction(found["abandonment"]), digits(found["abandonment"], 4)) == ("946/5000", "0.1892")
    assert f"{1 - found['abandonment'].value:.4f}" == "0.8108"
    assert (fraction(found["fcr"]), digits(found["fcr"], 4)) == ("3646/4054", "0.8994")
    assert f"{found['fcr'].numerator / found['contacts'].numerator:.4f}" == "0.7292"
    assert (digits(found["wait_mean"], 2), found["wait_mean"].denominator) == ("67.52", 4054)
    assert (fraction(found["csat"]), digits(found["csat"], 4)) == ("2023/4054", "0.4990")
    assert (digits(found["csat_mean"], 4), found["csat_mean"].denominator) == ("3.4036", 4054)
    assert f"{found['wait_mean'].numerator / found['contacts'].numerator:.2f}" == "54.75"  # the wrong answer


def test_pwc_settled_resolution_is_the_same_once_the_follow_up_has_passed(pwc):
    found = table(pwc, MARCH_ENDS + WEEK, "400d")
    assert fraction(found["fcr_settled", "all"]) == "3646/4054"
    early = table(pwc, MARCH_ENDS, "400d")
    assert early["fcr_settled", "all"].denominator < early["fcr", "all"].denominator == 4054


def test_pwc_january(pwc):
    found = table(pwc, JANUARY_ENDS, "31d")
    assert fraction(found["contacts", "all"]) == "1772/1"
    assert digits(found["csat_mean", "all"], 2) == "3.45"


AGENTS = {
    "Becky": (517, "0.5048", "3.371", "0.8936"),
    "Dan": (523, "0.4990", "3.447", "0.9006"),
    "Diane": (501, "0.4910", "3.405", "0.9022"),
    "Greg": (502, "0.4801", "3.404", "0.9064"),
    "Jim": (536, "0.5000", "3.394", "0.9049"),
    "Joe": (484, "0.4752", "3.331", "0.9008"),
    "Martha": (514, "0.5272", "3.471", "0.8969"),
    "Stewart": (477, "0.5136", "3.400", "0.8889"),
}


def test_pwc_by_agent(pwc):
    found = table(pwc, None, "400d", "agent")
    assert {member for _, member in found} == set(AGENTS)
    assert {
        agent: (
            found["csat", agent].denominator,
            digits(found["csat", agent], 4),
            digits(found["csat_mean", agent], 3),
            digits(found["fcr", agent], 4),
        )
        for agent in AGENTS
    } == AGENTS
    assert all(found["fcr", agent].denominator == AGENTS[agent][0] for agent in AGENTS)


TOPICS = {
    "Admin Support": ("0.4881", "0.9094"),
    "Contract related": ("0.5032", "0.8986"),
    "Payment related": ("0.5098", "0.8912"),
    "Streaming": ("0.4923", "0.8843"),
    "Technical Support": ("0.5019", "0.9143"),
}


def test_pwc_by_topic(pwc):
    found = table(pwc, None, "400d", "reason")
    assert {member for _, member in found} == set(TOPICS)
    assert {
        topic: (digits(found["csat", topic], 4), digits(found["fcr", topic], 4)) for topic in TOPICS
    } == TOPICS


def test_ecommerce_overall_and_by_channel_name(ecommerce):
    total = audit(ecommerce).total
    assert (total.consumed, total.accepted) == (4911, 4911)
    found = table(ecommerce, None, "400d")
    assert (digits(found["csat", "all"], 4), found["csat", "all"].denominator) == ("0.8082", 4911)
    assert digits(found["csat_mean", "all"], 3) == "4.187"
    assert {metric for metric, _ in found} == {"csat", "csat_mean"}
    by_name = table(ecommerce, None, "400d", "segment")
    assert {
        member: (digits(reading, 4), reading.denominator)
        for (metric, member), reading in by_name.items()
        if metric == "csat"
    } == {"Inbound": ("0.8141", 3813), "Outcall": ("0.7969", 965), "Email": ("0.7218", 133)}


def test_ecommerce_channels_agents_and_teams_add_up(ecommerce):
    whole = table(ecommerce, None, "400d")["csat", "all"]
    for by in ("channel", "agent", "team", "reason"):
        parts = [each for (metric, _), each in table(ecommerce, None, "400d", by).items() if metric == "csat"]
        assert sum(each.denominator for each in parts) == whole.denominator
        assert sum((each.numerator for each in parts), Decimal()) == whole.numerator
