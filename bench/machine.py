"""The machine that the figures were measured on, and the engines."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

GIB = 1024**3
CPU_INFO = Path("/proc/cpuinfo")


def facts() -> dict[str, str | int | float]:
    """CPU model, cores this process may use, memory, system, and the versions that decide the speed."""
    return {
        "cpu": _cpu_model(),
        "cores": _cores(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("duckdb", "faust-streaming", "aiokafka", "firsthand")},
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    if CPU_INFO.exists():
        for line in CPU_INFO.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
