"""Prometheus's Alertmanager for the tests: Debian's package, on free ports of the loopback.

with had(tmp_path, receiver.url) as alertmanager:
    alertmanager.url, alertmanager.alerts()
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Self
from urllib.request import urlopen

import pytest

from pipeline.embedded_broker import LOOPBACK, _die_with_parent, _free_port
from tests.command import until

NAMES = ("prometheus-alertmanager", "alertmanager")
SETTINGS = """
route: {{receiver: here, group_wait: 0s, group_interval: 1s, group_by: [alertname]}}
receivers:
  - name: here
    webhook_configs: [{{url: '{url}', send_resolved: true}}]
"""


class NotHereError(Exception):
    """Alertmanager is not installed on this machine."""


class Alertmanager:
    """One that tells a webhook what it is told."""

    def __init__(self, folder: Path, tells: str) -> None:
        program = next(filter(None, map(shutil.which, NAMES)), None)
        if program is None:
            raise NotHereError("there is no Alertmanager: install prometheus-alertmanager")
        (folder / "alertmanager.yml").write_text(SETTINGS.format(url=tells))
        self.url = f"http://{LOOPBACK}:{_free_port()}"
        self._log = (folder / "alertmanager.log").open("wb")
        self._process = subprocess.Popen(
            [
                program,
                f"--config.file={folder / 'alertmanager.yml'}",
                f"--storage.path={folder / 'data'}",
                f"--web.listen-address={self.url.removeprefix('http://')}",
                "--cluster.listen-address=",
            ],
            stdout=self._log,
            stderr=self._log,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it dies with the test
        )
        until(self._ready, "Alertmanager did not start")

    def alerts(self) -> list[dict[str, Any]]:
        """What fires, by its own word."""
        with urlopen(f"{self.url}/api/v2/alerts") as answer:  # noqa: S310 - the loopback
            return json.load(answer)

    def _ready(self) -> bool:
        assert self._process.poll() is None, Path(self._log.name).read_text()
        try:
            with urlopen(f"{self.url}/-/ready"):  # noqa: S310 - the loopback
                return True
        except OSError:
            return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._log.close()


def had(folder: Path, tells: str) -> Alertmanager:
    """One where it can be had; elsewhere the test is skipped, and fails in CI."""
    try:
        return Alertmanager(folder, tells)
    except NotHereError as error:
        reason = f"no Alertmanager on this machine: {error}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
