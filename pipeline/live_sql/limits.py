"""How much a reader may ask for."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """`seconds` from the question to the whole answer, which has at most `rows` and `megabytes`."""

    seconds: float = 30.0
    rows: int = 1_000_000
    megabytes: int = 64
