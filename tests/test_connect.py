"""`firsthand connect`: each recipe as it is printed, run by the real client against a running worker."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pytest

from pipeline.address import LOOPBACK
from pipeline.commands.options import clock
from pipeline.live_sql.gateway import DEFAULT_PORT
from pipeline.live_sql.guard import RELATIONS
from pipeline.recipes import ADDRESS, RECIPES, titles
from tests.clients import PINS, node_client, python_client
from tests.command import Terminal, done, ended, firsthand, one_line, started, stored, until

EVENTS = 2_000
DAYS = 9
OWN_PROGRAMS = Path(sys.executable).parent
CSAT = "from metrics where metric = 'csat' and span = '28d' and dimension = 'channel'"
FIGURE = re.compile(r"\d+(?:\.\d+)?(?:e-\d+)?")


@dataclass(frozen=True)
class Reader:
    """Somebody with a home and a token, beside a running worker; `csat` is what a right answer holds."""

    folder: Path
    env: dict[str, str]
    csat: dict[str, float]

    def printed(self, tool: str) -> str:
        return done("connect", tool, "--db", "w.duckdb", cwd=self.folder)

    def follow(self, tool: str, programs: Path = OWN_PROGRAMS) -> str:
        """Do what a recipe says of how it is run; what that prints."""
        return self.shell(line("Run", self.printed(tool)), programs)

    def shell(self, text: str, programs: Path = OWN_PROGRAMS) -> str:
        ended = subprocess.run(
            ["sh", "-c", text],
            cwd=self.folder,
            env=self.with_programs(programs),
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout

    def with_programs(self, programs: Path) -> dict[str, str]:
        return self.env | {"PATH": os.pathsep.join(map(str, (programs, OWN_PROGRAMS, self.env["PATH"])))}

    def recognises(self, out: str) -> None:
        """Every channel's satisfaction is in what a client printed, to the last digit."""
        for member, value in self.csat.items():
            figures = [float(f) for row in out.splitlines() if member in row for f in FIGURE.findall(row)]
            assert value in figures, out


def line(key: str, recipe: str) -> str:
    """What a recipe's comments say after `key`."""
    [found] = re.findall(rf"^\W+{key}: (.+)$", recipe, re.MULTILINE)
    return found


@pytest.fixture(scope="module")
def reader(embedded_broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A worker holds w.duckdb with events of the last days; DuckDB has its extensions without a network."""
    place = tmp_path_factory.mktemp("connect")
    (place / "home").mkdir()
    own = {"FIRSTHAND_TOPIC": "connect", "FIRSTHAND_DLQ_TOPIC": "connect-dlq", "FIRSTHAND_GROUP": "connect"}
    start = (clock() - timedelta(days=DAYS + 1)).isoformat()
    asked = ("simulate", "--events", EVENTS, "--seed", 3, "--start", start, "--days", DAYS)
    done(*asked, "--kafka", embedded_broker, cwd=place, env=os.environ | own)
    words = ("worker", "--kafka", embedded_broker, "--db", "w.duckdb")
    with started(*words, cwd=place, env=os.environ | own) as worker:
        until((place / "w.duckdb.worker").exists)
        until(lambda: stored(place / "w.duckdb") == EVENTS)
        told = csat(place, "--as-of", clock().isoformat())
        until(lambda: csat(place) == told)  # refreshed, too
        token = firsthand("token", "new", "me", "--db", "w.duckdb", cwd=place).stdout.strip()
        env = os.environ | {"HOME": str(place / "home"), "FIRSTHAND_TOKEN": token}
        reader = Reader(place, env, told)
        reader.follow("offline")
        yield reader
        assert "Traceback" not in ended(worker, signal.SIGTERM).stderr


def csat(place: Path, *moment: str) -> dict[str, float]:
    """Satisfaction by channel, as `firsthand report` tells it."""
    asked = ("report", "--db", "w.duckdb", "--span", "28d", "--by", "channel", "--json", *moment)
    told = json.loads(done(*asked, cwd=place))
    return {each["member"]: each["value"] for each in told if each["metric"] == "csat"}


@pytest.mark.parametrize("tool", ["python", "cli", "adbc"])
def test_a_recipe_answers_as_it_is_printed(reader, tool):
    reader.recognises(reader.follow(tool))


def test_sqlalchemy_sees_the_views_and_their_columns_and_asks_them(reader):
    out = reader.follow("sqlalchemy")
    assert [name for name in RELATIONS if f"\n{name} ['" not in f"\n{out}"] == []
    columns = ["metric", "span", "dimension", "member", "as_of", "numerator", "denominator"]
    assert f"metrics {[*columns, 'value', 'low', 'high']}" in out
    reader.recognises(out)


def test_node_answers_from_the_package_that_the_recipe_names(reader):
    modules = node_client(line("Needs", reader.printed("node")))
    (reader.folder / "node_modules").symlink_to(modules)
    reader.recognises(reader.follow("node"))


def test_a_file_of_views_asks_the_worker_whoever_opens_it(reader):
    reader.follow("views")
    shown = reader.shell('duckdb -readonly -csv -noheader cx.duckdb "show tables"')
    assert shown.split() == sorted(RELATIONS)
    now = clock().isoformat()
    at_moment = f"from metrics_at('{now}', '28d', 'channel') where metric = 'csat'"
    asked = CSAT.replace("'", "''")
    for query in (CSAT, at_moment, f"from ask('{asked}')"):
        reader.recognises(reader.shell(f'duckdb -readonly -csv cx.duckdb "{query}"'))
    contacts = f"select count(*) from contacts_at('{now}') where channel = 'phone'"
    assert int(reader.shell(f'duckdb -readonly -csv -noheader cx.duckdb "{contacts}"')) > 0
    assert reader.env["FIRSTHAND_TOKEN"].encode() not in (reader.folder / "cx.duckdb").read_bytes()


def test_harlequin_shows_the_answer_to_what_is_typed(reader):
    programs = python_client("harlequin", line("Needs", reader.printed("harlequin")))
    words = ("-c", line("Run", reader.printed("harlequin")))
    env = reader.with_programs(programs)
    with Terminal(*words, cwd=reader.folder, columns=160, env=env, program=("sh",)) as terminal:
        terminal.shows("Database Connected")
        until(lambda: takes(terminal, CSAT.replace("from", "select member, value from")))
        terminal.type("\n")  # Ctrl-J: run the query
        terminal.shows("executed successfully", *reader.csat, *(f"{each:g}" for each in reader.csat.values()))
        terminal.type("\x11")
        assert terminal.ends() == 0


def takes(terminal: Terminal, query: str) -> bool:
    """Does the editor show what is typed? Until it has come up, keys go nowhere."""
    terminal.type(query)
    with suppress(AssertionError):
        until(lambda: "csat" in terminal.text(), patience_s=3)
    return "csat" in terminal.text()


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_superset_makes_a_database_a_dataset_and_a_chart_of_it(reader, tmp_path):
    programs = python_client("superset", line("Needs", reader.printed("superset")))
    config = tmp_path / "superset_config.py"
    config.write_text(
        f"SECRET_KEY = 'tests only'\nSQLALCHEMY_DATABASE_URI = 'sqlite:///{tmp_path}/meta.db'\n"
    )
    reader.env.update({"SUPERSET_CONFIG_PATH": str(config), "FLASK_APP": "superset"})
    reader.shell("superset db upgrade", programs)
    reader.follow("superset", programs)
    chart = Path(__file__).with_name("superset_chart.py")
    found = json.loads(reader.shell(f"python {chart}", programs).splitlines()[-1])
    assert {"metric", "member", "as_of", "numerator", "value"} <= set(found["columns"])
    assert {row["member"]: row["value"] for row in found["rows"]} == reader.csat


def test_the_address_is_that_of_the_worker_and_the_token_is_nowhere(reader):
    uri = json.loads((reader.folder / "w.duckdb.worker").read_text())["sql"]
    for words in ((), ("python",)):
        shown = firsthand("connect", *words, "--db", "w.duckdb", cwd=reader.folder, env=reader.env)
        assert (shown.returncode, shown.stderr) == (0, "")
        assert uri in shown.stdout
        assert reader.env["FIRSTHAND_TOKEN"] not in shown.stdout
        assert "\x1b" not in shown.stdout


def test_without_a_tool_all_are_listed_with_the_way_to_a_token(said):
    code, out, err = said("connect", "--db", "my desk.duckdb")
    assert code == 0
    assert all(f"    {tool:<12}{title}\n" in out for tool, title in titles().items())
    assert "export FIRSTHAND_TOKEN=$(firsthand token new NAME --db 'my desk.duckdb')" in out
    assert err == f"no worker runs on my desk.duckdb: {ADDRESS} is live SQL's usual address\n"


@pytest.mark.parametrize("tool", RECIPES)
def test_without_a_worker_a_recipe_has_the_usual_address_and_says_so(said, tool):
    code, out, err = said("connect", tool)
    assert (code, err) == (0, f"no --db was given: {ADDRESS} is live SQL's usual address\n")
    assert ("--db" in out, "/path/to" in out, "\x1b" in out) == (False, False, False)
    assert line("Needs", out)
    assert f"quack:{LOOPBACK}:{DEFAULT_PORT}" in out or tool in ("harlequin", "superset", "offline")


def test_a_worker_without_live_sql_is_told(said, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as page:
        url = f"http://127.0.0.1:{page.getsockname()[1]}/"
        known = {"url": url, "token": "t", "pid": 1, "sql": None}
        (tmp_path / "x.duckdb.worker").write_text(json.dumps(known))
        code, out, err = said("connect", "cli", "--db", "x.duckdb")
    assert (code, ADDRESS in out) == (0, True)
    assert err.startswith("the worker of x.duckdb runs without live SQL")


def test_a_tool_without_a_recipe_is_bad_usage_that_names_those_with_one(tmp_path):
    refused = one_line(firsthand("connect", "abacus", cwd=tmp_path), code=2)
    assert f"there is no recipe for abacus; there are {', '.join(RECIPES)}" in refused


def test_the_recipes_name_the_versions_that_are_tested(said):
    for tool in RECIPES:
        needed = re.findall(r"([\w-]+)==([\w.]+)", line("Needs", said("connect", tool)[1]))
        pins = PINS / f"{tool}.txt"
        kept = pins.read_text().lower().replace("_", "-").splitlines() if pins.exists() else []
        for name, pin in needed:
            assert f"{name}=={pin}" in kept or version(name) == pin, tool
