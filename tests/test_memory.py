"""What was freed goes back to the system."""

import ctypes
import sys
import time
from pathlib import Path

import pytest

from pipeline.database import built_anew
from pipeline.memory import give_back
from pipeline.schema import create_schema
from pipeline.settings import Definitions

CHUNKS, BYTES = 100_000, 1_000


def resident_mib() -> float:
    (line,) = [
        each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmRSS")
    ]
    return int(line.split()[1]) / 1024


def test_memory_that_was_freed_below_what_is_still_used_is_given_back():
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this is not glibc")
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.restype, libc.free.argtypes = None, [ctypes.c_void_p]
    chunks = [libc.malloc(BYTES) for _ in range(CHUNKS)]
    for each in chunks:
        ctypes.memset(each, 1, BYTES)
    for each in chunks[:-1]:
        libc.free(each)
    held = resident_mib()
    give_back()
    libc.free(chunks[-1])
    assert resident_mib() < held - 0.8 * CHUNKS * BYTES / 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="DuckDB has its own allocator on Linux only")
def test_what_duckdb_freed_is_given_back_though_nobody_asks_it_anything(tmp_path):
    with built_anew(tmp_path / "m.duckdb", Definitions(), create_schema, overwrite=False) as con:
        before = resident_mib()
        con.execute("create temp table t as select range::varchar || repeat('x', 24) from range(3_000_000)")
        con.execute("drop table temp.t")
        freed, deadline = resident_mib() - before, time.monotonic() + 20
        assert freed > 50
        while resident_mib() - before > freed / 2:
            assert time.monotonic() < deadline
            time.sleep(0.1)
