"""Freed memory is given back to the system: glibc keeps it, an arena for each thread, until asked."""

import ctypes
from collections.abc import Callable


def _trim() -> Callable[[int], int] | None:
    """That of glibc; None elsewhere, where it is not needed."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None)


_malloc_trim = _trim()


def give_back() -> None:
    """Give back all that is free, in whole pages; without Python's lock."""
    if _malloc_trim:
        _malloc_trim(0)
