"""A mapping file says how rows become events; a wrong one says on which line, and what to write."""

import re
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.mapping import SHIPPED, load_mapping

GOOD = """\
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


def load(folder: Path, text: str) -> None:
    file = folder / "desk.yaml"
    file.write_text(text, encoding="utf-8")
    load_mapping(file)


def test_every_shipped_mapping_is_found_by_its_name() -> None:
    names = {file.stem for file in SHIPPED.glob("*.yaml")}
    assert {"pwc", "ecommerce"} <= names
    for name in names:
        assert load_mapping(name) == load_mapping(SHIPPED / f"{name}.yaml")


def test_a_mapping_names_each_column_it_reads_once(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    when = "    when: [{column: Open, equals: no}, {column: Rating, empty: false}]\n    data:"
    file.write_text(GOOD.replace("    data:", when), encoding="utf-8")
    assert load_mapping(file).columns == ("At", "Id", "Open", "Rating", "Customer")


def test_a_mapping_that_is_not_there_names_those_that_come_along() -> None:
    with pytest.raises(InputError, match=r"^pwk: no such mapping file.*did you mean 'pwc'\?"):
        load_mapping("pwk")


def test_values_stay_the_text_they_are_written_as(tmp_path: Path) -> None:
    file = tmp_path / "desk.yaml"
    file.write_text(GOOD + "      reason: {column: Q, values: {Yes: 007, No: 2021-01-31, x: ~, y: '~'}}\n")
    rule = load_mapping(file).events[0].data[-1]
    assert rule.values == {"Yes": "007", "No": "2021-01-31", "x": None, "y": "~"}


BROKEN = [
    ("source: desk", "sauce: desk", 1, "'sauce' is not known here; did you mean 'source'"),
    ("source: desk\n", "", 1, "`source:` is missing"),
    ("source: desk", "source: desk\nsource: two", 2, "'source' stands here twice"),
    ("source: desk", "source: ''", 1, "source: is empty"),
    ("source: desk", "source: [desk]", 1, "source: one value is expected here, not a list"),
    ("source: desk", "source: " + "x" * 257, 1, "257 characters; 1 to 256 are allowed"),
    ("zone: UTC", "zone: Europe/Zürich", 2, "zone: 'Europe/Zürich' is no IANA time zone"),
    ("zone: UTC", "zone: UTC\nambiguous: maybe", 3, "ambiguous: 'maybe' is not known here"),
    ("zone: UTC", "zone: UTC\non_error: ignore", 3, "on_error: 'ignore' is not known here"),
    ("zone: UTC", "zone: UTC\nencoding: utf8000", 3, "encoding: 'utf8000' is no encoding"),
    ("zone: UTC", "zone: UTC\ndelimiter: ;;", 3, "delimiter: ';;' is not one character"),
    ("zone: UTC", "zone: UTC\nquotes: double", 3, "quotes: 'double' is not known here"),
    ("zone: UTC", "zone: UTC\ntrim: yes", 3, "trim: 'yes' is not known here"),
    ("zone: UTC", "zone: UTC\nempty: n/a", 3, "empty: a list is expected here"),
    ("survey.v1", "serve.v1", 4, "events[0].type: 'touchpoint.serve.v1' is not known here; did you mean"),
    ('"{Id}"', '"Id"', 5, "'Id' would be the same in every row"),
    ('"{Id}"', '"{Id"', 5, "has a lone '{'"),
    ("column: At, formats", "formats", 6, "events[0].time: needs either `column:` or `columns:`"),
    ("[iso]", "[]", 6, "events[0].time.formats: is an empty list"),
    ("[iso]", "['%Y-%m-%d %Z']", 6, "'%Z' cannot be read"),
    ("[iso]", "['%Y-%m-%d %']", 6, "'%' cannot be read"),
    ("[iso]", "['%d.%m. %H:%M']", 6, "names no year"),
    (
        "    data:",
        "    when: [{column: A}]\n    data:",
        7,
        "events[0].when[0]: needs exactly one of `equals:`",
    ),
    ("    data:", "    when: [{equals: A}]\n    data:", 7, "`column:` is missing"),
    ("    data:", "    when: {column: A}\n    data:", 7, "a list is expected here, not names with values"),
    ("      customer_id: {column: Customer}\n", "", 8, "events[0].data: `customer_id:` is missing"),
    ("{column: Customer}", "{}", 8, "data.customer_id: needs exactly one of `column:`"),
    ("{column: Customer}", "Customer", 8, "names with values are expected here, not one value"),
    ("{column: Customer}", "{column: Customer, cut: 9}", 8, "customer_id cannot be cut"),
    ("{column: Customer}", "{column: Customer, constant: x}", 8, "needs exactly one of"),
    ("{constant: phone}", "{constant: fone}", 9, "channel: 'fone' is none of phone, email"),
    ("{constant: phone}", "{synthetic: '{Id}'}", 9, "only a customer_id can be synthetic"),
    ("{constant: phone}", "{column: C, values: {a: fax}}", 9, "channel: 'fax' is none of"),
    ("{constant: phone}", "{column: C, values: {a: chat}, other: fax}", 9, "channel: 'fax' is none of"),
    ("{constant: phone}", "{column: C, other: chat}", 9, "stands without `values:`"),
    ("{column: Rating}", "{column: Rating, values: {great: 6}}", 10, "csat: '6' is outside 1 to 5"),
    ("{column: Rating}", "{column: Rating, unit: minutes}", 10, "csat is no duration"),
    ("csat:", "wait_s:", 10, "'wait_s' is not known here"),
    ("csat:", "reason:", 8, "a survey needs at least one of csat, effort"),
    ("csat: {column: Rating}", "csat: {column: Rating}\n      reason: {column: R, cut: 101}", 11, "1 to 100"),
    ("events:\n", "events: []\nold:\n", 4, "'old' is not known here"),
    ("csat: {column", "csat: {column: [", 10, "is no YAML"),
]


@pytest.mark.parametrize(("old", "new", "line", "message"), BROKEN, ids=[case[3] for case in BROKEN])
def test_a_wrong_mapping_says_on_which_line_and_what_to_write(
    tmp_path: Path, old: str, new: str, line: int, message: str
) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(InputError) as raised:
        load(tmp_path, GOOD.replace(old, new))
    text = str(raised.value)
    assert "\n" not in text
    found = re.match(rf"{re.escape(str(tmp_path))}/desk\.yaml, line (\d+): ", text)
    assert found, text
    assert (int(found[1]), message in text) == (line, True), text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"a: 1\n---\nb: 2\n", "is no YAML: but found another document"),
        (b"a: \x07", "is no YAML"),
        (b"- a\n", "line 1: names with values are expected here, not a list"),
    ],
)
def test_a_file_that_is_no_mapping_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "desk.yaml"
    file.write_bytes(content)
    with pytest.raises(InputError, match=message) as raised:
        load_mapping(file)
    assert "\n" not in str(raised.value)


def test_a_folder_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_mapping(tmp_path)
