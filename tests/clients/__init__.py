"""Clients of live SQL that need an environment of their own: made once, kept outside the project."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest

PINS = Path(__file__).parent
KEPT = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "firsthand-tests"
PATIENCE_S = 900


def python_client(name: str, needs: str) -> Path:
    """Where the programs are that `pip install ...` brings, with all versions as in NAME.txt."""
    pins = PINS / f"{name}.txt"

    def make(folder: Path) -> None:
        done([sys.executable, "-m", "venv", str(folder)], folder.parent)
        install = f"{folder}/bin/python -m {needs} --quiet --no-compile --constraint {pins}"
        done(["sh", "-c", install], folder)

    return kept(f"{name}-{sys.version_info.minor}", needs + pins.read_text(), make) / "bin"


def node_client(needs: str) -> Path:
    """The folder of modules that `npm install ...` brings; where there is no npm the test is skipped."""
    if not (shutil.which("npm") and shutil.which("node")):
        if os.environ.get("CI") == "true":
            pytest.fail("no Node on this machine")
        pytest.skip("no Node on this machine")

    def make(folder: Path) -> None:
        folder.mkdir()
        done(["sh", "-c", f"{needs} --no-save --prefix ."], folder)

    return kept("node", needs, make) / "node_modules"


def kept(name: str, what: str, make: Callable[[Path], None]) -> Path:
    """The folder that `make` filled, for exactly `what`; one that was not finished is made again."""
    folder = KEPT / f"{name}-{sha256(what.encode()).hexdigest()[:12]}"
    KEPT.mkdir(parents=True, exist_ok=True)
    finished = folder / "finished"
    with (KEPT / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            finished.touch()
    return folder


def done(words: list[str], folder: Path) -> None:
    ended = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
