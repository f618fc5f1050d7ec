"""A further worker on one database: it stands by, and goes on where the first one ended."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from pipeline.errors import DatabaseHeldError

T = TypeVar("T")


def open_when_free(
    open_it: Callable[[], T], say: Callable[[str], None], pauses: Iterable[object]
) -> T | None:
    """What `open_it` gives, once no other process holds the database; `say` once that one does.

    Tries again after each of `pauses`, and gives None where they end first.

    >>> open_when_free(lambda: "open", print, [])
    'open'
    """
    said = False
    for _ in _before_and_after(pauses):
        try:
            return open_it()
        except DatabaseHeldError as error:
            if not said:
                held, _, _ = str(error).partition(";")
                say(f"{held}; standing by, to go on when it ends")
                said = True
    return None


def _before_and_after(pauses: Iterable[object]) -> Iterable[object]:
    yield None
    yield from pauses
