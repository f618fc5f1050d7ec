"""Text that is SQL, shell, HTML or a terminal's escapes is text: stored, read and shown as no more."""

import json
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest
from deliveries import NOW, TOPIC, batch, in_memory, record

from bench.hostile_records import HOSTILE_TEXTS, records
from pipeline.arrivals import Arrivals
from pipeline.decode import decode
from pipeline.live import printable
from pipeline.report import report
from pipeline.store import Store
from tests.command import done, firsthand

FIELDS = ("customer_id", "contact_id", "reason", "agent_id", "team", "segment", "comment")
DANGEROUS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
"""Control characters but the line's end, and what turns the direction of writing."""


def everywhere(number: int, text: str) -> bytes:
    """A survey with the text in every field that takes any, its id and source among them."""
    value = json.loads(record("id", kind="survey", csat=3, **dict.fromkeys(FIELDS, text)))
    return json.dumps(value | {"id": f"{number} {text}", "source": text}).encode()


VALUES = [everywhere(number, text) for number, text in enumerate(HOSTILE_TEXTS)]


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with in_memory() as connection:
        store = Store(connection)
        store.ingest([batch(VALUES)], NOW)
        store.refresh(NOW)
        yield connection


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the database x.duckdb of a replay."""
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "events.jsonl").write_bytes(b"\n".join(VALUES))
    done("replay", "events.jsonl", "--db", "x.duckdb", cwd=folder)
    return folder


def test_in_every_field_it_is_stored_as_it_came(con):
    columns = ", ".join((*FIELDS, "source", "id"))
    found = con.execute(f'select {columns} from touchpoints order by "offset"').fetchall()
    assert found == [(*[text] * (len(FIELDS) + 1), f"{n} {text}") for n, text in enumerate(HOSTILE_TEXTS)]
    assert con.execute("select next_offset from watermarks where topic = $1", [TOPIC]).fetchone() == (
        len(VALUES),
    )


def test_it_names_the_members_of_readings(con):
    for dimension in ("reason", "agent", "team", "segment"):
        found = report(con, NOW, "90d", dimension)
        assert {each.member for each in found if each.metric == "csat"} == set(HOSTILE_TEXTS)


def test_a_terminal_is_shown_no_control_characters(place):
    shown = done("report", "--db", "x.duckdb", "--span", "28d", "--by", "reason", cwd=place)
    assert "\\x1b[2J\\x1b[31mred" in shown
    assert DANGEROUS.findall(shown) == []


def test_nor_where_a_check_tells_what_is_wrong(place):
    with duckdb.connect(str(place / "x.duckdb")) as con:
        con.execute("insert into internal.events from internal.events")
    found = firsthand("check", "--db", "x.duckdb", "--docs", "docs", cwd=place)
    assert "identity_unique" in found.stdout
    assert DANGEROUS.findall(found.stdout + found.stderr) == []
    pages = [path.read_text(encoding="utf-8") for path in (place / "docs").rglob("*.html")]
    assert pages
    assert [page for page in pages if "<script>alert(1)" in page or "<img src=x" in page] == []


def test_the_page_shows_what_it_reads_as_text_only():
    own = [each for each in (files("pipeline") / "page").iterdir() if each.name.endswith((".js", ".html"))]
    page = "".join(each.read_text(encoding="utf-8") for each in own)
    assert "textContent" in page
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", page) == []


def test_details_of_rejections_are_short_lines_of_printable_text():
    values = [value for _, value in records(seed=4, count=5_000)]
    rejected = decode(Arrivals([batch(values)])).rejected
    assert len(rejected) > 1_000
    details = {verdict.detail for verdict in rejected.values()}
    assert [detail for detail in details if printable(detail) != detail or len(detail) > 300] == []
