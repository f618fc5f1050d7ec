"""What was freed goes back to the system."""

import ctypes
from pathlib import Path

import pytest

from pipeline.memory import give_back

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
