"""The select that follows up inbound contacts: first contacts, and what broke their resolution."""

from typing import NamedTuple

from pipeline.sql import fill


class State(NamedTuple):
    """One state of knowledge about contacts, and the names of its columns.

    `apart`: columns of the pool that part what it knows from what it does not; `is_meant`: whether it
    knows a `reopen`, and that this means the `contact`, as SQL.
    """

    is_meant: str
    apart: tuple[str, ...] = ()
    prefix: str = ""

    @property
    def first(self) -> str:
        """The name of its column: is this a first contact?"""
        return f"{self.prefix or 'is_'}first"


def follow_up(pool: str, reopens: str, ties: str, states: tuple[State, ...]) -> str:
    """The select of sql/follow_up.sql over relation `pool`; `ties`: its columns that order equal instants."""
    return fill(
        "follow_up",
        pool=pool,
        reopens=reopens,
        ties=ties,
        neighbours=", ".join(_neighbours(state, ties) for state in states),
        reopened=", ".join(
            f"min(reopen.occurred_us) filter ({state.is_meant}) as {state.prefix}reopened_us"
            for state in states
        ),
        states=", ".join(_state(state) for state in states),
    )


def _neighbours(state: State, ties: str) -> str:
    """The previous eligible contact of the key, and the next of any kind.

    Abandoned contacts are a partition of their own: among the others lag is the previous eligible one.
    """
    key = ", ".join(("key_hash", *state.apart))
    return (
        f"lag(occurred_us) over (partition by {key}, abandoned order by occurred_us, {ties}) "
        f"as {state.prefix}previous_us, "
        f"lead(occurred_us) over (partition by {key} order by occurred_us, {ties}) as {state.prefix}next_us"
    )


def _state(state: State) -> str:
    return fill("follow_up_state", prefix=state.prefix, first=state.first)
