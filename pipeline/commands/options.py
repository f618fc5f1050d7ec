"""What several commands share: the clock, the settings, arguments and their parsers."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError
from rich.console import Console

from pipeline.errors import InputError
from pipeline.settings import Settings
from pipeline.spans import microseconds, moment

T = TypeVar("T")


def clock() -> datetime:
    """The time of day; everything else is handed this callable, or another one."""
    return datetime.now(UTC)  # noqa: TID251 - the one place


def settings() -> Settings:
    """The settings, from FIRSTHAND_* variables; InputError names the wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(map(str, first["loc"][:1])).upper()
        raise InputError(f"FIRSTHAND_{name}: {first['msg']}") from error


def console() -> Console:
    """Where progress and logs go: stderr."""
    return Console(stderr=True)


def progress(noun: str) -> Callable[[int], None] | None:
    """Show a count on stderr where that is a terminal; None elsewhere."""
    if not sys.stderr.isatty():
        return None
    return lambda count: print(f"\r{count:,} {noun} ", end="", file=sys.stderr, flush=True)  # noqa: T201


def usage(parse: Callable[[str], T]) -> Callable[[str], T]:
    """A parser whose refusal is bad usage: exit code 2."""

    def parsed(text: str) -> T:
        try:
            return parse(text)
        except InputError as error:
            raise typer.BadParameter(str(error)) from error

    return parsed


def _span(text: str) -> str:
    microseconds(text)
    return text


class Dimension(StrEnum):
    """What readings may be broken down by."""

    ALL = "all"
    CHANNEL = "channel"
    REASON = "reason"
    AGENT = "agent"
    TEAM = "team"
    SEGMENT = "segment"
    STAGE = "stage"


Database = Annotated[Path, typer.Option("--db", help="The DuckDB file.", dir_okay=False)]
Kafka = Annotated[str, typer.Option("--kafka", help="The broker.", metavar="HOST:PORT")]
OptionalKafka = Annotated[str | None, typer.Option("--kafka", help="The broker.", metavar="HOST:PORT")]
Port = Annotated[
    int | None, typer.Option("--port", min=1, max=65535, help="The port on 127.0.0.1 (default: a free one).")
]
ToFile = Annotated[
    Path | None, typer.Option("--to", help="Write an events file (.jsonl).", dir_okay=False, metavar="FILE")
]
Rate = Annotated[float | None, typer.Option("--rate", min=0.001, help="Events per second at most.")]
Moment = Annotated[
    datetime | None, typer.Option(parser=usage(moment), metavar="RFC3339", help="A moment, with its zone.")
]
Span = Annotated[str, typer.Option("--span", parser=usage(_span), metavar="15m|24h|7d", help="How far back.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
