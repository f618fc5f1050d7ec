"""What the README says is what the program does: its commands, queries, examples and tables."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import dropwhile, takewhile
from pathlib import Path
from urllib.request import urlopen

import duckdb
import pytest
import typer

from pipeline import metrics
from pipeline.cli import app
from pipeline.fields import TYPES
from pipeline.held import beside
from pipeline.judge import Touchpoint, judge
from pipeline.kafka import require_broker
from pipeline.metrics import METRICS
from pipeline.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "DECISIONS.md",
    "docs/importing.md",
    "docs/checks.md",
    "schemas/README.md",
]
PWC = ROOT.parent / "shared" / "data" / "pwc" / "call_center_dataset.csv"
FIRSTHAND = str(Path(sys.executable).with_name("firsthand"))
PATIENCE_S = 60
BLOCK = re.compile(r"(?:<!-- (\w+: \w+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = typer.main.get_command(app).commands


def blocks(language: str, mark: str | None = None) -> list[str]:
    """The README's blocks of a language, those under a mark (`<!-- run: local -->`) or all."""
    return [body for found, kind, body in BLOCK.findall(README) if kind == language and mark in (None, found)]


def commands(mark: str) -> list[list[str]]:
    (block,) = blocks("sh", mark)
    return [shlex.split(line, comments=True) for line in block.splitlines()]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FIRSTHAND_")}
    return kept | {"NO_COLOR": "1"}


def run(command: list[str], folder: Path) -> str:
    """What a command prints; it must succeed."""
    assert command[0] == "firsthand"
    done = subprocess.run(
        [FIRSTHAND, *command[1:]],
        cwd=folder, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stderr}"
    return done.stdout


def assert_shown(mark: str, printed: str) -> None:
    (block,) = blocks("text", mark)
    lines = {line.strip() for line in printed.splitlines()}
    assert [line for line in block.splitlines() if line.strip() not in lines] == []


def table(heading: str) -> list[list[str]]:
    """The cells of the first table under a heading, without its two head lines."""
    section = README.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = dropwhile(lambda line: not line.startswith("|"), section.splitlines())
    rows = list(takewhile(lambda line: line.startswith("|"), lines))
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[2:]]


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder in which the commands without a broker ran, and what they printed."""
    folder = tmp_path_factory.mktemp("readme")
    return folder, "\n".join(run(command, folder) for command in commands("run: local"))


def test_the_commands_without_a_broker_print_what_is_shown(replayed: tuple[Path, str]) -> None:
    folder, printed = replayed
    assert_shown("output: local", printed)
    assert (folder / "data-docs" / "index.html").is_file()


@pytest.mark.parametrize("query", blocks("sql"))
def test_the_queries_answer_on_a_replayed_database(replayed: tuple[Path, str], query: str) -> None:
    with duckdb.connect(str(replayed[0] / "x.duckdb"), read_only=True) as con:
        assert len(con.execute(query).fetchall()) > 1


@pytest.mark.parametrize("script", blocks("python"))
def test_the_scripts_run(replayed: tuple[Path, str], script: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=replayed[0], capture_output=True, text=True, check=True
    )
    assert "fcr" in done.stdout


@pytest.mark.skipif(not PWC.is_file(), reason=f"{PWC} is not there; it is not part of the project")
def test_the_import_prints_the_published_figures(tmp_path: Path) -> None:
    (tmp_path / PWC.name).symlink_to(PWC)
    assert_shown("output: pwc", "\n".join(run(command, tmp_path) for command in commands("run: pwc")))


@contextmanager
def started(command: list[str], folder: Path) -> Iterator[None]:
    """A command that runs until it is stopped; SIGTERM must end it well."""
    with (folder / "said.txt").open("ab") as said:
        process = subprocess.Popen(
            [FIRSTHAND, *command[1:]], cwd=folder, env=environment(), stdout=said, stderr=said
        )
    try:
        yield
    finally:
        process.terminate()
        code = process.wait(PATIENCE_S)
    assert code == 0, (folder / "said.txt").read_text()


def until(holds) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_commands_with_a_broker_work_together(replayed: tuple[Path, str]) -> None:
    folder, _ = replayed
    address = f"127.0.0.1:{free_port()}"
    port = address.partition(":")[2]
    broker, worker, send, audit, report, replay = [
        [part.replace("127.0.0.1:9092", address).replace("9092", port) for part in command]
        for command in commands("run: stream")
    ]
    with ExitStack() as stack:
        stack.enter_context(started(broker, folder))
        require_broker(address, PATIENCE_S)
        with started(worker, folder):
            until(beside(folder / "live.duckdb").exists)
            run(send, folder)
            until(lambda: "still to be consumed: 0" in run(audit, folder))
            assert "│ csat " in run(report, folder)
            page = json.loads(beside(folder / "live.duckdb").read_text())["url"]
            with urlopen(f"{page}readings?span=7d&by=channel") as answer:  # noqa: S310 - our own page
                assert json.load(answer)["state"]["phase"] == "running"
        run(replay, folder)
    lines = {
        run(["firsthand", "fingerprint", "--db", f"{name}.duckdb"], folder) for name in ("x", "live", "again")
    }
    assert len(lines) == 1


def invocations() -> list[str]:
    """Every `firsthand ...` in the pages, in text as in blocks."""
    found = set()
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found |= set(re.findall(r"`(?:\S*/)?(firsthand [a-z][^`\n]*)`", text))
        found |= set(
            re.findall(r"^\s*(?:docker compose exec worker )?(firsthand [a-z].*)$", text, re.MULTILINE)
        )
    return sorted(found)


@pytest.mark.parametrize("line", invocations())
def test_every_command_and_option_that_is_named_exists(line: str) -> None:
    name, *rest = line.removeprefix("firsthand ").partition("#")[0].split()
    assert name.strip("`,.;:") in COMMANDS
    command = COMMANDS[name]
    if parts := getattr(command, "commands", None):  # `token new`
        command = parts[rest[0]]
    known = {option for parameter in command.params for option in parameter.opts}
    assert set(re.findall(r"(?<=\s)--[a-z-]+", line.partition("#")[0])) <= known


def test_every_command_is_named() -> None:
    assert [name for name in COMMANDS if f"firsthand {name}" not in README] == []


def test_every_make_verb_that_is_named_exists() -> None:
    verbs = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:^    |`)make ([a-z-]+(?: [a-z-]+)*)(?=`|\s{2}|$)", README, re.MULTILINE)
    assert {"demo", "test"} <= {verb for each in named for verb in each.split()} <= verbs


def test_an_event_of_every_type_is_shown_and_accepted() -> None:
    (block,) = blocks("json")
    judged = [judge(line.encode(), None) for line in block.splitlines()]
    assert all(isinstance(each, Touchpoint) for each in judged)
    assert {each.type for each in judged} == set(TYPES)


INTERVALS = {"share": "Wilson", "mean": "normal", "count": "none"}


def test_the_metric_table_is_that_of_the_program() -> None:
    rows = table("Metrics")
    assert [name for name, *_ in rows] == [f"`{metric.name}`" for metric in METRICS]
    for metric, (_, definition, _, interval, source) in zip(METRICS, rows, strict=True):
        header = metrics.source(metric.name)
        assert f"-- {metric.name}: {definition}\n" in header
        assert f"-- source: {source}\n" in header
        assert interval.startswith(INTERVALS[metric.kind])


def test_the_table_of_settings_is_that_of_the_program() -> None:
    shown = {name.strip("`"): default.strip("`") for name, default, *_ in table("Settings")}
    fields = {f"FIRSTHAND_{name.upper()}": field.default for name, field in Settings.model_fields.items()}
    written = {
        name: "none"
        if default is None
        else json.dumps(default, separators=(",", ":"))
        if isinstance(default, tuple)
        else str(default)
        for name, default in fields.items()
    }
    assert shown == written


def test_the_tables_that_are_named_are_there(replayed: tuple[Path, str]) -> None:
    with duckdb.connect(str(replayed[0] / "x.duckdb"), read_only=True) as con:
        tables = con.execute("from (show all tables) select name where schema = 'main'").fetchall()
        macros = con.execute(
            "select distinct function_name from duckdb_functions() "
            "where schema_name = 'main' and function_type = 'table_macro' and not internal"
        ).fetchall()
    named = [name.strip("`").partition("(")[0] for name, _ in table("Query it")]
    assert sorted(named) == sorted(name for (name,) in tables + macros)


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_file_that_is_named_is_there(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)\s#]*)(?:#([^)\s]+))?\)", text)
    files = [link for link, _ in links if link and "://" not in link]
    assert [link for link in files if not ((ROOT / page).parent / link).exists()] == []
    titles = re.findall(r"^#+ (.+)$", README, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    assert {anchor for _, anchor in links if anchor} <= anchors
    named = re.findall(r"(?<![\w/.-])(?:pipeline|schemas|checks|tests|docs)/[\w./*-]*[\w*]", text)
    assert [name for name in named if not list(ROOT.glob(name))] == []


def test_every_promise_names_tests_that_there_are() -> None:
    named = {test for row in table("What is guaranteed") for test in re.findall(r"`(test_\w+)`", row[2])}
    there = {
        name
        for path in (ROOT / "tests").glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert len(named) > 20
    assert named <= there
    assert all(re.search(r"`test_\w+`", row[2]) for row in table("What is guaranteed"))


def test_the_figures_of_detection_are_those_of_the_last_bench():
    block = README.partition("<!-- detection -->")[2].partition("<!-- /detection -->")[0]
    rows = block.strip().splitlines()
    measured = (ROOT / "docs/detection.md").read_text(encoding="utf-8").splitlines()
    assert len(rows) > 5
    assert [row for row in rows if row not in measured] == []
