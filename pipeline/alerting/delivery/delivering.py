"""What a worker enters to have alerts delivered: one thread for the log, one for each notifier."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from pipeline.alerting.delivery.courier import FAREWELL_S, Channel, Courier, Manner, Store
from pipeline.alerting.notifiers import channel_of, manner_of
from pipeline.alerting.notifiers.log import Log
from pipeline.alerting.rules import Rules

LOG = "log"


def couriers(
    store: Store,
    rules: Rules,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    environ: Mapping[str, str],
    page: str = "",
    caught_up: Callable[[], bool] = lambda: True,
) -> list[Courier]:
    """A courier for the log and for each notifier.

    `clock` is the true time, by which receivers judge signatures. `page`: where people see more. `caught_up`:
    whether what stands in `flips` is up to date; while it is not, nothing new is delivered.
    InputError where a notifier lacks a variable or cannot be used.
    """
    told: dict[str, tuple[Channel, Manner]] = {LOG: (Log(say), Manner())}
    for name, each in rules.notifiers.items():
        told[name] = channel_of(name, each, environ, page), manner_of(each)
    return [
        Courier(name, store, channel, manner, clock=clock, say=say, caught_up=caught_up)
        for name, (channel, manner) in told.items()
    ]


def require_usable(rules: Rules, environ: Mapping[str, str]) -> None:
    """InputError where a notifier lacks a variable or cannot be used: asked before anything is begun."""
    for name, each in rules.notifiers.items():
        channel_of(name, each, environ, page="")


@contextmanager
def delivering(sent: Sequence[Courier]) -> Iterator[None]:
    """Deliver what is written in `flips` while the block runs."""
    for each in sent:
        each.start()
    try:
        yield
    finally:
        for each in sent:
            each.end()
        deadline = time.monotonic() + FAREWELL_S
        for each in sent:
            each.join(max(0.0, deadline - time.monotonic()))
