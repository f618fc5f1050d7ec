"""Who may write a database now: several side by side, or one alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Several may be at work together; who asks to be alone waits for them, and who comes later waits too."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._together = 0
        self._alone = threading.Lock()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Work beside others that do."""
        with self._alone, self._changed:
            self._together += 1
        try:
            yield
        finally:
            with self._changed:
                self._together -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Work while nobody else does."""
        with self._alone:
            with self._changed:
                self._changed.wait_for(lambda: not self._together)
            yield
