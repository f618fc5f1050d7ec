"""The Great Expectations suites: what they notice, what they let pass, what they leave on disk."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from threading import Event, Thread
from typing import Any

import duckdb
import pytest
from broken_databases import BREAKS
from checked_database import AS_OF, make_database, make_empty_database

from checks.report import CheckReport
from checks.run import run_checks
from checks.settings import CheckSettings
from checks.suites import ALL, SUITES
from pipeline.batch import RecordBatch
from pipeline.database import open_writer
from pipeline.errors import DatabaseError, InputError
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.store import Store


@pytest.fixture(scope="session")
def sound_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checks") / "sound.duckdb"
    make_database(path)
    return path


@pytest.fixture
def database(sound_file: Path, tmp_path: Path) -> Path:
    """A database in which every expectation holds, to be broken."""
    return Path(shutil.copy(sound_file, tmp_path / "checked.duckdb"))


def _change(database: Path, sql: str) -> None:
    with duckdb.connect(str(database)) as con:
        assert con.execute(sql).fetchone() != (0,), "the statement changes nothing"


def _failed(report: CheckReport) -> set[str]:
    return {finding.expectation for finding in report.failures}


def test_sound_database_meets_every_expectation_and_each_is_judged(database: Path) -> None:
    report = run_checks(database, AS_OF)

    assert report.success, report.summary_lines()
    assert all(finding.judged for finding in report.findings)
    assert [(each.suite, each.expectation) for each in report.findings] == [
        (suite, each.name) for suite in ALL for each in SUITES[suite](CheckSettings(), AS_OF)
    ]


def test_every_expectation_has_a_database_that_breaks_it() -> None:
    unbroken = [
        f"{suite}.{each.name}"
        for suite in ALL
        for each in SUITES[suite](CheckSettings(), AS_OF)
        if each.name not in BREAKS[suite]
    ]

    assert unbroken == []


@pytest.mark.parametrize(
    ("suite", "name"), [(suite, name) for suite, breaks in BREAKS.items() for name in breaks]
)
def test_expectation_fails_on_a_database_that_breaks_it_and_no_other_does(
    database: Path, suite: str, name: str
) -> None:
    breaking = BREAKS[suite][name]
    _change(database, breaking.sql)

    report = run_checks(database, AS_OF, suites=(suite,))

    assert _failed(report) == {name, *breaking.others}
    assert all("could not be judged" not in each.sentence for each in report.failures)


def test_half_an_interval_is_noticed(database: Path) -> None:
    _change(database, "update metrics set high = null where metric = 'wait_mean' and span = '24h'")

    assert _failed(run_checks(database, AS_OF, suites=("metrics",))) == {"interval_around_value"}


def test_readings_that_are_missing_altogether_are_noticed(database: Path) -> None:
    _change(database, "delete from metrics")

    failed = _failed(run_checks(database, AS_OF, suites=("metrics",)))

    assert failed == {"contacts_reconciled", "csat_reconciled"}


@pytest.mark.parametrize(
    ("settings", "failing"),
    [
        (CheckSettings(freshness=timedelta(minutes=5)), "fresh"),
        (CheckSettings(volume_low=1.1), "volume_like_a_week_before"),
        (CheckSettings(volume_high=0.9), "volume_like_a_week_before"),
        (CheckSettings(rejected_share=0.01), "rejected_share"),
    ],
)
def test_thresholds_are_settings(database: Path, settings: CheckSettings, failing: str) -> None:
    report = run_checks(database, AS_OF, suites=("touchpoints", "rejections"), settings=settings)

    assert _failed(report) == {failing}


def test_volume_is_not_judged_by_too_quiet_an_hour(database: Path) -> None:
    settings = CheckSettings(volume_low=1.1, least_hourly_volume=121)

    report = run_checks(database, AS_OF, suites=("touchpoints",), settings=settings)

    assert report.success
    assert [each.expectation for each in report.findings if not each.judged] == ["volume_like_a_week_before"]


def test_empty_database_meets_every_expectation_and_says_what_was_not_judged(tmp_path: Path) -> None:
    make_empty_database(tmp_path / "empty.duckdb")

    report = run_checks(tmp_path / "empty.duckdb", AS_OF)

    assert report.success
    assert [each.expectation for each in report.findings if not each.judged] == [
        "fresh",
        "volume_like_a_week_before",
        "rejected_share",
    ]


def test_what_the_pipeline_stores_meets_every_expectation_open_or_closed(tmp_path: Path) -> None:
    con = open_writer(tmp_path / "real.duckdb", Definitions(), create_schema)
    store = Store(con)
    store.ingest([_records()], AS_OF - timedelta(minutes=1))
    store.refresh(AS_OF)
    while_open = run_checks(con, AS_OF)
    store.close()

    assert while_open.success, while_open.summary_lines()
    assert _observed(while_open, "rejected_share") == {"rejected": 1, "consumed": 31, "share": 0.0323}
    assert _observed(while_open, "shares_in_range")["rows"] > 100
    assert run_checks(tmp_path / "real.duckdb", AS_OF) == while_open


def _records() -> RecordBatch:
    """Ten contacts, each with an invitation and a survey, and a record that is rejected."""
    batch = RecordBatch("touchpoints", 0, 0, 31)
    batch.offsets = range(31)
    batch.values = [*(_record(number) for number in range(30)), b"{"]
    return batch


def _record(number: int) -> bytes:
    kind = ("contact", "invitation", "survey")[number % 3]
    answers = {"csat": 1 + number % 5, "effort": 1 + number % 7, "nps": number % 11, "resolved": True}
    return json.dumps(
        {
            "specversion": "1.0",
            "source": "desk",
            "id": f"{kind} {number}",
            "type": f"touchpoint.{kind}.v1",
            "time": (AS_OF - timedelta(minutes=number)).isoformat(),
            "data": {
                "customer_id": f"customer {number // 3}",
                "contact_id": f"contact {number // 3}",
                "channel": ("phone", "chat")[number // 3 % 2],
                "wait_s": number,
            }
            | (answers if kind == "survey" else {}),
        }
    ).encode()


def test_checking_leaves_the_file_as_it_was(database: Path) -> None:
    before = database.read_bytes()

    run_checks(f"duckdb:///{database}", AS_OF, suites=("rejections",))

    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == [database.name]


def test_open_connection_is_checked_at_one_moment_while_another_thread_writes(database: Path) -> None:
    with duckdb.connect(str(database)) as con, _written(con) as transactions:
        reports = [run_checks(con, AS_OF) for _ in range(2)]
        written_meanwhile = len(transactions)

    assert [report.summary_lines() for report in reports if not report.success] == []
    assert written_meanwhile > 1
    counts = [_observed(report, "id_never_null")["rows"] for report in reports]
    assert counts[0] < counts[1], "each run sees the rows of its own moment"
    # within a run, the first query and the last agree however long it takes
    assert all(_observed(report, "every_accepted_is_in_touchpoints")["rows"] == 0 for report in reports)


@contextmanager
def _written(con: duckdb.DuckDBPyConnection) -> Iterator[list[int]]:
    """A thread that stores one contact after another, each with its watermark, until the block ends."""
    transactions: list[int] = []
    first, enough = Event(), Event()

    def write(writer: duckdb.DuckDBPyConnection) -> None:
        while not enough.is_set():
            number = len(transactions)
            writer.begin()
            writer.execute(
                "insert into internal.events select * replace ($id as id, $late as ingested_at, "
                "10000 + $number as \"offset\") from internal.events where id = 'event 276'",
                {"id": f"live {number}", "late": AS_OF, "number": number},
            )
            writer.execute(
                "update watermarks set consumed = consumed + 1, accepted = accepted + 1 where partition = 0"
            )
            writer.commit()
            transactions.append(number)
            first.set()

    thread = Thread(target=write, args=(con.cursor(),))
    thread.start()
    try:
        assert first.wait(30)
        yield transactions
    finally:
        enough.set()
        thread.join(30)
        assert not thread.is_alive()


def _observed(report: CheckReport, expectation: str) -> dict[str, Any]:
    (found,) = (dict(each.observed) for each in report.findings if each.expectation == expectation)
    return found


def test_report_says_what_was_seen_to_people_and_to_programs(database: Path) -> None:
    _change(database, "update internal.events set csat = 6 where id = 'event 1'")

    report = run_checks(database, AS_OF, suites=("touchpoints",))

    total = len(SUITES["touchpoints"](CheckSettings(), AS_OF))
    assert report.summary_lines() == [
        f"touchpoints: {total - 1} of {total} expectations hold",
        "  FAILED csat_in_range: expected that csat lies within 1 and 5 (rows 280, unexpected 1, examples 6)",
    ]
    spoken = json.loads(report.to_json())
    assert spoken["success"] is False
    assert spoken["as_of"] == AS_OF.isoformat()
    assert [each for each in spoken["findings"] if not each["success"]] == [
        {
            "suite": "touchpoints",
            "expectation": "csat_in_range",
            "table": "touchpoints",
            "column": "csat",
            "success": False,
            "judged": True,
            "observed": {"rows": 280, "unexpected": 1, "examples": ["6"]},
            "sentence": "expected that csat lies within 1 and 5 (rows 280, unexpected 1, examples 6)",
        }
    ]


def test_offending_rows_are_named(database: Path) -> None:
    _change(database, BREAKS["metrics"]["conservation"].sql)

    (failure,) = run_checks(database, AS_OF, suites=("metrics",)).failures

    assert failure.table == "watermarks"
    assert (
        "partition 0, consumed 150, accepted 140, duplicates 6, rejected 2, tombstones 3" in failure.sentence
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [("nowhere.duckdb", "no such database"), ("other.duckdb", "not one of firsthand")],
)
def test_file_that_is_no_database_of_firsthand_is_refused(tmp_path: Path, name: str, message: str) -> None:
    duckdb.connect(str(tmp_path / "other.duckdb")).close()

    with pytest.raises(DatabaseError, match=message):
        run_checks(tmp_path / name, AS_OF)


def test_missing_table_is_named(database: Path) -> None:
    with duckdb.connect(str(database)) as con:
        con.execute("drop table watermarks")
        with pytest.raises(DatabaseError, match="has no watermarks"):
            run_checks(con, AS_OF)


def test_expectation_of_a_missing_column_fails_and_says_so(database: Path) -> None:
    _change(database, "create or replace view touchpoints as select * exclude (wait_s) from internal.events")

    (failure,) = run_checks(database, AS_OF, suites=("touchpoints",)).failures

    assert failure.expectation == "wait_s_in_range"
    assert "could not be judged" in failure.sentence
    assert "wait_s" in failure.sentence.partition("could not be judged")[2]


def test_query_that_fails_is_one_line_and_leaves_the_connection_usable(database: Path) -> None:
    with duckdb.connect(str(database)) as con:
        con.execute(
            "create or replace view touchpoints as "
            "select * replace (if(id = 'event 5', error('bad block'), nps) as nps) from internal.events"
        )
        with pytest.raises(DatabaseError, match=r"could not be checked: .*bad block") as refused:
            run_checks(con, AS_OF)

        assert "\n" not in str(refused.value)
        assert con.execute("select count(*) from rejections").fetchone() == (4,)


def test_unknown_suite_is_refused(database: Path) -> None:
    with pytest.raises(InputError, match="no suite is called weather; there are touchpoints"):
        run_checks(database, AS_OF, suites=("weather",))


def test_docs_directory_that_is_a_file_is_refused(database: Path, tmp_path: Path) -> None:
    (tmp_path / "docs").touch()

    with pytest.raises(InputError, match="no Data Docs can be written there"):
        run_checks(database, AS_OF, docs=tmp_path / "docs")


class _Links(HTMLParser):
    """What a page would load, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.linked: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name == "src" or (tag == "link" and name == "href"):
                self.loaded.append(value or "")
            elif tag == "a" and name == "href":
                self.linked.append(value or "")


def test_data_docs_open_from_disk_and_need_no_network(database: Path, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    run_checks(database, AS_OF, docs=docs)

    pages = list(docs.rglob("*.html"))
    assert {page.stem for page in pages} >= {"index", "touchpoints", "database-touchpoints"}
    for page in pages:
        links = _Links(page)
        assert [each for each in links.loaded if not (page.parent / each).is_file()] == []
        assert re.findall(r"url\(\s*['\"]?http", page.read_text()) == []
        local = [each for each in links.linked if not each.startswith(("#", "http"))]
        assert [each for each in local if not (page.parent / each.partition("#")[0]).is_file()] == []


def test_data_docs_written_again_show_the_latest_run_and_spare_other_files(
    database: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    (docs / "mine").mkdir(parents=True)
    (docs / "mine" / "page.html").write_text("<script>mine</script>")
    run_checks(database, AS_OF, docs=docs)
    _change(database, "update internal.events set csat = 6 where id = 'event 1'")

    run_checks(database, AS_OF + timedelta(minutes=1), docs=docs, suites=("touchpoints",))

    index = docs / "index.html"
    total = len(SUITES["touchpoints"](CheckSettings(), AS_OF))
    assert f"{total - 1} of {total} expectations hold" in index.read_text()
    _, validation = sorted(_Links(index).linked)
    page = (docs / validation).read_text()
    assert "Failed" in page
    assert "1 unexpected values found" in page
    assert [path.name for path in docs.rglob("database-*.html")] == ["database-touchpoints.html"]
    assert (docs / "mine" / "page.html").read_text() == "<script>mine</script>"


def test_a_run_with_data_docs_speaks_to_nobody(database: Path, tmp_path: Path) -> None:
    program = """
import sys
from datetime import datetime
from pathlib import Path
asked = []
sys.addaudithook(lambda event, args: asked.append((event, args)) if event in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto") else None)
from checks.run import run_checks
report = run_checks(sys.argv[1], datetime.fromisoformat(sys.argv[2]), docs=Path(sys.argv[3]))
assert report.success
print(asked)
"""
    arguments = [str(database), AS_OF.isoformat(), str(tmp_path / "docs")]
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120, check=True
    )

    assert run.stdout == "[]\n", "nothing but the report's own line is printed, and no address was asked for"


def test_great_expectations_is_imported_only_by_a_run() -> None:
    program = "import sys, checks.suites, checks.report; print('great_expectations' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )

    assert run.stdout == "False\n"
