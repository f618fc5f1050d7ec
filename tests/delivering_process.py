"""A process that delivers what is in a database until it is killed: python delivering_process.py DB."""

import os
import sys
import time
from pathlib import Path

from pipeline.alerting.delivery.delivering import delivering
from pipeline.alerting.rules import Rules
from pipeline.commands.options import clock
from tests.alerted import Written, alerted

NOTIFIERS = {"hook": {"kind": "webhook", "url_env": "HOOK", "group_by": ["member"]}}


def deliver(written: Written) -> None:
    """Nothing but a signal ends it."""
    rules = Rules.model_validate({"rules": [], "notifiers": NOTIFIERS})
    with delivering(written.store, rules, clock=clock, say=print, environ=os.environ):
        time.sleep(3600)


if __name__ == "__main__":
    with alerted(Path(sys.argv[1])) as found:
        deliver(found)
