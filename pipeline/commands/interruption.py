"""Ctrl-C and SIGTERM: both end a command from wherever it is, and let it clean up on the way out."""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TypeVar

import typer

T = TypeVar("T")
_heard = threading.Event()


def listen() -> None:
    """Raise KeyboardInterrupt at either signal, and remember it: engines make errors of their own of it."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup, or in a script's background
            signal.signal(number, _interrupt)


def was_heard() -> bool:
    """Has either signal come?"""
    return _heard.is_set()


@contextmanager
def no_failure() -> Iterator[None]:
    """For what runs until it is told to end: the signal is no failure, wherever it comes."""
    try:
        yield
    except BaseException as error:
        if _heard.is_set():
            raise typer.Exit from error
        raise


def heeded(items: Iterable[T]) -> Iterator[T]:
    """The items, until a signal comes: DuckDB now and then swallows the exception and goes on."""
    for item in items:
        if _heard.is_set():
            raise KeyboardInterrupt
        yield item


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    _heard.set()
    raise KeyboardInterrupt
