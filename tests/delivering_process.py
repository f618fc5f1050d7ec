"""A process that delivers what is in a database until it is killed: python delivering_process.py DB."""

import os
import signal
import sys
from pathlib import Path

from pipeline.alerting.delivery.delivering import couriers, delivering
from pipeline.alerting.rules import Rules
from pipeline.commands.options import clock
from tests.alerted import Written, alerted

NOTIFIERS = {"hook": {"kind": "webhook", "url_env": "HOOK", "group_by": ["member"]}}


def deliver(written: Written) -> None:
    """Nothing but a signal ends it."""
    rules = Rules.model_validate({"rules": [], "notifiers": NOTIFIERS})
    with delivering(couriers(written.store, rules, clock=clock, say=print, environ=os.environ)):
        signal.pause()


if __name__ == "__main__":
    with alerted(Path(sys.argv[1])) as found:
        deliver(found)
