"""What `firsthand worker --mirror` adds: the mirror, if its extra is installed and PostgreSQL lets us in."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

import typer

from pipeline.errors import InputError

if TYPE_CHECKING:
    from pipeline.mirror.mirror import Mirror
    from pipeline.mirror.target import Target
    from pipeline.settings import Settings
    from pipeline.store import Store
    from pipeline.worker import Worker, WorkerState


def reached(url: str | None, at: "Settings") -> "Target | None":
    """Where to mirror, if at all; asked before anything else is begun, so that a wrong password ends it.

    A PostgreSQL that does not answer is no reason not to consume.
    """
    if url is None and not (at.mirror and at.mirror.get_secret_value()):
        return None
    try:
        import psycopg  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "a mirror needs psycopg, which is not installed: pip install 'firsthand[mirror]'"
        ) from error
    target = _target(url, at)
    with suppress(psycopg.OperationalError):
        target.connect().close()
    return target


def _target(url: str | None, at: "Settings") -> "Target":
    from pipeline.mirror.target import Target  # noqa: PLC0415

    if url is None:
        return Target(at.mirror.get_secret_value() if at.mirror else "")
    try:
        return Target(url)
    except InputError as error:
        raise typer.BadParameter(str(error), param_hint="--mirror") from error


def keep_mirrored(
    store: "Store",
    target: "Target",
    at: "Settings",
    worker: "Worker",
    clock: Callable[[], datetime],
    say: Callable[[str], None],
) -> "AbstractContextManager[Mirror]":
    """Mirror the store while the block runs, the past only while the worker is not behind."""
    from pipeline.mirror.mirror import Mirror, mirroring  # noqa: PLC0415

    return mirroring(
        Mirror(
            store,
            target,
            at.mirrored,
            clock=clock,
            new_identity=lambda: str(uuid4()),
            say=say,
            caught_up=lambda: is_caught_up(worker.state, at.max_records),
        )
    )


def is_caught_up(state: "WorkerState", records: int) -> bool:
    """Is nothing waiting but what is under way? Before the first fetch nobody knows.

    >>> from pipeline.worker import WorkerState
    >>> is_caught_up(WorkerState("running", lag={0: 5, 1: 0}), 10), is_caught_up(WorkerState("running"), 10)
    (True, False)
    """
    return state.phase == "running" and bool(state.lag) and sum(state.lag.values()) <= records
