"""The benchmark at its smallest: what it measures it reports, and it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from argparse import ArgumentTypeError
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from bench.arguments import some_of
from bench.figures import Figure
from bench.freshness import Look, latencies
from bench.hostile_records import KINDS
from bench.inputs import Setup, events_file
from bench.processes import Child, firsthand, run
from bench.profile_ingest import profile
from bench.profile_worker import ThreadLedger
from bench.worker import require_law
from pipeline.errors import FirsthandError

ROOT = Path(__file__).parent.parent
SMALL = [
    "--runs",
    "1",
    "--events",
    "2000",
    "--history",
    "3000",
    "--hostile",
    "1000",
    "--rate",
    "500",
    "--live-rate",
    "500",
    "--seconds",
    "1",
]
PATIENCE_S = 60
MAY_BE_NONE = ("share of the rate that readers cost", "torn answers")


def started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    """The benchmark in a process of its own, with `place` for its temporary files."""
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *SMALL, *arguments],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(place), "FIRSTHAND_TOPIC": "not-for-the-benchmark"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def left_running(place: Path) -> list[str]:
    """Processes that were given `place`; where the system does not tell, none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={place}".encode() in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """All parts, two by two beside each other: their JSON, what was printed, their temporary folder."""
    place, out = tmp_path_factory.mktemp("temporary"), tmp_path_factory.mktemp("out")
    files = [out / "new" / "ad.json", out / "bcef.json"]
    halves = [started(place, "--only", ",".join(file.stem), "--out", str(file)) for file in files]
    told = [half.communicate() for half in halves]
    assert [half.returncode for half in halves] == [0, 0], told
    results, others = (json.loads(file.read_text()) for file in files)
    results["parts"] |= others["parts"]
    return results, "".join(stdout for stdout, _ in told), place


def figures(results: dict, part: str) -> dict:
    return results["parts"][part]["figures"]


def test_only_the_parts_asked_for_are_measured(bench):
    assert list(bench[0]["parts"]) == ["a", "d", "b", "c", "e", "f"]


def test_results_name_the_machine_the_moment_and_the_sizes(bench):
    results, _, _ = bench
    assert {"cpu", "cores", "memory_gib", "python", "duckdb"} <= results["machine"].keys()
    assert datetime.fromisoformat(results["measured_at"]).tzinfo is not None
    sizes = {"events": 2000, "history": 3000, "hostile": 1000, "rate": 500, "live_rate": 500, "seconds": 1}
    assert results["settings"] == {"runs": 1, **sizes}


@pytest.mark.parametrize(
    ("part", "goals"),
    [
        (
            "a",
            {
                "CPU per million events": 8,
                "CPU per million events, less an idle worker's": 8,
                "peak memory": 1024,
            },
        ),
        ("b", {}),
        (
            "c",
            {
                "full refresh": 300,
                "metrics_at at the latest moment, slowest call": 500,
                "metrics_at at an odd moment in the past, slowest call": 500,
            },
        ),
        ("d", {"send to reading, p99": 2}),
        ("e", {"a hostile record's CPU, in clean ones": 3}),
        (
            "f",
            {
                "share of the rate that readers cost": 0.1,
                "a reader's readings, p95": 0.15,
                "torn answers": 0,
            },
        ),
    ],
)
def test_each_part_reports_every_run_and_holds_medians_against_the_goals(bench, part, goals):
    found = figures(bench[0], part)
    assert {name: each["goal_at_most"] for name, each in found.items() if "goal_at_most" in each} == goals
    for name, each in found.items():
        assert len(each["runs"]) == 1
        assert each["median"] == each["runs"][0]
        assert each["median"] is None or each["median"] > 0 or name in MAY_BE_NONE or "less" in name
        assert each.get("met") == (each["median"] <= goals[name] if name in goals else None)


def test_worker_part_says_that_the_audit_found_everything_consumed(bench):
    assert "consumed 2,000 of 2,000" in bench[0]["parts"]["a"]["facts"]["audit"]


def test_readings_part_has_every_span_and_dimension_at_two_moments(bench):
    calls = bench[0]["parts"]["c"]["facts"]["calls"]
    assert len({(call["moment"], call["span"], call["dimension"]) for call in calls}) == 2 * 5 * 7
    assert all(len(call["ms"]) == 1 for call in calls)
    assert all(call["rows"] > 0 for call in calls if call["span"] == "28d")
    assert "3,000 touchpoints" in bench[0]["parts"]["c"]["title"]


def test_freshness_is_ordered_and_told_with_its_resolution(bench):
    found = figures(bench[0], "d")
    p50, p99, longest = (found[f"send to reading, {name}"]["median"] for name in ("p50", "p99", "longest"))
    assert 0 < p50 <= p99 <= longest
    assert found["between two looks, median"]["median"] < longest


def test_hostile_part_tells_the_cost_of_every_kind(bench):
    kinds = bench[0]["parts"]["e"]["facts"]["kinds"]
    assert set(kinds) == set(KINDS)
    assert all(us > 0 for runs in kinds.values() for us in runs)


def test_table_shows_every_part_and_figure(bench):
    results, told, _ = bench
    for part in results["parts"].values():
        assert part["title"] in told
        assert all(name in told for name in part["figures"])


def test_benchmark_leaves_no_process_and_no_file(bench):
    place = bench[2]
    assert left_running(place) == []
    assert list(place.iterdir()) == []


def test_stopped_benchmark_leaves_no_process_and_no_file(tmp_path):
    process = started(tmp_path, "--only", "a", "--out", str(tmp_path / "never.json"))
    deadline = time.monotonic() + PATIENCE_S
    while not list(tmp_path.glob("*/a-0/*.worker")):  # its worker runs
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert "linux" not in sys.platform or left_running(tmp_path)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 143
    assert left_running(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_kept_events_are_used_again_on_the_same_day_only(tmp_path):
    def made(day: int, run: str) -> Path:
        scratch = tmp_path / run
        now = datetime(2026, 11, day, 13, 5, tzinfo=UTC)
        return events_file(Setup(1, 100, 100, 1, 1, 1, 1, now, tmp_path, scratch))

    first = made(21, "first")
    written = first.stat().st_mtime_ns
    assert len(first.read_bytes().splitlines()) == 100
    assert made(21, "again") == first
    assert first.stat().st_mtime_ns == written
    assert made(22, "next") != first


def test_figure_of_a_worker_that_missed_an_event_is_refused(tmp_path):
    file = events_file(Setup(1, 100, 1, 1, 1, 1, 1, datetime(2026, 11, 21, tzinfo=UTC), tmp_path, tmp_path))
    database = tmp_path / "replayed.duckdb"
    firsthand(tmp_path, "replay", str(file), "--db", str(database))
    require_law(database, 100, tmp_path / "right")
    with pytest.raises(FirsthandError, match=r"101 events were sent.*'consumed': 100"):
        require_law(database, 101, tmp_path / "wrong")


def test_event_is_read_once_its_own_partition_counts_it():
    sent = np.array([[0, 10.0], [1, 10.1], [0, 10.2], [1, 10.3]])
    looks = [Look(11.0, {"x-0": 2}), Look(12.0, {"x-0": 2, "x-1": 1}), Look(12.5, {}), Look(13.0, {"x-1": 1})]
    assert latencies(sent, looks, "x") == pytest.approx([1.0, 1.9, 0.8, np.inf])


def test_goal_is_met_by_the_median_of_what_is_known():
    assert Figure("p99", "s", [9.0, 2.0, 1.0], at_most=2).is_met is True
    assert Figure("p99", "s", [9.0, 2.1, 1.0], at_most=2).is_met is False
    assert Figure("rate", "/s", [None, 4.0, 8.0]).median == 6
    assert Figure("rate", "/s", [None], at_most=2).is_met is None


def test_process_is_charged_the_cpu_and_memory_it_took(tmp_path):
    work = "import time\nheld = bytearray(200 << 20)\nwhile time.process_time() < 0.5: pass"
    cost, _ = run([sys.executable, "-c", work], tmp_path)
    assert 0.5 <= cost.cpu_s < 2
    assert 200 < cost.peak_mib < 300
    assert cost.wall_s >= 0.5


def test_failure_of_a_measured_process_says_what_it_said(tmp_path):
    with (
        pytest.raises(FirsthandError, match=r"exit code 3.*no such luck"),
        Child(
            [sys.executable, "-c", "import sys; print('no such luck', file=sys.stderr); sys.exit(3)"],
            tmp_path,
        ) as child,
    ):
        child.cost()


def test_unknown_part_is_refused_by_name():
    assert some_of("abcd", "part")("a,d") == ("a", "d")
    with pytest.raises(ArgumentTypeError, match="no part x"):
        some_of("abcd", "part")("a,x")


def test_profile_charges_statements_and_steps_of_the_ingest(tmp_path):
    file = events_file(Setup(1, 500, 1, 1, 1, 1, 1, datetime(2026, 11, 21, tzinfo=UTC), tmp_path, tmp_path))
    found = profile(file)
    assert found["records"] == 500
    assert found["steps"]["python: ingest"]["calls"] == 1
    assert found["steps"]["commit()"]["calls"] >= 1
    statements = [name for name in found["steps"] if not name.startswith("python: ") and "()" not in name]
    assert len(statements) > 10
    assert sum(each["cpu_s"] for each in found["steps"].values()) > 0


def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_each_thread_is_charged_for_its_steps_less_the_steps_within():
    ledger = ThreadLedger()
    inner = ledger.wrapped("inner", lambda: spin(0.06))

    def outer():
        spin(0.02)
        inner()

    def work():
        ledger.wrapped("outer", outer)()
        ledger.settle("one")

    thread = threading.Thread(target=work, name="one")
    thread.start()
    spin(0.04)  # the other thread's time is not its own
    thread.join()
    charged = {step: each for (name, step), each in ledger.charges.items() if name == "one"}
    assert {step: each.calls for step, each in charged.items()} == {"outer": 1, "inner": 1, "all else": 0}
    assert 0.06 <= charged["inner"].cpu_s < 0.08
    assert 0.02 <= charged["outer"].cpu_s < 0.04
    assert charged["all else"].cpu_s < 0.02
