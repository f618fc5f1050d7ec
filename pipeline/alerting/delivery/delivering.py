"""What a worker enters to have alerts delivered: one thread for the log, one for each notifier."""

import time
from collections.abc import Callable, Iterator, Mapping
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
    """A courier for the log and for each notifier; InputError where one of them cannot be used as it is."""
    told: dict[str, tuple[Channel, Manner]] = {LOG: (Log(say), Manner())}
    for name, each in rules.notifiers.items():
        told[name] = channel_of(name, each, environ, page), manner_of(each)
    return [
        Courier(name, store, channel, manner, clock=clock, say=say, caught_up=caught_up)
        for name, (channel, manner) in told.items()
    ]


@contextmanager
def delivering(
    store: Store,
    rules: Rules,
    *,
    clock: Callable[[], datetime],
    say: Callable[[str], None],
    environ: Mapping[str, str],
    page: str = "",
    caught_up: Callable[[], bool] = lambda: True,
) -> Iterator[None]:
    """Deliver what is written in `flips` while the block runs.

    `clock` is the true time, by which receivers judge signatures. `page`: where people see more. `caught_up`:
    whether what stands in `flips` is up to date; while it is not, nothing new is delivered.
    InputError, before anything is begun, where a notifier lacks a variable or cannot be used.
    """
    sent = couriers(store, rules, clock=clock, say=say, environ=environ, page=page, caught_up=caught_up)
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
