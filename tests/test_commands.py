"""The commands as a stranger meets them: what they do, and one line about what they cannot do."""

import gzip
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from deliveries import new_store

from pipeline import kafka
from tests.administrator import delete_topic
from tests.command import PATIENCE_S, Terminal, done, ended, firsthand, one_line, started, until

COMMANDS = (
    *("demo", "broker", "worker", "simulate", "import", "send"),
    *("replay", "report", "audit", "fingerprint", "check"),
    *("query", "connect", "token", "snapshot", "alerts"),
)
NOWHERE = "127.0.0.1:1"
COUNTS = {"consumed", "accepted", "duplicates", "rejected", "tombstones"}
COLUMNS = [
    "metric",
    "span",
    "dimension",
    "member",
    "as_of",
    "numerator",
    "denominator",
    "value",
    "low",
    "high",
]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with 6,000 simulated events and their database."""
    place = tmp_path_factory.mktemp("kept")
    done("simulate", "--events", 6000, "--seed", 7, "--to", "e.jsonl", cwd=place)
    done("replay", "e.jsonl", "--db", "x.duckdb", cwd=place)
    return place


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(said, command):
    code, out, err = said(command, "--help")
    assert (code, err) == (0, "")
    assert f"Usage: firsthand {command}" in out
    assert f"Example: firsthand {command}" in out


def test_without_a_command_the_help_is_shown_as_bad_usage(said):
    code, out, err = said()
    assert (code, out) == (2, "")
    assert all(f"\n  {command} " in err for command in COMMANDS)


def test_help_imports_no_engine():
    """That is what makes it quick: duckdb, Kafka and Great Expectations together take seconds."""
    heavy = "{'duckdb', 'kafka', 'aiokafka', 'faust', 'aiohttp', 'pyarrow', 'great_expectations', 'numpy'}"
    program = f"import sys, pipeline.cli; print({heavy} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert out == "set()\n"


def test_pandas_is_there_for_the_checks_and_in_no_other_command(tmp_path):
    program = (
        "import sys; from pipeline.start import main\n"
        "try: main()\n"
        "finally: print(bool(sys.modules.get('pandas')))"
    )

    def ran(*words):
        argv = [sys.executable, "-c", program, *map(str, words)]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.splitlines()[-1]

    events, database = tmp_path / "events.jsonl", tmp_path / "e.duckdb"
    assert ran("simulate", "--events", 300, "--seed", 1, "--to", events) == "False"
    assert ran("replay", events, "--db", database) == "False"
    assert ran("report", "--db", database) == "False"
    assert ran("check", "--db", database) == "True"


BAD_USAGE = (
    "nonsense",
    "report",
    "report --db x.duckdb --spam 7d",
    "report --db x.duckdb --span 7x",
    "report --db x.duckdb --span 0d",
    "report --db x.duckdb --as-of yesterday",
    "report --db x.duckdb --as-of 2026-01-20T00:00:00",
    "report --db x.duckdb --by colour",
    "replay e.jsonl --db r.duckdb --from 2026",
    "replay e.jsonl --db r.duckdb --from 2026-02-02T00:00:00Z --to 2026-02-01T00:00:00Z",
    "replay --db r.duckdb",
    "simulate --events 10 --seed 1",
    "simulate --events 0 --seed 1 --to a.jsonl",
    "simulate --events 10 --seed 1 --to a.jsonl --kafka 127.0.0.1:1",
    "simulate --events 10 --seed 1 --to a.jsonl --rate 5",
    "simulate --events ten --seed 1 --to a.jsonl",
    "simulate --events 10 --seed 1 --days nan --to a.jsonl",
    "import calls.csv --to a.jsonl",
    "worker --kafka 127.0.0.1:1",
    "worker --kafka 127.0.0.1:1 --db w.duckdb --port 0",
    "broker --port 65536",
    "demo --events -1",
    "send e.jsonl",
)


@pytest.mark.parametrize("words", BAD_USAGE)
def test_bad_usage_is_one_line_that_leads_to_the_help_and_exit_code_2(said, words, tmp_path):
    code, out, err = said(*words.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("firsthand: ")
    assert "--help` shows how it is used" in err
    assert not list(tmp_path.iterdir())


FAILURES = {
    "report --db none.duckdb": "none.duckdb: no such database",
    "report --db folder": "folder is a directory",
    "report --db text.duckdb": "text.duckdb cannot be opened",
    "report --db empty.duckdb": "empty.duckdb cannot be opened",
    "report --db foreign.duckdb": "foreign.duckdb is a DuckDB file but not one of firsthand's",
    "audit --db foreign.duckdb": "foreign.duckdb is a DuckDB file but not one of firsthand's",
    "fingerprint --db foreign.duckdb": "foreign.duckdb is a DuckDB file but not one of firsthand's",
    "check --db foreign.duckdb": "foreign.duckdb is a DuckDB file but not one of firsthand's",
    "replay none.jsonl --db r.duckdb": "none.jsonl: no such file",
    "replay folder --db r.duckdb": "folder is a directory",
    "replay text.duckdb --db r.duckdb": "an events file ends in .jsonl or .jsonl.gz",
    "replay broken.jsonl.gz --db r.duckdb": "broken.jsonl.gz cannot be read",
    "replay events.jsonl --db folder": "folder is a directory",
    "replay events.jsonl --db none/r.duckdb": "none is no directory; make it first",
    "replay events.jsonl --db text.duckdb": "text.duckdb is there already",
    "replay events.jsonl --db text.duckdb --overwrite": "text.duckdb cannot be opened",
    "replay kafka:// --db r.duckdb": "write kafka://HOST:PORT/TOPIC",
    "replay kafka://127.0.0.1:1 --db r.duckdb": "write kafka://HOST:PORT/TOPIC",
    "simulate --events 9 --seed 1 --to none/a.jsonl": "none/a.jsonl cannot be written",
    "simulate --events 9 --seed 1 --to text.duckdb/a.jsonl": "text.duckdb/a.jsonl cannot be written",
    "simulate --events 9 --seed 1 --to folder": "folder is a directory",
    "simulate --events 9 --seed 1 --days 99999999 --to a.jsonl": "days is 99999999.0; give",
    "send none.jsonl --kafka 127.0.0.1:1": "none.jsonl: no such file",
    "send folder --kafka 127.0.0.1:1": "folder is a directory",
    "send text.duckdb --kafka 127.0.0.1:1": "an events file ends in .jsonl or .jsonl.gz",
    "import none.csv --mapping pwc --to a.jsonl": "none.csv: cannot be read",
    "import folder --mapping pwc --to a.jsonl": "folder is a directory",
    "import calls.csv --mapping none --to a.jsonl": "none: no such mapping file",
    "import calls.csv --mapping broken.yaml --to a.jsonl": "broken.yaml",
    "import calls.csv --mapping mars.yaml --to a.jsonl": "'Mars/Phobos' is no IANA time zone",
    "import calls.csv --mapping ecommerce --to a.jsonl": "calls.csv, line 1: no column",
    "demo --db text.duckdb": "text.duckdb is there already",
}


@pytest.mark.parametrize("words", FAILURES)
def test_a_failure_is_one_line_and_exit_code_1_and_nothing_is_left_half_written(said, words, tmp_path):
    make_bad_files(tmp_path)
    before = contents(tmp_path)
    code, out, err = said(*words.split())
    assert (code, out) == (1, "")
    assert err.startswith("firsthand: ")
    assert FAILURES[words] in err
    assert err.count("\n") == 1
    assert contents(tmp_path) == before


def make_bad_files(place: Path) -> None:
    (place / "folder").mkdir()
    (place / "text.duckdb").write_text("hello\n")
    (place / "empty.duckdb").touch()
    duckdb.connect(str(place / "foreign.duckdb")).close()
    (place / "events.jsonl").write_text("{}\n")
    (place / "broken.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 9000)[:-20])
    (place / "calls.csv").write_text("Call Id,Agent\n1,Diane\n")
    (place / "broken.yaml").write_text("source: [\n")
    pwc = (Path(__file__).parents[1] / "pipeline/mappings/pwc.yaml").read_text()
    lines = ["zone: Mars/Phobos" if line.startswith("zone:") else line for line in pwc.splitlines()]
    (place / "mars.yaml").write_text("\n".join(lines))


def contents(place: Path) -> dict[str, bytes | None]:
    return {path.name: path.read_bytes() if path.is_file() else None for path in place.iterdir()}


@pytest.mark.parametrize("command", ["report", "audit", "fingerprint", "check"])
def test_a_database_of_a_newer_version_is_refused(said, kept, tmp_path, command):
    newer = changed(kept, tmp_path, "update internal.definitions set schema_version = 99")
    code, _, err = said(command, "--db", newer)
    assert code == 1
    assert "newer.duckdb was made by a newer version of firsthand" in err.replace("changed", "newer")
    assert err.count("\n") == 1


def changed(kept: Path, place: Path, statement: str) -> Path:
    """A copy of the database, with something done to it."""
    copy = place / "changed.duckdb"
    shutil.copy(kept / "x.duckdb", copy)
    with duckdb.connect(str(copy)) as con:
        con.execute(statement)
    return copy


def test_a_setting_that_makes_no_sense_is_named(said, monkeypatch):
    monkeypatch.setenv("FIRSTHAND_PARTITIONS", "many")
    code, _, err = said("demo", "--events", 9)
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("firsthand: FIRSTHAND_PARTITIONS: ")


def test_an_unreachable_broker_is_one_line_within_15_seconds_and_makes_no_file(kept, tmp_path):
    (tmp_path / "e.jsonl").write_text("{}\n")
    shutil.copy(kept / "x.duckdb", tmp_path)
    before = contents(tmp_path)
    commands = (
        "worker --kafka 127.0.0.1:1 --db w.duckdb",
        "send e.jsonl --kafka 127.0.0.1:1",
        "simulate --events 9 --seed 1 --kafka 127.0.0.1:1",
        "audit --db x.duckdb --kafka 127.0.0.1:1",
        "replay kafka://127.0.0.1:1/touchpoints --db r.duckdb",
    )
    with ExitStack() as stack:  # side by side: each waits ten seconds for its broker
        running = [stack.enter_context(started(*words.split(), cwd=tmp_path)) for words in commands]
        for process in running:
            out, err = process.communicate(timeout=25)
            said = one_line(subprocess.CompletedProcess([], process.returncode, out, err))
            assert said.startswith(f"no broker answers at {NOWHERE}: check the address")
    assert contents(tmp_path) == before


HOLDER = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print(flush=True); time.sleep(600)"


def test_a_database_held_by_a_stranger_is_refused_and_left_alone(kept, tmp_path):
    shutil.copy(kept / "x.duckdb", tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path / "x.duckdb"], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout.readline()
            before = contents(tmp_path)
            for words in (
                "report --db x.duckdb",
                "fingerprint --db x.duckdb",
                "replay e.jsonl --db x.duckdb --overwrite",
            ):
                (tmp_path / "e.jsonl").write_text("{}\n")
                assert "x.duckdb is held by another process" in one_line(
                    firsthand(*words.split(), cwd=tmp_path)
                )
            (tmp_path / "e.jsonl").unlink()
            assert contents(tmp_path) == before
        finally:
            holder.kill()


def test_a_full_disk_is_one_line_and_nothing_is_left(kept, tmp_path):
    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    for words in (
        f"simulate --events 6000 --seed 1 --to {tmp_path}/a.jsonl",
        f"replay {kept}/e.jsonl --db {tmp_path}/r.duckdb",
    ):
        assert "disk is full" in one_line(firsthand(*words.split(), cwd=tmp_path, preexec_fn=little_space))
        assert not list(tmp_path.iterdir())


INTERRUPTED_IMPORT = """
import os, signal, sys
from pipeline import start

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests may ignore it

class CtrlC:
    def find_spec(self, name, *_):
        if name == "pipeline.commands.streams":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
start.main()
"""


def test_ctrl_c_while_modules_are_still_imported_is_one_line():
    ran = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_IMPORT], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", "firsthand: interrupted\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_simulation_leaves_nothing_behind(tmp_path, number):
    with started("simulate", "--events", 90_000_000, "--seed", 1, "--to", "a.jsonl", cwd=tmp_path) as process:
        until(lambda: list(tmp_path.iterdir()))
        assert one_line(ended(process, number)) == "interrupted"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_an_interrupted_replay_leaves_the_old_database_as_it_was(kept, tmp_path, number):
    shutil.copy(kept / "x.duckdb", tmp_path)
    (tmp_path / "long.jsonl").write_bytes((kept / "e.jsonl").read_bytes() * 40)
    before = (tmp_path / "x.duckdb").read_bytes()
    with started("replay", "long.jsonl", "--db", "x.duckdb", "--overwrite", cwd=tmp_path) as process:
        until((tmp_path / ".x.duckdb.partial").exists)
        assert one_line(ended(process, number)) == "interrupted"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["long.jsonl", "x.duckdb"]
    assert (tmp_path / "x.duckdb").read_bytes() == before


def test_a_failed_replay_leaves_the_old_database_as_it_was(kept, tmp_path):
    shutil.copy(kept / "x.duckdb", tmp_path)
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress((kept / "e.jsonl").read_bytes())[:-2000])
    before = contents(tmp_path)
    ended = firsthand("replay", "cut.jsonl.gz", "--db", "x.duckdb", "--overwrite", cwd=tmp_path)
    assert "cut.jsonl.gz cannot be read" in one_line(ended)
    assert contents(tmp_path) == before


def test_a_reader_that_leaves_early_is_no_news(kept):
    with started("report", "--db", "x.duckdb", "--by", "agent", "--json", cwd=kept) as process:
        process.stdout.close()
        process.stdout = None
        _, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (1, "")


def test_it_needs_no_home_no_stdin_no_working_directory_and_no_plain_names(kept, tmp_path):
    place = tmp_path / "Zoë's dàta [bold] (1)"
    place.mkdir()
    shutil.copy(kept / "x.duckdb", place / "wörk %s [red].duckdb")
    bare = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    asked = ("audit", "--db", place / "wörk %s [red].duckdb")
    out = done(*asked, cwd=Path("/"), env=bare, preexec_fn=lambda: os.close(0))
    assert out == done("audit", "--db", "x.duckdb", cwd=kept)


def test_output_goes_into_a_pipe_or_a_device_and_through_a_link(kept, tmp_path):
    asked = ("simulate", "--events", 6000, "--seed", 7)
    piped = firsthand(*asked, "--to", "/dev/stdout", cwd=tmp_path)
    assert piped.returncode == 0
    assert piped.stdout == (kept / "e.jsonl").read_text()
    (tmp_path / "real.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to("real.jsonl")
    done(*asked, "--to", "link.jsonl", cwd=tmp_path)
    assert (tmp_path / "link.jsonl").is_symlink()
    assert (tmp_path / "real.jsonl").read_bytes() == (kept / "e.jsonl").read_bytes()


def test_progress_is_shown_on_a_terminal_only(tmp_path):
    asked = ("simulate", "--events", 20_000, "--seed", 7, "--to", "a.jsonl")
    assert done(*asked, cwd=tmp_path) == "20,000 events written to a.jsonl\n"
    with Terminal(*asked, cwd=tmp_path) as terminal:
        assert terminal.ends() == 0
        assert "10,000 events written" in terminal.text()


def test_an_export_becomes_events(tmp_path):
    (tmp_path / "calls.csv").write_text(
        "Call Id,Agent,Date,Time,Topic,Answered (Y/N),Resolved,Speed of answer in seconds,"
        "AvgTalkDuration,Satisfaction rating\n"
        "ID0001,Diane,2021-01-01,9:12:58,Contract related,Y,Y,109,0:02:23,3\n"
    )
    out = done("import", "calls.csv", "--mapping", "pwc", "--to", "a.jsonl", cwd=tmp_path)
    assert out == "2 events written to a.jsonl\n"
    assert done("replay", "a.jsonl", "--db", "a.duckdb", cwd=tmp_path).startswith(
        "a.duckdb: 2 consumed = 2 accepted "
    )


LINES = (
    b'{"data":{"customer_id":"c1"}, "odd":  "spaces"}',
    b'{"data":{"customer_id":"Zo\xc3\xab \\u00e9"}}\r',
    b'{"data":{"customer_id":7}}',
    b'{"data":{"customer_id":null}}',
    b'{"data":{"customer_id":""}}',
    b'{"data":{"customer_id":"\\ud800"}}',
    b'{"data":[]}',
    b"[" * 100_000,
    b"not json \xff\x00",
)
KEYS = (b"c1", "Zoë é".encode(), *[None] * 7)


def test_a_file_is_sent_byte_for_byte_with_the_customer_as_key(broker, topic, tmp_path):
    name = topic("touchpoints")
    (tmp_path / "e.jsonl").write_bytes(b"\n".join([*LINES[:3], b"", b"  ", *LINES[3:]]))
    env = os.environ | {"FIRSTHAND_TOPIC": name}
    out = done("send", "e.jsonl", "--kafka", broker, "--rate", 1000, cwd=tmp_path, env=env)
    assert out == f"{len(LINES)} events sent to {name} at {broker}\n"
    assert len(kafka.end_offsets(broker, name)) == 4
    assert sorted(records(broker, name), key=repr) == sorted(zip(KEYS, LINES, strict=True), key=repr)


def records(broker: str, topic: str) -> list[tuple[bytes | None, bytes | None]]:
    return [
        pair
        for batch in kafka.read_batches(broker, topic)
        for pair in zip(batch.keys, batch.values, strict=True)
    ]


def test_the_same_events_from_file_gzip_and_topic_have_one_fingerprint(broker, topic, kept, tmp_path):
    name = topic("touchpoints")
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress((kept / "e.jsonl").read_bytes()))
    env = os.environ | {"FIRSTHAND_TOPIC": name}
    done("simulate", "--events", 6000, "--seed", 7, "--kafka", broker, cwd=tmp_path, env=env)
    done("replay", "e.jsonl.gz", "--db", "z.duckdb", cwd=tmp_path)
    done("replay", f"kafka://{broker}/{name}", "--db", "k.duckdb", cwd=tmp_path)
    prints = {
        done("fingerprint", "--db", path, cwd=tmp_path)
        for path in (kept / "x.duckdb", "z.duckdb", "k.duckdb")
    }
    assert len(prints) == 1
    assert len(prints.pop()) == 65


def test_a_replay_between_two_moments_takes_both_of_them_and_nothing_else(kept, tmp_path):
    with duckdb.connect(str(kept / "x.duckdb"), read_only=True) as con:
        times = [row[0] for row in con.execute("select occurred_at from touchpoints order by 1").fetchall()]
    first, last = times[1000], times[2000]
    asked = ("--from", first.isoformat(), "--to", last.astimezone(UTC).isoformat())
    done("replay", kept / "e.jsonl", "--db", "r.duckdb", *asked, cwd=tmp_path)
    with duckdb.connect(str(tmp_path / "r.duckdb"), read_only=True) as con:
        found = con.execute("select occurred_at from touchpoints order by 1").fetchall()
    assert [row[0] for row in found] == [time for time in times if first <= time <= last]
    audit = json.loads(done("audit", "--db", "r.duckdb", "--json", cwd=tmp_path))
    assert audit["consumed"] == sum(audit[name] for name in COUNTS - {"consumed"})


def test_a_replay_replaces_a_database_only_when_told_to(said, kept, tmp_path):
    (tmp_path / "e.jsonl").write_bytes((kept / "e.jsonl").read_bytes()[:50_000])
    shutil.copy(kept / "x.duckdb", tmp_path)
    code, _, err = said("replay", "e.jsonl", "--db", "x.duckdb")
    assert (code, "add --overwrite" in err) == (1, True)
    assert (tmp_path / "x.duckdb").read_bytes() == (kept / "x.duckdb").read_bytes()
    code, out, _ = said("replay", "e.jsonl", "--db", "x.duckdb", "--overwrite")
    assert (code, out.startswith("x.duckdb: ")) == (0, True)
    assert (tmp_path / "x.duckdb").read_bytes() != (kept / "x.duckdb").read_bytes()


def test_the_report_for_programs_has_the_columns_of_metrics_and_json_numbers(said, kept):
    code, out, err = said("report", "--db", kept / "x.duckdb", "--json", "--by", "channel", "--span", "28d")
    assert (code, err) == (0, "")
    rows = json.loads(out)
    assert rows
    for row in rows:
        assert list(row) == COLUMNS
        assert all(isinstance(row[name], str) for name in ("metric", "span", "dimension", "member", "as_of"))
        assert all(type(row[name]) in (int, float) for name in ("numerator", "denominator", "value"))
        assert all(type(row[name]) in (int, float, type(None)) for name in ("low", "high"))
        assert datetime.fromisoformat(row["as_of"]).utcoffset().total_seconds() == 0
    stored = read(
        kept, f"select {', '.join(COLUMNS)} from metrics where dimension = 'channel' and span = '28d'"
    )
    assert as_text(rows) == as_text(stored)


def test_the_report_of_another_moment_and_span_is_that_of_metrics_at(said, kept):
    at = "2026-01-20T06:30:00+01:00"
    asked = ("--as-of", at, "--span", "3d", "--by", "reason", "--json")
    _, out, _ = said("report", "--db", kept / "x.duckdb", *asked)
    rows = json.loads(out)
    assert {(row["span"], row["dimension"], row["as_of"]) for row in rows} == {
        ("3d", "reason", "2026-01-20T05:30:00Z")
    }
    assert as_text(rows) == as_text(
        read(kept, f"select {', '.join(COLUMNS)} from metrics_at('{at}', '3d', 'reason')")
    )


def read(kept: Path, query: str) -> list[dict]:
    with duckdb.connect(str(kept / "x.duckdb"), read_only=True) as con:
        con.execute("set TimeZone = 'UTC'")
        return [dict(zip(COLUMNS, row, strict=True)) for row in con.execute(query).fetchall()]


def as_text(rows: list[dict]) -> list[str]:
    """Rows as SQL and JSON both can tell them, sorted."""
    return sorted(
        f"{row['metric']} {row['member']} {row['span']} {float(row['numerator'])} {row['denominator']} "
        f"{row['value']} {row['low']} {row['high']} {datetime.fromisoformat(str(row['as_of']))}"
        for row in rows
    )


def test_the_report_for_people_names_the_span_the_moment_and_every_member(kept):
    out = done("report", "--db", "x.duckdb", "--by", "channel", "--span", "28d", cwd=kept)
    assert out.startswith("28d by channel, as of 2026-")
    assert {"phone", "email", "chat", "social"} <= set(out.split())


def test_members_from_outside_reach_the_terminal_as_plain_text(said, kept, tmp_path):
    event = json.loads((kept / "e.jsonl").read_text().splitlines()[0])
    event["data"]["reason"] = "[red]\x1b[2J[/nonsense]"
    (tmp_path / "e.jsonl").write_text(json.dumps(event))
    said("replay", "e.jsonl", "--db", "m.duckdb")
    code, out, _ = said("report", "--db", "m.duckdb", "--by", "reason")
    assert code == 0
    assert "[red]\\x1b[2J[/nonsense]" in out


def test_a_window_without_events_is_said_to_be_empty(said, kept):
    asked = ("report", "--db", kept / "x.duckdb", "--as-of", "1999-01-01T00:00:00Z")
    assert said(*asked)[:2] == (0, "")
    assert said(*asked, "--json")[:2] == (0, "[]\n")


def test_the_audit_for_programs_has_its_figures_in_total_and_per_partition(said, kept):
    code, out, _ = said("audit", "--db", kept / "x.duckdb", "--json")
    found = json.loads(out)
    assert code == 0
    assert found["consumed"] == 6000
    for counts in (found, *found["partitions"]):
        assert set(counts) >= COUNTS
        assert counts["consumed"] == sum(counts[name] for name in COUNTS - {"consumed"})
    assert [(each["topic"], each["partition"]) for each in found["partitions"]] == [("e.jsonl", 0)]


def test_an_audit_beside_kafka_tells_what_is_still_to_be_consumed(broker, topic, kept, tmp_path):
    env = os.environ | {"FIRSTHAND_TOPIC": (name := topic("touchpoints"))}
    done("send", kept / "e.jsonl", "--kafka", broker, cwd=tmp_path, env=env)
    asked = ("audit", "--db", kept / "x.duckdb", "--kafka", broker)
    found = json.loads(done(*asked, "--json", cwd=tmp_path, env=env))
    left = [each["remaining"] for each in found["partitions"] if each["topic"] == name]
    assert (len(left), sum(left), found["remaining"]) == (4, 6000, 6000)
    assert "still to be consumed: 6,000" in done(*asked, cwd=tmp_path, env=env)


@pytest.mark.parametrize(
    ("sent_again", "complaint"),
    [(1, "ends at offset 1, but the database has consumed up to 2"), (3, "was deleted and made again")],
    ids=["shorter", "longer"],
)
def test_an_audit_beside_a_topic_made_again_is_refused(
    said, broker, topic, tmp_path, monkeypatch, sent_again, complaint
):
    monkeypatch.setenv("FIRSTHAND_TOPIC", name := topic("touchpoints"))
    fill(broker, name, 2)
    with new_store(tmp_path / "x.duckdb") as store:
        for batch in kafka.read_batches(broker, name):
            store.ingest([batch], datetime(2026, 11, 21, tzinfo=UTC))
        assert store.recognises(name, kafka.topic_id(broker, name))
    asked = ("audit", "--db", "x.duckdb", "--kafka", broker)
    assert said(*asked)[0] == 0
    delete_topic(broker, name)
    fill(broker, name, sent_again)
    code, out, err = said(*asked)
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert f"firsthand: {name}" in err
    assert complaint in err


def fill(broker: str, name: str, records: int) -> None:
    kafka.ensure_topics(broker, {name: 1})
    kafka.produce(broker, name, [(None, b"{")] * records)


@pytest.mark.parametrize("column", ["consumed", "accepted", "rejected", "duplicates", "tombstones"])
def test_an_audit_of_a_broken_law_fails(said, kept, tmp_path, column):
    broken = changed(kept, tmp_path, f"update watermarks set {column} = {column} + 1")
    code, out, err = said("audit", "--db", broken, "--json")
    assert (code, json.loads(out)["holds"], err.count("\n")) == (1, False, 1)
    assert "the conservation law does not hold" in err


def test_checks_of_a_good_database_pass_and_write_docs(kept, tmp_path):
    out = done("check", "--db", kept / "x.duckdb", "--docs", tmp_path / "dö cs", cwd=tmp_path)
    assert "touchpoints: " in out
    assert (tmp_path / "dö cs" / "index.html").is_file()


def test_a_check_that_fails_is_told_with_exit_code_1(kept, tmp_path):
    broken = changed(kept, tmp_path, "update metrics set value = 7 where metric = 'csat'")
    ended = firsthand("check", "--db", broken, "--json", cwd=tmp_path)
    assert "expectations that fail: " in one_line(ended)
    assert json.loads(ended.stdout)["success"] is False


def test_the_broker_ends_with_a_signal_and_frees_its_port(tmp_path):
    with started("broker", cwd=tmp_path) as process:
        bootstrap = process.stdout.readline().split()[2].rstrip(";")
        kafka.require_broker(bootstrap)
        assert "is taken" in one_line(firsthand("broker", "--port", bootstrap.split(":")[1], cwd=tmp_path))
        assert ended(process, signal.SIGTERM).returncode == 0
    assert done_within(["broker", "--port", bootstrap.split(":")[1]], tmp_path)


def done_within(words: list[str], place: Path) -> bool:
    """Does the broker start, say where it is, and end by Ctrl-C?"""
    with started(*words, cwd=place) as process:
        return bool(process.stdout.readline()) and ended(process, signal.SIGINT).returncode == 0
