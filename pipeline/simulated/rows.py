"""The columns of an event to be: a compact row, long before it is JSON."""

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.void]

CONTACT, SURVEY, INVITATION, REOPEN = range(4)
ABSENT = 0
NO_ANSWER = -1

ROW = np.dtype(
    [
        ("kind", "u1"),
        ("story", "i8"),  # the first contact it goes back to, counted from 0
        ("number", "i8"),  # of the event, in its id
        ("at", "i8"),  # when it happened: milliseconds since the start
        ("arrives", "i8"),
        ("customer", "i4"),
        ("contact", "i8"),  # number of its contact, from 1; the further choices count from 1 as well
        ("channel", "u1"),  # but this one, which is an index of DESKS
        ("reason", "u1"),
        ("agent", "u2"),
        ("team", "u1"),
        ("segment", "u1"),
        ("stage", "u1"),
        ("direction", "u1"),
        ("handler", "u1"),
        ("outcome", "u1"),
        ("wait_ms", "i8"),
        ("handle_ms", "i8"),
        ("csat", "i1"),
        ("effort", "i1"),
        ("nps", "i1"),
        ("friendliness", "i1"),
        ("resolved", "i1"),
        ("comment", "u1"),
        ("fault", "u1"),
    ]
)
ANSWERS = ("csat", "effort", "nps", "friendliness", "resolved")
DETAILS = ("reason", "agent", "team", "segment", "stage")
"""What a survey or an invitation can take from its contact."""
SECONDS = ("wait_ms", "handle_ms")


def blank(count: int, kind: int) -> Rows:
    """Make rows of one kind in which everything is absent."""
    rows = np.zeros(count, dtype=ROW)
    rows["kind"] = kind
    for name in (*ANSWERS, *SECONDS):
        rows[name] = NO_ANSWER
    return rows


def about(contacts: Rows, kind: int) -> Rows:
    """Make rows of that kind about contacts: who, where and what is taken over, what happened is not."""
    rows = blank(len(contacts), kind)
    for name in ("story", "at", "customer", "contact", "channel", *DETAILS):
        rows[name] = contacts[name]
    return rows
