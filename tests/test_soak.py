"""The soak itself works, and ends with a verdict."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_short_soak_on_the_embedded_broker_ends_with_the_law_and_the_fingerprint(tmp_path):
    asked = ("--minutes", "2", "--seed", "1", "--rate", "1000", "--broker", "embedded")
    ended = subprocess.run(
        [sys.executable, "-m", "tests.soak", *asked, "--json", tmp_path / "soak.json"],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((tmp_path / "soak.json").read_text())
