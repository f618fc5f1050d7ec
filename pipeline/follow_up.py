"""The select that follows up inbound contacts: first contacts, and what broke their resolution."""

from typing import NamedTuple

from pipeline.sql import fill


class State(NamedTuple):
    """One state of knowledge about contacts, as SQL, and the names of its columns.

    `is_known`: whether it knows a contact of the pool; `is_meant`: whether it knows a `reopen`, and that
    this means the `contact`.
    """

    is_meant: str
    is_known: str = "true"
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
        neighbours=", ".join(_neighbours(state) for state in states),
        reopened=", ".join(
            f"min(reopen.occurred_us) filter ({state.is_meant}) as {state.prefix}reopened_us"
            for state in states
        ),
        states=", ".join(_state(state) for state in states),
    )


def _neighbours(state: State) -> str:
    """The previous eligible contact of the key, and the next of any kind: all over one order of the pool."""
    known = f"case when {state.is_known} then occurred_us end"
    eligible = f"case when {state.is_known} and not abandoned then occurred_us end"
    return (
        f"lag({eligible} ignore nulls) over of_key as {state.prefix}previous_us, "
        f"lead({known} ignore nulls) over of_key as {state.prefix}next_us"
    )


def _state(state: State) -> str:
    return fill("follow_up_state", prefix=state.prefix, first=state.first)
