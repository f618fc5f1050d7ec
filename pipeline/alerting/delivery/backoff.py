"""How long a notifier that cannot take a message is left alone."""

from datetime import timedelta

FIRST = timedelta(seconds=1)
LONGEST = timedelta(minutes=1)


def pause_after(failures: int) -> timedelta:
    """Twice as long after each failure in a row, a minute at most.

    >>> [pause_after(failures).seconds for failures in (1, 2, 3, 7, 1_000_000)]
    [1, 2, 4, 60, 60]
    """
    doubled: int = 2 ** min(failures - 1, 10)
    return min(FIRST * doubled, LONGEST)
