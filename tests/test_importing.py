"""An export becomes events that the contract accepts, as its mapping says, or an error that says where."""

import gzip
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft202012Validator

from pipeline import exports, mapping
from pipeline.errors import InputError
from pipeline.fields import FIELDS, TYPES
from pipeline.importing import ImportedEvent, import_events
from pipeline.judge import Touchpoint, judge
from pipeline.mapping import Mapping, load_mapping
from pipeline.mappings import cells, local_time
from schemas import registry, schema

ROOT = Path(__file__).parents[1]
DATA = ROOT.parent / "shared" / "data"
DOCS = ROOT / "docs" / "importing.md"
SCHEMA = Draft202012Validator(schema(), registry=registry())

PWC_CSV = DATA / "pwc" / "call_center_dataset.csv"
PWC_XLSX = DATA / "pwc" / "Call-Center-Dataset.xlsx"
ECOMMERCE = DATA / "ecommerce" / "customer_support_4911.csv"
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the published data sets are not in {DATA}; they are not part of the project"
)

Event = dict[str, Any]


def decoded(events: Iterable[ImportedEvent]) -> list[Event]:
    """The events as objects, after the judge has accepted each; the slow JSON Schemas see some of many."""
    found: list[Event] = []
    for key, value in events:
        event = json.loads(value)
        assert isinstance(judge(value, None), Touchpoint), value
        assert len(found) % 50 or SCHEMA.is_valid(event), value
        assert key.decode() == event["data"]["customer_id"]
        found.append(event)
    return found


def share(part: int, whole: int, digits: int = 4) -> str:
    return f"{part / whole:.{digits}f}".lstrip("0")


# --- published figures: PwC ---


@pytest.fixture(scope="module", params=[PWC_CSV, PWC_XLSX], ids=["csv", "xlsx"])
def pwc(request: pytest.FixtureRequest) -> list[Event]:
    return decoded(import_events(request.param, load_mapping("pwc")))


def contacts_of(events: list[Event]) -> dict[str, Event]:
    return {e["data"]["contact_id"]: e["data"] for e in events if e["type"] == "touchpoint.contact.v1"}


def surveys_of(events: list[Event]) -> list[Event]:
    """Each survey with what it takes from its contact."""
    contacts = contacts_of(events)
    surveys = [e["data"] for e in events if e["type"] == "touchpoint.survey.v1"]
    return [{**contacts.get(survey.get("contact_id"), {}), **survey} for survey in surveys]


def grouped(rows: Iterable[Event], by: str) -> dict[str, list[Event]]:
    groups: dict[str, list[Event]] = defaultdict(list)
    for row in rows:
        groups[row[by]].append(row)
    return dict(sorted(groups.items()))


def satisfied(surveys: list[Event]) -> int:
    return sum(survey["csat"] >= 4 for survey in surveys)


def mean_csat(surveys: list[Event]) -> float:
    return sum(survey["csat"] for survey in surveys) / len(surveys)


def answered(rows: Iterable[Event]) -> list[Event]:
    return [row for row in rows if row["outcome"] != "abandoned"]


def resolved(rows: Iterable[Event]) -> int:
    return sum(row["outcome"] == "resolved" for row in rows)


@needs_data
def test_pwc_gives_the_published_calls_waits_and_resolution(pwc: list[Event]) -> None:
    calls = list(contacts_of(pwc).values())
    taken = answered(calls)
    assert (len(calls), len(taken), resolved(calls)) == (5000, 4054, 3646)
    assert (share(4054, 5000), share(3646, 5000), share(3646, 4054)) == (".8108", ".7292", ".8994")
    waits = [call["wait_s"] for call in calls if "wait_s" in call]
    assert len(waits) == 4054
    assert f"{sum(waits) / len(waits):.2f}" == "67.52"
    assert {(call["channel"], call["direction"]) for call in calls} == {("phone", "inbound")}
    assert {call["outcome"] for call in taken} == {"resolved", "unresolved"}
    assert all("wait_s" in call and "handle_s" in call for call in taken)


@needs_data
def test_pwc_calls_are_customers_of_their_own_so_that_resolution_is_what_the_export_says(
    pwc: list[Event],
) -> None:
    assert len({call["customer_id"] for call in contacts_of(pwc).values()}) == 5000
    assert len({(event["source"], event["id"], event["time"]) for event in pwc}) == len(pwc) == 9054


@needs_data
def test_pwc_gives_the_published_satisfaction(pwc: list[Event]) -> None:
    surveys = surveys_of(pwc)
    assert (satisfied(surveys), len(surveys)) == (2023, 4054)
    assert (share(2023, 4054), f"{mean_csat(surveys):.4f}") == (".4990", "3.4036")


@needs_data
def test_pwc_gives_the_published_january(pwc: list[Event]) -> None:
    january = [event for event in pwc if event["time"].startswith("2021-01")]
    assert len(contacts_of(january)) == 1772
    assert f"{mean_csat(surveys_of(january)):.2f}" == "3.45"


PWC_AGENTS = {
    "Becky": (517, ".5048", "3.371", ".8936"),
    "Dan": (523, ".4990", "3.447", ".9006"),
    "Diane": (501, ".4910", "3.405", ".9022"),
    "Greg": (502, ".4801", "3.404", ".9064"),
    "Jim": (536, ".5000", "3.394", ".9049"),
    "Joe": (484, ".4752", "3.331", ".9008"),
    "Martha": (514, ".5272", "3.471", ".8969"),
    "Stewart": (477, ".5136", "3.400", ".8889"),
}


@needs_data
def test_pwc_gives_the_published_figures_of_each_agent(pwc: list[Event]) -> None:
    calls = grouped(answered(contacts_of(pwc).values()), "agent_id")
    surveys = grouped(surveys_of(pwc), "agent_id")
    found = {
        agent: (
            len(taken),
            share(satisfied(surveys[agent]), len(surveys[agent])),
            f"{mean_csat(surveys[agent]):.3f}",
            share(resolved(taken), len(taken)),
        )
        for agent, taken in calls.items()
    }
    assert found == PWC_AGENTS


PWC_TOPICS = {
    "Admin Support": (".4881", ".9094"),
    "Contract related": (".5032", ".8986"),
    "Payment related": (".5098", ".8912"),
    "Streaming": (".4923", ".8843"),
    "Technical Support": (".5019", ".9143"),
}


@needs_data
def test_pwc_gives_the_published_figures_of_each_topic(pwc: list[Event]) -> None:
    calls = grouped(answered(contacts_of(pwc).values()), "reason")
    surveys = grouped(surveys_of(pwc), "reason")
    found = {
        topic: (share(satisfied(surveys[topic]), len(surveys[topic])), share(resolved(taken), len(taken)))
        for topic, taken in calls.items()
    }
    assert found == PWC_TOPICS


@needs_data
def test_the_workbook_and_the_csv_of_pwc_give_the_same_bytes() -> None:
    pwc = load_mapping("pwc")
    assert list(import_events(PWC_CSV, pwc)) == list(import_events(PWC_XLSX, pwc))


# --- published figures: e-commerce ---


@needs_data
def test_ecommerce_gives_the_published_satisfaction_overall_and_by_channel_name() -> None:
    events = decoded(import_events(ECOMMERCE, load_mapping("ecommerce")))
    surveys = surveys_of(events)
    assert {event["type"] for event in events} == {"touchpoint.survey.v1"}
    assert (len(surveys), share(satisfied(surveys), len(surveys))) == (4911, ".8082")
    assert f"{mean_csat(surveys):.3f}" == "4.187"
    found = {
        name: (len(rows), share(satisfied(rows), len(rows)), {row["channel"] for row in rows})
        for name, rows in grouped(surveys, "segment").items()
    }
    assert found == {
        "Email": (133, ".7218", {"email"}),
        "Inbound": (3813, ".8141", {"phone"}),
        "Outcall": (965, ".7969", {"phone"}),
    }


@needs_data
def test_ecommerce_keeps_remarks_reasons_and_people() -> None:
    surveys = {e["id"]: e for e in decoded(import_events(ECOMMERCE, load_mapping("ecommerce")))}
    one = surveys["903d7622-8bca-42c9-b846-6461f5ec8c0e"]
    assert one["time"] == "2023-08-02T12:04:00Z"
    assert one["data"]["reason"] == "Returns / Exchange / Replacement"
    assert (one["data"]["agent_id"], one["data"]["team"]) == ("Kerry Austin", "Ava Wong")
    assert 'as I clicked "Reject" by mistake' in one["data"]["comment"]
    assert sum("comment" in survey["data"] for survey in surveys.values()) == 4911 - 3287


# --- small exports ---

COLUMNS = ("Id", "At", "Customer", "Rating")
ROW = {"Id": "007", "At": "2026-01-30T09:12:00Z", "Customer": "C-9", "Rating": "4"}
SURVEY = """\
source: desk
zone: UTC
events:
  - type: touchpoint.survey.v1
    id: "{Id}"
    time: {column: At, formats: [iso]}
    data:
      customer_id: {column: Customer}
      channel: {constant: phone}
      csat: {column: Rating}
"""
CONTACT = """\
source: desk
zone: UTC
events:
  - type: touchpoint.contact.v1
    id: "{Id}"
    time: {column: At, formats: [iso]}
    data:
      customer_id: {column: Customer}
      contact_id: {column: Id}
      channel: {constant: phone}
"""
EXPECTED = {
    "specversion": "1.0",
    "id": "007",
    "source": "desk",
    "type": "touchpoint.survey.v1",
    "time": "2026-01-30T09:12:00Z",
    "data": {"customer_id": "C-9", "channel": "phone", "csat": 4},
}


class Desk:
    """A help desk in a temporary folder: its mapping, its exports, and what they become."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def mapping(self, text: str) -> Mapping:
        file = self.folder / "desk.yaml"
        file.write_text(text, encoding="utf-8")
        return load_mapping(file)

    def file(self, name: str, content: str | bytes) -> Path:
        file = self.folder / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    def jsonl(self, *rows: Event) -> Path:
        return self.file("rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))

    def parquet(self, **columns: Any) -> Path:
        file = self.folder / "rows.parquet"
        pq.write_table(pa.table(columns), file)
        return file

    def workbook(self, *rows: Iterable[Any]) -> Path:
        file = self.folder / "rows.xlsx"
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(list(row))
        book.save(file)
        return file

    def read(self, file: Path, text: str = SURVEY) -> list[Event]:
        return decoded(import_events(file, self.mapping(text)))

    def failure(self, file: Path, text: str = SURVEY) -> str:
        with pytest.raises(InputError) as raised:
            list(import_events(file, self.mapping(text)))
        assert "\n" not in str(raised.value)
        return str(raised.value)

    def value(self, field: str, rule: str, cell: object) -> Any:
        """What a contact's or a survey's `field` becomes from column V."""
        text = CONTACT if any(f.name == field and f.read_by == (TYPES[0],) for f in FIELDS) else SURVEY
        rows = self.jsonl({**ROW, "V": cell})
        return self.read(rows, f"{text}      {field}: {rule}\n")[0]["data"].get(field)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


CSV = "Id,At,Customer,Rating\n007,2026-01-30T09:12:00Z,C-9,4\n"

FORMATS: dict[str, Callable[[Desk], Path]] = {
    ".csv": lambda desk: desk.file("rows.csv", CSV),
    ".csv with mark and CRLF": lambda desk: desk.file("rows.csv", "\ufeff" + CSV.replace("\n", "\r\n")),
    ".CSV.GZ": lambda desk: desk.file("rows.CSV.GZ", gzip.compress(CSV.encode())),
    ".jsonl": lambda desk: desk.jsonl({**ROW, "Rating": 4}),
    ".jsonl.gz": lambda desk: desk.file("rows.jsonl.gz", gzip.compress(json.dumps(ROW).encode())),
    ".xlsx": lambda desk: desk.workbook(COLUMNS, ("007", datetime(2026, 1, 30, 9, 12), "C-9", 4)),  # noqa: DTZ001
    ".parquet text": lambda desk: desk.parquet(**{name: [ROW[name]] for name in COLUMNS}),
    ".parquet typed": lambda desk: desk.parquet(
        Id=["007"], At=[datetime(2026, 1, 30, 9, 12, tzinfo=UTC)], Customer=["C-9"], Rating=[4.0]
    ),
}


@pytest.mark.parametrize("make", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_event(desk: Desk, make: Callable[[Desk], Path]) -> None:
    assert desk.read(make(desk)) == [EXPECTED]


def test_events_are_compact_utf8_and_keyed_by_customer(desk: Desk) -> None:
    rows = desk.jsonl({**ROW, "Customer": "Zoë"})
    (event,) = import_events(rows, desk.mapping(SURVEY))
    assert event.key == "Zoë".encode()
    assert event.value.startswith(b'{"specversion":"1.0","id":"007",')
    assert '"customer_id":"Zoë"'.encode() in event.value


def test_an_export_without_rows_yields_no_event(desk: Desk) -> None:
    assert desk.read(desk.file("rows.csv", "Id,At,Customer,Rating\n")) == []


def test_quoted_cells_may_span_lines_and_hold_delimiters(desk: Desk) -> None:
    head = "Id;At;Customer;Rating;Remark\n"
    rows = head + '1;2026-01-30T09:12:00Z;C;5;"two\nlines; ""quoted"""\n\n2;2026-01-30T09:12:00Z;C;9;\n'
    text = SURVEY.replace("zone:", 'delimiter: ";"\nzone:') + "      comment: {column: Remark}\n"
    events = import_events(desk.file("rows.csv", rows), desk.mapping(text))
    assert json.loads(next(iter(events)).value)["data"]["comment"] == 'two\nlines; "quoted"'
    with pytest.raises(InputError, match=r"line 5: column 'Rating', csat of .*: '9' is outside 1 to 5"):
        list(events)


def test_loose_quotes_take_escaped_and_stray_quotes_as_text_line_by_line(desk: Desk) -> None:
    start = ",2026-01-30T09:12:00Z,C,5,"
    lines = [r'1S"say \"no\", please"', 'S"a "stray" one"', r'3S"C:\\"', 'S"never closed', r"5Sdon\u2019t"]
    rows = "Id,At,Customer,Rating,Remark\n" + "\n".join(lines).replace("S", start)
    text = SURVEY.replace("zone:", "quotes: loose\nzone:") + "      comment: {column: Remark}\n"
    text = text.replace('"{Id}"', '"{Remark}"')
    comments = [e["data"]["comment"] for e in desk.read(desk.file("rows.csv", rows), text)]
    assert comments == ['say "no", please', 'a stray" one"', "C:\\", "never closed", r"don\u2019t"]


def test_a_csv_in_another_encoding_is_read_as_its_mapping_says(desk: Desk) -> None:
    file = desk.file("rows.csv", CSV.replace("C-9", "Zoë").encode("cp1252"))
    assert "is not utf-8 text; save it as UTF-8 or, if a CSV, say its `encoding:`" in desk.failure(file)
    assert desk.read(file, "encoding: cp1252\n" + SURVEY)[0]["data"]["customer_id"] == "Zoë"


def test_nested_fields_are_columns_with_dots(desk: Desk) -> None:
    text = SURVEY.replace("column: Customer", "column: who.id")
    row = {name: ROW[name] for name in ("Id", "At", "Rating")}
    assert (
        desk.read(desk.jsonl({**row, "who": {"id": 12345678901234567890}}), text)[0]["data"]["customer_id"]
        == "12345678901234567890"
    )
    nested = desk.parquet(**{name: [value] for name, value in row.items()}, who=[{"id": 7, "name": "x"}])
    assert desk.read(nested, text)[0]["data"]["customer_id"] == "7"


def test_numbers_of_json_lines_come_out_as_they_are_written(desk: Desk) -> None:
    text = SURVEY.replace("{column: Customer}", "{template: '{Customer}/{Long}'}")
    line = (
        json.dumps({**ROW, "Customer": 0, "Long": 1}).replace(": 0", ": 3.10").replace(": 1", ": " + "9" * 25)
    )
    assert desk.read(desk.file("rows.jsonl", line), text)[0]["data"]["customer_id"] == "3.10/" + "9" * 25
    line = json.dumps({**ROW, "Customer": 0}).replace(": 0", ": " + "9" * 5000)
    assert "has 5000 characters; 1 to 128 are allowed" in desk.failure(desk.file("rows.jsonl", line))


def test_what_is_no_number_in_a_typed_file_is_an_empty_cell(desk: Desk) -> None:
    nobody = desk.parquet(**{name: [ROW[name]] for name in COLUMNS[:3]}, Rating=[float("nan")])
    assert "a survey without an answer" in desk.failure(nobody)


def test_parquet_types_become_text_or_times_without_loss(desk: Desk) -> None:
    text = CONTACT.replace("id: {column: Customer}", 'id: {template: "{Big}/{Price}/{Flag}/{Day}/{Float}"}')
    rows = desk.parquet(
        Id=pa.array([7, None], pa.int64()).slice(0, 1),
        At=pa.array([1769764320123456789], pa.timestamp("ns")),
        Big=[9007199254740993],
        Price=[Decimal("3.10")],
        Flag=[True],
        Day=[date(2026, 1, 31)],
        Float=[0.00001],
        Waited=pa.array([90_500_000_001], pa.duration("ns")),
    )
    (event,) = desk.read(rows, text + "      wait_s: {column: Waited}\n")
    assert event["time"] == "2026-01-30T09:12:00.123456Z"
    assert event["data"]["customer_id"] == "9007199254740993/3.10/true/2026-01-31/0.00001"
    assert event["data"]["wait_s"] == 90.5


def test_parquet_is_read_in_batches_with_rows_counted_through(desk: Desk) -> None:
    size = exports.parquet.BATCH_ROWS + 1
    columns = {name: [ROW[name]] * size for name in COLUMNS} | {"Id": [str(n) for n in range(size)]}
    assert len(desk.read(desk.parquet(**columns))) == size
    columns["Rating"][-1] = "6"
    assert f"row {size}: column 'Rating'" in desk.failure(desk.parquet(**columns))


# --- time ---


@pytest.mark.parametrize(
    ("formats", "cell", "expected"),
    [
        ("[iso]", "2026-07-01 09:12", "2026-07-01T07:12:00Z"),
        ("[iso]", "2026-07-01T09:12:00-05:00", "2026-07-01T14:12:00Z"),
        ("['%d/%m/%Y %H:%M', '%d/%m/%Y']", "31/01/2026", "2026-01-30T23:00:00Z"),
        ("['%d-%b-%y %I:%M %p']", "01-Aug-23 09:05 PM", "2023-08-01T19:05:00Z"),
        ("['%Y-%m-%dT%H:%M%z']", "2026-01-31T09:12+0000", "2026-01-31T09:12:00Z"),
        ("[excel]", "44197.384", "2021-01-01T08:12:57.600000Z"),
        ("[unix]", "1769764320.5", "2026-01-30T09:12:00.500000Z"),
        ("[unix_ms]", "1769764320500", "2026-01-30T09:12:00.500000Z"),
    ],
)
def test_times_are_read_in_their_format_and_zone(desk: Desk, formats: str, cell: str, expected: str) -> None:
    text = SURVEY.replace("[iso]", formats).replace("UTC", "Europe/Zurich")
    assert desk.read(desk.jsonl({**ROW, "At": cell}), text)[0]["time"] == expected


JOINED = SURVEY.replace(
    "{column: At, formats: [iso]}", "{columns: [Day, Clock], formats: ['%d.%m.%Y %H:%M:%S']}"
)


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        ("31.01.2026", "09:12:58"),
        ("31.01.2026", time(9, 12, 58)),
        (datetime(2026, 1, 31), time(9, 12, 58)),  # noqa: DTZ001
        (date(2026, 1, 31), "09:12:58"),
    ],
)
def test_a_day_and_a_time_of_day_are_joined_whether_text_or_real(desk: Desk, day: Any, clock: Any) -> None:
    rows = desk.workbook(("Id", "Day", "Clock", "Customer", "Rating"), ("7", day, clock, "C", 4))
    assert desk.read(rows, JOINED)[0]["time"] == "2026-01-31T09:12:58Z"


def test_a_clock_put_back_stops_the_import_unless_the_mapping_says_which_hour(desk: Desk) -> None:
    rows = desk.jsonl({**ROW, "At": "2026-10-25 02:30"})
    zurich = SURVEY.replace("UTC", "Europe/Zurich")
    assert "was twice in Europe/Zurich" in desk.failure(rows, zurich)
    assert desk.read(rows, zurich + "ambiguous: earlier\n")[0]["time"] == "2026-10-25T00:30:00Z"
    assert desk.read(rows, zurich + "ambiguous: later\n")[0]["time"] == "2026-10-25T01:30:00Z"


@pytest.mark.parametrize(
    ("cell", "formats", "message"),
    [
        ("2026-03-29 02:30", "[iso]", "never was in Europe/Zurich: the clocks were put forward"),
        ("2026-02-30", "[iso, '%d.%m.%Y']", "'2026-02-30' fits none of the formats iso, %d.%m.%Y"),
        ("60", "[excel]", "fits none of the formats excel"),
        ("yesterday", "[unix]", "fits none of the formats unix"),
        ("0001-01-01", "[iso]", "outside the years"),
        ("1" * 30, "[unix]", "outside the years"),
        ("", "[iso]", "column 'At': empty, and touchpoint.survey.v1 needs its time"),
    ],
)
def test_a_time_that_cannot_be_meant_is_an_error(desk: Desk, cell: str, formats: str, message: str) -> None:
    text = SURVEY.replace("[iso]", formats).replace("UTC", "Europe/Zurich")
    assert message in desk.failure(desk.jsonl({**ROW, "At": cell}), text)


def test_a_time_of_day_alone_is_no_time(desk: Desk) -> None:
    rows = desk.workbook(COLUMNS, ("7", time(9, 12), "C", 4))
    assert "is a time without a day" in desk.failure(rows)


# --- fields ---


@pytest.mark.parametrize(
    ("field", "rule", "cell", "expected"),
    [
        ("wait_s", "{column: V}", "67.5204", 67.52),
        ("wait_s", "{column: V, unit: minutes}", "1.5", 90),
        ("wait_s", "{column: V, unit: milliseconds}", 1234, 1.234),
        ("wait_s", "{column: V, unit: hours}", "0.5", 1800),
        ("handle_s", "{column: V, unit: 'h:mm:ss'}", "100:02:23.5", 360143.5),
        ("handle_s", "{column: V, unit: 'h:mm'}", "0:02", 120),
        ("handle_s", "{column: V, unit: 'm:ss'}", "90:05", 5405),
        ("wait_s", "{column: V}", "", None),
        ("effort", "{column: V}", "7.0", 7),
        ("nps", "{column: V}", 0, 0),
        ("resolved", "{column: V}", "FALSE", False),
        ("resolved", "{column: V}", True, True),
        ("resolved", "{column: V, values: {Yes: true, No: false, '?': null}}", "Yes", True),
        ("resolved", "{column: V, values: {Yes: true, No: false, '?': null}}", "?", None),
        ("resolved", "{column: V, values: {'': false, Y: true}}", None, False),
        ("reason", "{column: V, values: {a: b}, other: '{V}'}", "c", "c"),
        ("reason", "{column: V, values: {a: b}, other: rest}", "c", "rest"),
        ("reason", "{column: V, values: {a: b}, other: null}", "c", None),
        ("reason", "{column: V, cut: 3}", "äöü…", "äöü"),
        ("reason", "{column: V}", "(none)", None),
        ("reason", "{column: V}", " kept as is ", " kept as is "),
        ("reason", "{template: '{{{V}}} of {Id}'}", "x", "{x} of 007"),
        ("reason", "{template: '{V} of {Id}'}", "", None),
        ("comment", "{column: V, cut: 4000}", "x" * 5000, "x" * 4000),
    ],
)
def test_a_field_is_what_its_rule_makes_of_the_cell(
    desk: Desk, field: str, rule: str, cell: object, expected: object
) -> None:
    found = desk.value(field, rule, cell)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("field", "rule", "cell", "message"),
    [
        ("wait_s", "{column: V}", "0:02:23", "'0:02:23' is no number of seconds; name what it is written in"),
        ("wait_s", "{column: V, unit: 'h:mm:ss'}", "2:23", "'2:23' is no h:mm:ss"),
        ("wait_s", "{column: V, unit: 'h:mm:ss'}", "0:61:00", "'0:61:00' is no h:mm:ss"),
        ("wait_s", "{column: V}", "-1", "'-1' is outside 0 to 10000000 seconds"),
        ("wait_s", "{column: V, unit: hours}", "2778", "'2778' is outside 0 to 10000000 seconds"),
        ("wait_s", "{column: V}", "9" * 400, "is no number"),
        ("outcome", "{column: V}", "Solved", "'Solved' is none of resolved, unresolved"),
        ("outcome", "{column: V, values: {Y: resolved}}", "N", "'N' is not listed in its `values:`"),
        ("effort", "{column: V}", "4.5", "'4.5' is no whole number"),
        ("effort", "{column: V}", "8", "'8' is outside 1 to 7"),
        ("effort", "{column: V}", "\uff17", "is no whole number"),
        ("resolved", "{column: V}", "Y", "'Y' is neither true nor false; translate it with `values:`"),
        (
            "reason",
            "{column: V}",
            "x" * 101,
            "has 101 characters; 1 to 100 are allowed; `cut: 100` shortens it",
        ),
        ("comment", "{column: V}", "x" * 4001, "has 4001 characters; 1 to 4000 are allowed; `cut: 4000`"),
        ("contact_id", "{column: V}", "x" * 129, "has 129 characters; 1 to 128 are allowed ("),
        ("reason", "{column: V}", "a\x00b", "a character that JSON cannot carry"),
        ("reason", "{column: V}", "a\ud800b", "a character that JSON cannot carry"),
    ],
)
def test_a_cell_that_a_field_cannot_hold_is_an_error_that_names_the_place(
    desk: Desk, field: str, rule: str, cell: object, message: str
) -> None:
    with pytest.raises(InputError) as raised:
        desk.value(field, rule, cell)
    text = str(raised.value)
    assert message in text
    assert re.search(rf"rows\.jsonl, line 1: column 'V', {field} of touchpoint\.\w+\.v1: ", text)
    assert text.endswith("(`on_error: skip` in the mapping leaves such rows out)")
    assert len(text) < 400
    assert "\n" not in text


def test_durations_of_a_workbook_need_no_unit(desk: Desk) -> None:
    head = ("Id", "At", "Customer", "Waited", "Talked")
    rows = desk.workbook(head, ("7", datetime(2026, 1, 30), "C", time(0, 2, 23), timedelta(hours=30)))  # noqa: DTZ001
    text = CONTACT + "      wait_s: {column: Waited, unit: minutes}\n      handle_s: {column: Talked}\n"
    (event,) = desk.read(rows, text)
    assert (event["data"]["wait_s"], event["data"]["handle_s"]) == (143, 108000)


def test_a_date_is_no_duration(desk: Desk) -> None:
    head = ("Id", "At", "Customer", "Waited")
    rows = desk.workbook(head, ("7", *[datetime(2026, 1, 30, 1)] * 1, "C", datetime(2026, 1, 30, 1)))  # noqa: DTZ001
    assert "is a date where a duration is expected" in desk.failure(
        rows, CONTACT + "      wait_s: {column: Waited}\n"
    )


def test_empty_markers_and_trimming_hold_for_every_cell(desk: Desk) -> None:
    text = "empty: [n/a]\ntrim: true\n" + SURVEY + "      reason: {column: V}\n      team: {column: W}\n"
    (event,) = desk.read(desk.jsonl({**ROW, "Rating": " 4 ", "V": " n/a ", "W": " x "}), text)
    assert event["data"] == {"customer_id": "C-9", "channel": "phone", "csat": 4, "team": "x"}


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{column: V, equals: a}", ["a"]),
        ("{column: V, in: [a, b]}", ["a", "b"]),
        ("{column: V, not_in: [a, '']}", ["b", "c"]),
        ("{column: V, empty: true}", [""]),
        ("{column: V, empty: false}", ["a", "b", "c"]),
        ("{column: V, empty: false}, {column: Id, equals: b}", ["b"]),
    ],
)
def test_a_row_yields_an_event_where_all_its_conditions_hold(
    desk: Desk, condition: str, expected: list[str]
) -> None:
    text = SURVEY.replace("    data:", f"    when: [{condition}]\n    data:").replace('"{Id}"', '"{Id}."')
    rows = desk.jsonl(*({**ROW, "Id": value, "V": value or None} for value in ("a", "b", "c", "")))
    # The id of the fourth row is empty: where it is wanted, that must be said.
    if "" in expected:
        assert "column 'Id': empty, and the id of touchpoint.survey.v1 is made of it" in desk.failure(
            rows, text
        )
    else:
        assert [event["id"].rstrip(".") for event in desk.read(rows, text)] == expected


def test_a_synthetic_customer_bears_the_source_so_that_two_exports_share_none(desk: Desk) -> None:
    text = SURVEY.replace("{column: Customer}", "{synthetic: 'row {Id}'}")
    assert desk.read(desk.jsonl(ROW), text)[0]["data"]["customer_id"] == "synthetic:desk:row 007"


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_of_event_can_be_imported(desk: Desk, kind: str) -> None:
    text = f"{CONTACT.replace(TYPES[0], kind)}      csat: {{column: Rating}}\n"
    text = text if kind == TYPES[1] else text.replace("      csat: {column: Rating}\n", "")
    assert desk.read(desk.jsonl(ROW), text)[0]["type"] == kind


# --- rows that cannot be mapped ---


def test_a_survey_without_an_answer_is_an_error_not_an_empty_survey(desk: Desk) -> None:
    message = desk.failure(desk.jsonl(ROW, {**ROW, "Rating": None}))
    assert "line 2: a survey without an answer; leave such rows out with `when:`" in message


def test_a_required_field_that_is_empty_is_an_error(desk: Desk) -> None:
    message = desk.failure(desk.jsonl({**ROW, "Customer": "(none)"}))
    assert "column 'Customer': empty, and touchpoint.survey.v1 needs customer_id" in message


def test_a_row_that_yields_one_identity_twice_is_an_error(desk: Desk) -> None:
    twice = SURVEY + SURVEY[SURVEY.index("  - type") :]
    assert "two of its events have the same id and time ('007')" in desk.failure(desk.jsonl(ROW), twice)


def test_an_id_that_is_too_long_is_an_error(desk: Desk) -> None:
    message = desk.failure(desk.jsonl({**ROW, "Id": "x" * 257}))
    assert "column 'Id', id of touchpoint.survey.v1: " in message
    assert "has 257 characters; 1 to 256 are allowed" in message


BAD_ROWS = (
    "Id,At,Customer,Rating\n1,2026-01-30,C,4\n2,2026-01-30,C,6\n3,2026-01-30\n4,2026-01-30,C,5\n5,never,C,1\n"
)


def test_skipping_leaves_out_whole_rows_and_tells_each(desk: Desk) -> None:
    skipped: list[InputError] = []
    rows = desk.file("rows.csv", BAD_ROWS)
    contact = CONTACT[CONTACT.index("  - type") :].replace('"{Id}"', '"{Id}/contact"')
    skipping = desk.mapping("on_error: skip\n" + SURVEY.replace("events:\n", f"events:\n{contact}"))
    ids = [event["id"] for event in decoded(import_events(rows, skipping, skipped.append))]
    assert ids == ["1/contact", "1", "4/contact", "4"]
    places = [re.search(r"rows\.csv, (line \d): (.*)", str(error)).groups() for error in skipped]  # type: ignore[union-attr]
    assert [place for place, _ in places] == ["line 3", "line 4", "line 6"]
    assert places[1][1] == "has 2 cells where the first line names 4 columns; check its quotes"
    assert "on_error" not in "".join(map(str, skipped))


def test_without_a_hearer_nothing_is_skipped(desk: Desk) -> None:
    rows = desk.file("rows.csv", BAD_ROWS)
    with pytest.raises(InputError, match="line 3"):
        list(import_events(rows, desk.mapping("on_error: skip\n" + SURVEY)))


def test_by_default_the_first_bad_row_stops_the_import(desk: Desk) -> None:
    skipped: list[InputError] = []
    with pytest.raises(InputError, match="line 3: column 'Rating'"):
        list(import_events(desk.file("rows.csv", BAD_ROWS), desk.mapping(SURVEY), skipped.append))
    assert skipped == []


def test_a_line_that_is_no_json_object_is_a_row_that_cannot_be_mapped(desk: Desk) -> None:
    good = json.dumps(ROW)
    assert "line 2: is no JSON: " in desk.failure(desk.file("rows.jsonl", f"{good}\n{{nope\n"))
    assert "line 3: is no JSON object" in desk.failure(desk.file("rows.jsonl", f"{good}\n\n[1]\n"))


# --- files that cannot be used ---


MISSING_COLUMN: dict[str, Callable[[Desk], Path]] = {
    "csv": lambda desk: desk.file("rows.csv", CSV.replace("Rating", "Ratings")),
    "jsonl": lambda desk: desk.jsonl(*[{**{n: ROW[n] for n in COLUMNS[:3]}, "Ratings": "4"}] * 3),
    "xlsx": lambda desk: desk.workbook((*COLUMNS[:3], "Ratings"), ("7", "2026-01-30", "C", 4)),
    "parquet": lambda desk: desk.parquet(**{n: ["7"] for n in (*COLUMNS[:3], "Ratings")}),
}


@pytest.mark.parametrize("make", MISSING_COLUMN.values(), ids=MISSING_COLUMN)
def test_a_missing_column_is_named_with_those_there_are_before_any_row_is_read(
    desk: Desk, make: Callable[[Desk], Path]
) -> None:
    file = make(desk)
    with pytest.raises(InputError) as raised:
        import_events(file, desk.mapping(SURVEY))
    assert "no column 'Rating', which the mapping reads; did you mean 'Ratings'?" in str(raised.value)
    assert "There are: 'Id', 'At', 'Customer', 'Ratings'" in str(raised.value)


def test_a_field_that_only_later_lines_have_is_no_missing_column(desk: Desk) -> None:
    without = {name: ROW[name] for name in COLUMNS[:3]}
    text = SURVEY.replace("    data:", "    when: [{column: Rating, empty: false}]\n    data:")
    assert len(desk.read(desk.jsonl(without, without, ROW), text)) == 1


def test_a_column_that_is_there_twice_is_an_error_if_it_is_read(desk: Desk) -> None:
    line = "1,2026-01-30,C,4,5\n"
    assert "column 'Rating' is there more than once" in desk.failure(
        desk.file("rows.csv", f"Id,At,Customer,Rating,Rating\n{line}")
    )
    assert len(desk.read(desk.file("rows.csv", f"Id,At,Customer,Rating,x,x\n{line[:-1]},6\n"))) == 1


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("rows.tsv", b"", "cannot tell its format from its name; it must end in one of .csv"),
        ("rows.csv", b"", "is empty; the first line must name the columns"),
        ("rows.csv", (CSV + '2,"open,C,4\n3,2026-01-30,C,4\n').encode(), "line 3: unexpected end of data"),
        ("rows.csv", (CSV + '2,"a"b,C,4\n').encode(), "line 3: ',' expected after '\"'; correct its quotes"),
        ("rows.csv.gz", b"not gzip", "is no readable CSV file"),
        ("rows.csv.gz", gzip.compress(CSV.encode(), mtime=0)[:-20], "is no readable CSV file"),
        ("rows.jsonl.gz", b"not gzip", "is no readable JSONL file"),
        ("rows.jsonl", b'{"Id": "\xff"}', "is not utf-8 text"),
        ("rows.jsonl", b"", "no column 'At'"),
        ("rows.xlsx", b"not a workbook", "is no readable XLSX workbook"),
        ("rows.parquet", b"not parquet", "is no readable Parquet file"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(desk: Desk, name: str, content: bytes, message: str) -> None:
    found = desk.failure(desk.file(name, content))
    assert found.startswith(str(desk.folder / name))
    assert message in found


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".xlsx", ".parquet"])
def test_a_file_that_is_not_there_says_so(desk: Desk, suffix: str) -> None:
    assert "cannot be read: No such file or directory" in desk.failure(desk.folder / f"gone{suffix}")
    (desk.folder / f"folder{suffix}").mkdir()
    assert f"folder{suffix}: " in desk.failure(desk.folder / f"folder{suffix}")


def test_a_workbook_with_several_sheets_needs_the_sheet_named(desk: Desk) -> None:
    file = desk.workbook(COLUMNS, ("7", "2026-01-30", "C", 4))
    book = openpyxl.load_workbook(file)
    book.create_sheet("Notes")
    book.save(file)
    assert "has several sheets; name one in the mapping with `sheet:`" in desk.failure(file)
    assert "has no sheet 'Sheets'; did you mean 'Sheet'?" in desk.failure(file, "sheet: Sheets\n" + SURVEY)
    assert len(desk.read(file, "sheet: Sheet\n" + SURVEY)) == 1


def test_blank_rows_of_a_workbook_are_skipped_and_counted(desk: Desk) -> None:
    rows = desk.workbook(COLUMNS, (), ("7", "2026-01-30", "C", 4), (), ("8", "2026-01-30", "C", 9))
    assert "row 5: column 'Rating'" in desk.failure(rows)


def test_a_formula_without_a_stored_value_is_an_error_not_an_empty_cell(desk: Desk) -> None:
    rows = desk.workbook((*COLUMNS, "Note"), ("7", "2026-01-30", "C", "=1+3", "=1+1"))
    assert "row 2: column 'Rating' holds a formula without a stored value" in desk.failure(rows)


# --- the manual ---


def block(marker: str) -> str:
    found = re.search(
        rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```\n", DOCS.read_text("utf-8"), re.DOTALL
    )
    assert found, f"docs/importing.md has no block {marker!r}"
    return found[1]


@pytest.fixture
def manual(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Mapping:
    for name in ("tickets.csv", "next.csv", "helpdesk.yaml"):
        desk.file(name, block(f"file: {name}"))
    monkeypatch.chdir(desk.folder)
    return load_mapping("helpdesk.yaml")


def test_the_worked_example_of_the_manual_gives_what_the_manual_shows(manual: Mapping) -> None:
    events = list(import_events(Path("tickets.csv"), manual))
    assert "".join(event.value.decode() + "\n" for event in events) == block("output: tickets.csv")
    assert len(decoded(events)) == 5


def test_the_error_in_the_manual_is_the_error_one_gets(manual: Mapping) -> None:
    with pytest.raises(InputError) as raised:
        list(import_events(Path("next.csv"), manual))
    assert f"{raised.value}\n" == block("error: next.csv")


KEYS = {
    *mapping.MAPPING_KEYS, *mapping.EVENT_KEYS, *mapping.TIME_KEYS, *mapping.TESTS, *mapping.FIELD_KEYS,
    *(field.name for field in FIELDS),
}  # fmt: skip
OTHER_NAMES = {
    *cells.UNITS, *local_time.NAMED_FORMATS, *local_time.AMBIGUOUS, *TYPES,
    *(suffix for suffix, _ in exports.FORMATS), *(file.stem for file in mapping.SHIPPED.glob("*.yaml")),
}  # fmt: skip


def test_the_manual_tables_list_every_key_and_field_and_no_other() -> None:
    reference = DOCS.read_text("utf-8").split("## Reference", 1)[1]
    first_cells = re.findall(r"^\| (`.*?) \|", reference, re.MULTILINE)
    assert {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)} == KEYS


def test_the_manual_names_every_unit_format_type_and_shipped_mapping() -> None:
    named = set(re.findall(r"`([^`\n]+)`", DOCS.read_text("utf-8")))
    assert sorted(OTHER_NAMES - named) == []
