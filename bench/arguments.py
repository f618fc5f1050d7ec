"""What the benchmarks' command lines take."""

import argparse
from collections.abc import Callable, Collection


def positive(text: str) -> int:
    """A whole number from 1.

    >>> positive("1_000")
    1000
    """
    number = int(text.replace("_", ""))
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few: give 1 or more")
    return number


def some_of(names: Collection[str], noun: str) -> Callable[[str], tuple[str, ...]]:
    """A type for some of these names, with commas between.

    >>> some_of("abc", "part")("a,c")
    ('a', 'c')
    """

    def chosen(text: str) -> tuple[str, ...]:
        asked = tuple(text.split(","))
        if unknown := [each for each in asked if each not in names]:
            raise argparse.ArgumentTypeError(
                f"no {noun} {', '.join(unknown)}: name some of {','.join(names)}"
            )
        return asked

    return chosen
