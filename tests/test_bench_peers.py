"""What `make bench-peers` publishes rests on these: what is expected, compared and measured how."""

import ast
import doctest
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from bench.peers import contest, contestants, environments, outcome, report
from bench.peers.contest import REPLAY, WORKER, Contest
from bench.peers.contestants import BY_HAND, PEERS, PROGRAMS, REQUIREMENTS, Peer
from bench.peers.expectation import accepted_once, expect
from bench.peers.outcome import Outcome, Standing
from bench.peers.page import Occasion, page
from bench.peers.samples import ALL, FEW, SLOW, Sample, Sizes, samples
from bench.peers.verdict import EXACT, OF_A_PEER, OF_FIRSTHAND, compare
from bench.processes import Cost, firsthand
from pipeline.embedded_broker import EmbeddedBroker

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = ("2026-11-21T10:00", "phone", "billing")
CONTACT = {
    "specversion": "1.0",
    "id": "1",
    "source": "desk",
    "type": "touchpoint.contact.v1",
    "time": "2026-11-21T10:00:59.999Z",
    "data": {
        "customer_id": "k",
        "contact_id": "t",
        "channel": "phone",
        "reason": "billing",
        "wait_s": 1.0005,
    },
}


def event(data: dict | None = None, **envelope: object) -> bytes:
    """A contact by phone about billing, but for what is given."""
    return json.dumps(CONTACT | envelope | {"data": CONTACT["data"] | (data or {})}).encode()


def made(database: Path, *rows: tuple) -> Path:
    """A file as a peer leaves it."""
    columns = "minute varchar, channel varchar, reason varchar, touchpoints int, waits int, wait_ms bigint, "
    with duckdb.connect(str(database)) as connection:
        connection.execute(
            f"create table totals ({columns} csats int, csat_sum int, efforts int, effort_sum int)"
        )
        for row in rows:
            connection.execute("insert into totals values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    return database


def ran(cpu_s: float, verdict: str = EXACT) -> Outcome:
    return Outcome(verdict, 1_000_000, Cost(cpu_s, peak_mib=100.0, wall_s=10.0))


def test_totals_of_a_minute_are_expected_as_one_counts_them_by_hand() -> None:
    lines = [
        event({"wait_s": 0.25}),
        event({"wait_s": 2, "csat": None}, time="2026-11-21T10:00:00.000Z"),
        event({"wait_s": None, "csat": 4, "effort": 7}, type="touchpoint.survey.v1"),
        event({"wait_s": None, "csat": 1, "reason": None}, type="touchpoint.survey.v1"),
        event({"wait_s": None}, type="touchpoint.invitation.v1", time="2026-11-21T10:01:00.000Z"),
    ]
    assert expect(lines) == {
        KEY: (3, 2, 2250, 1, 4, 1, 7),
        (*KEY[:2], None): (1, 0, 0, 1, 1, 0, 0),
        ("2026-11-21T10:01", *KEY[1:]): (1, 0, 0, 0, 0, 0, 0),
    }


@pytest.mark.parametrize(
    "line",
    [
        b"",
        event()[:-1],
        b"[" + event() + b"]",
        event().replace(b"desk", b"caf\xe9"),
        event(type="touchpoint.contact.v0"),
        event(type="touchpoint.reopen.v1"),
        event(time="2026-11-21T10:00:59.999"),
        event(time="2026-11-21T10:00:59+01:00"),
        event(time="2026-11-21T10:00:59Z"),
        event(time=7),
        event({"channel": None}),
        event({"reason": 7}),
        event({"wait_s": "1.5"}),
        event({"wait_s": True}),
        event({"csat": 4.5}),
        event({"csat": True}),
        event({"effort": "7"}),
        json.dumps(CONTACT | {"data": []}).encode(),
    ],
)
def test_what_breaks_the_rule_is_not_expected_in_any_total(line: bytes) -> None:
    assert expect([line]) == {}


def test_firsthand_is_expected_to_set_aside_copies_and_what_only_its_contract_forbids() -> None:
    surveyed = {"wait_s": None, "csat": None, "effort": None}
    lines = [
        event(),
        event(),
        event(time="2026-11-21T10:00:59.998Z"),
        event({"channel": "old phone"}, id="2"),
        event({"customer_id": None}, id="3"),
        event({"customer_id": "k" * 129}, id="4"),
        event(specversion=None, id="5"),
        event(surveyed, id="6", type="touchpoint.survey.v1"),
        event(surveyed | {"resolved": False}, id="7", type="touchpoint.survey.v1"),
    ]
    assert sum(sums[0] for sums in expect(lines).values()) == 9
    assert expect(lines, accepted_once()) == {KEY: (3, 2, 2000, 0, 0, 0, 0)}


def test_totals_are_exact_only_where_every_sum_of_every_group_is(tmp_path: Path) -> None:
    right = (*KEY, 3, 2, 2250, 1, 4, 1, 7)
    expected = {KEY: right[3:]}
    assert compare(made(tmp_path / "right", right), OF_A_PEER, expected) == EXACT
    wrong = {
        "sum": [(*right[:5], 2251, *right[6:])],
        "missing": [],
        "more": [right, (*KEY[:2], None, *right[3:])],
    }
    for name, rows in wrong.items():
        verdict = compare(made(tmp_path / name, *rows), OF_A_PEER, expected)
        assert verdict == "wrong: 1 of 1 groups", name
    assert compare(made(tmp_path / "twice", right, right), OF_A_PEER, expected) == "wrong: 1 groups twice"


def test_what_firsthand_stores_of_simulated_events_is_exactly_what_is_expected(tmp_path: Path) -> None:
    file, database = tmp_path / "events.jsonl", tmp_path / "x.duckdb"
    firsthand(tmp_path, "simulate", "--events", "3000", "--seed", "7", "--days", "1", "--to", str(file))
    firsthand(tmp_path, "replay", str(file), "--db", str(database))
    lines = file.read_bytes().splitlines()
    expected = expect(lines, accepted_once())
    assert len(expected) > 1000
    assert compare(database, OF_FIRSTHAND, expected) == EXACT
    assert compare(database, OF_FIRSTHAND, expect(lines)) != EXACT


def test_ratios_are_of_the_same_round_and_their_median_counts() -> None:
    standing = Standing([ran(8), ran(30), ran(9)], [ran(4), ran(10), ran(3)])
    assert standing.cpu == (9, 8, 30)
    assert standing.ratio == (3, 2, 3)
    assert standing.events_per_s == 100_000


def test_a_result_that_was_wrong_once_has_no_figures() -> None:
    standing = Standing([ran(8), ran(9, "wrong: 1 of 9 groups")], [ran(4), ran(4)])
    assert (standing.cpu, standing.ratio, standing.events_per_s, standing.peak_mib) == (None,) * 4
    assert standing.verdict == "wrong: 1 of 9 groups"
    beside_wrong = Standing([ran(8)], [ran(4, "wrong: 1 of 9 groups")])
    assert (beside_wrong.cpu, beside_wrong.ratio) == ((8, 8, 8), None)


def test_the_page_shows_each_contestant_with_its_figures_and_a_wrong_one_as_wrong() -> None:
    by_hand = [ran(4), ran(5)]
    found = {
        BY_HAND.program: Standing(by_hand, by_hand),
        "quix_sink": Standing([ran(12), ran(16)], by_hand),
        "bytewax_batch": Standing([ran(5), ran(5, "wrong: 3 of 9 groups")], by_hand),
        WORKER: Standing([ran(6), ran(6)], by_hand),
    }
    machine = {"cores": 2, "cpu": "a CPU", "memory_gib": 8, "system": "Linux", "python": "3.11.7"}
    occasion = Occasion(NOW, 2, machine | {"duckdb": "1.5.5", "firsthand": "0.1.0"})
    sample = Sample(ALL, Path(), 1000, expect([event()]), {})
    text = page(found, sample, Sizes(1000, 500, 1), occasion)
    rows = [line for line in text.splitlines() if line.startswith("| ") and " MiB " not in line]
    assert rows[1].startswith("| Bytewax, batch aggregation | bytewax 0.21.1 | - | - | - | - |")
    assert rows[1].endswith("| wrong: 3 of 9 groups |")
    assert rows[2].startswith(
        "| Quix Streams, batching sink | quixstreams 3.28.1 | 14.0 (12.0 to 16.0) | 3.10 ("
    )
    assert rows[3].startswith("| **firsthand worker** | 0.1.0 | 6.0 | 1.35 (1.20 to 1.50) | 100,000 | 100 |")
    assert rows[4].startswith("| confluent-kafka + msgspec + dict |")
    assert "2026-11-22: 2 cores of a CPU" in text
    assert "{" not in text


def leaving(records: int | None, **sums: int) -> Callable[[Sequence[str], Path], Cost]:
    """Instead of running a program: its file, and a cost that is a start and a hundredth of a second each."""

    def run(argv: Sequence[str], _place: Path) -> Cost:
        number, database = int(argv[-2]), Path(argv[-1])
        if records is None:
            made(database, (*KEY, *(expected | sums).values()))
        else:
            with duckdb.connect(str(database)) as connection:
                connection.execute("create table counted as select ? as records", [number + records])
        return Cost(cpu_s=1 + number / 100, peak_mib=50, wall_s=2 + number / 50)

    expected = dict(zip(("touchpoints", "waits", "wait_ms", *"abcd"), (1, 1, 1000, 0, 0, 0, 0), strict=True))
    return run


def judged(
    peer: Peer, run: Callable[[Sequence[str], Path], Cost], place: Path, monkeypatch: pytest.MonkeyPatch
) -> Outcome:
    place.mkdir()
    monkeypatch.setattr(contest, "_within", run)
    totals = {KEY: (1, 1, 1000, 0, 0, 0, 0)}
    given = {
        topic: Sample(topic, Path(), number, totals, {})
        for topic, number in {ALL: 1000, SLOW: 200, FEW: 100}.items()
    }
    return Contest("nowhere", given)._peer(peer, Path(sys.executable), place)


def test_a_peer_is_judged_by_the_file_that_it_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = judged(BY_HAND, leaving(None), tmp_path / "right", monkeypatch)
    assert right == Outcome(EXACT, 1000, Cost(11, 50, 22))
    wrong = judged(BY_HAND, leaving(None, wait_ms=999), tmp_path / "wrong", monkeypatch)
    assert wrong == replace(right, verdict="wrong: 1 of 1 groups")


def test_a_slow_peer_gets_fewer_events_and_is_told_as_if_it_had_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Peer("slow", BY_HAND.program, "slow", slow=True, only_counts=True)
    right = judged(slow, leaving(0), tmp_path / "right", monkeypatch)
    assert (right.verdict, right.events) == (EXACT, 1000)
    assert right.cost is not None
    assert (right.cost.cpu_s, right.cost.wall_s) == (pytest.approx(11), pytest.approx(22))
    wrong = judged(slow, leaving(1), tmp_path / "wrong", monkeypatch)
    assert wrong.verdict == "wrong: 201 of 200 records"


def test_a_peer_that_fails_or_never_ends_is_told_as_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def running(code: str, deadline_s: float) -> Callable[[Sequence[str], Path], Cost]:
        monkeypatch.setattr(contest, "DEADLINE_S", deadline_s)
        return lambda _argv, place: within([sys.executable, "-c", code], place)

    within = contest._within
    failed = judged(BY_HAND, running("exit('no broker')", 60), tmp_path / "failed", monkeypatch)
    assert failed.cost is None
    assert re.match("failed: .*no broker", failed.verdict)
    endless = running("import signal; signal.pause()", 0.1)
    assert judged(BY_HAND, endless, tmp_path / "endless", monkeypatch) == Outcome(
        "failed: not at its end after 0 s", 1000, None
    )


def test_every_program_is_a_peers_or_a_part_of_one_and_every_peer_has_its_program_and_lock() -> None:
    imported = {
        node.module
        for path in PROGRAMS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    named = {peer.program for peer in PEERS}
    assert {path.stem for path in PROGRAMS.glob("*.py")} - imported == named
    assert {path.stem for path in REQUIREMENTS.glob("*.lock")} == named
    assert {path.stem for path in REQUIREMENTS.glob("*.in")} == named


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.program)
def test_every_peers_requirements_are_exact_and_have_hashes(peer: Peer) -> None:
    locked = re.split(r"\n(?=\S)", peer.lock.read_text().strip())
    assert all(re.match(r"[a-z0-9._-]+==\S+.*\\\n    --hash=sha256:[0-9a-f]{64}", each) for each in locked)
    versions = {each.split()[0] for each in locked}
    asked = peer.lock.with_suffix(".in").read_text().split()
    assert {re.sub(r"\[.*\]", "", each) for each in asked} <= versions
    assert peer.version[0].isdigit()


def test_an_environment_is_built_once_and_again_when_its_lock_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = []
    monkeypatch.setattr(contestants, "REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "ENVIRONMENTS", tmp_path / "environments")
    monkeypatch.setattr(environments.venv, "create", lambda home, **_: home.mkdir(parents=True))
    monkeypatch.setattr(environments, "run", lambda argv, _place: installed.append(argv))
    for version in ("1", "1", "2"):
        BY_HAND.lock.write_text(f"confluent-kafka=={version}\n")
        python = environments.python_of(BY_HAND, tmp_path)
    assert python.is_relative_to(tmp_path / "environments" / BY_HAND.program)
    assert [each[0] for each in installed] == [str(python)] * 2
    assert all("--require-hashes" in each for each in installed)


def test_lines_of_code_are_those_of_the_program_and_of_what_it_imports(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text('"""Meaning."""\n\nfrom beside import x  # why\n\n\nprint(\n    x\n)\n')
    (tmp_path / "beside.py").write_text('x = """\ntext\n"""\n')
    peer = replace(BY_HAND, program="own")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(contestants, "PROGRAMS", tmp_path)
        assert peer.lines == 7


@pytest.mark.parametrize("module", [contestants, outcome, report])
def test_the_examples_in_its_docstrings_are_true(module) -> None:
    tried = doctest.testmod(module)
    assert (tried.failed, tried.attempted > 0) == (0, True)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_cheapest_peer_and_firsthand_leave_exact_totals_of_the_same_events(tmp_path: Path) -> None:
    asked = (BY_HAND.program, WORKER, REPLAY)
    with EmbeddedBroker() as broker:
        prepared = samples(broker.bootstrap, Sizes(5000, 2000, 1), NOW, tmp_path)
        contenders = Contest(broker.bootstrap, prepared).contenders(asked, tmp_path)
        for name, run in contenders.items():
            (tmp_path / name).mkdir()
            ended = run(tmp_path / name)
            assert (ended.verdict, ended.events) == (EXACT, 5000), name
            assert ended.cost is not None
            assert ended.cost.cpu_s > 0
    assert tuple(contenders) == asked
