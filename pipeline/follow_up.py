"""The select that follows up inbound contacts: first contacts, and what broke their resolution."""

from typing import NamedTuple

from pipeline.sql import fill, load


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


def follow_up(pool: str, reopens: str, order: str, states: tuple[State, ...], several: str = "") -> str:
    """The select of sql/follow_up.sql over relation `pool`, contacts of one key being put in `order`.

    `several`: a relation of those that are not the only ones of their keys, where most are.
    """
    return fill(
        "follow_up",
        lone=load("lone").rstrip() if several else "",
        several=several or pool,
        pool=pool,
        reopens=reopens,
        order=order,
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
