"""A door that can be shut: nobody comes in any more, and who is in is waited for."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.errors import RefusedError


class Door:
    """Other threads come and go through it."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Be inside for the block; RefusedError where it is shut."""
        with self._changed:
            if self._shut:
                raise RefusedError("the worker stops; try again when it runs")
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    def shut(self) -> None:
        """Let nobody in from now on."""
        with self._changed:
            self._shut = True

    def emptied(self) -> None:
        """Return when nobody is inside."""
        with self._changed:
            self._changed.wait_for(lambda: not self._inside)
