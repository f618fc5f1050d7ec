"""What several commands share: the clock, the settings, arguments and their parsers."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        reason = first["msg"].removeprefix("Value error, ")
        raise InputError(f"FIRSTHAND_{name}: {reason}; set it otherwise, or unset it") from error


def console() -> Console:
    """Where progress and logs go: stderr."""
    return Console(stderr=True)


def note(text: str) -> None:
    """Say something beside what was asked for, on stderr."""
    console().print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)


@contextmanager
def progress(noun: str) -> Iterator[Callable[[int], None] | None]:
    """Show a count on stderr while the block runs, where that is a terminal; None elsewhere."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    try:
        yield lambda count: print(f"\r{count:,} {noun} ", end="", file=sys.stderr, flush=True)  # noqa: T201
    finally:
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)  # noqa: T201 - what follows has the line


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


def a_file(text: str) -> Path:
    """A path that is no directory: whether the file is there, and of use, is seen when it is opened."""
    if (path := Path(text)).is_dir():
        raise InputError(f"{path} is a directory; name a file")
    return path


class Dimension(StrEnum):
    """What readings may be broken down by."""

    ALL = "all"
    CHANNEL = "channel"
    REASON = "reason"
    AGENT = "agent"
    TEAM = "team"
    SEGMENT = "segment"
    STAGE = "stage"


Database = Annotated[Path, typer.Option("--db", parser=a_file, help="The DuckDB file.", metavar="PATH")]
Kafka = Annotated[str, typer.Option("--kafka", help="The broker.", metavar="HOST:PORT")]
OptionalKafka = Annotated[str | None, typer.Option("--kafka", help="The broker.", metavar="HOST:PORT")]
PagePort = Annotated[
    int | None,
    typer.Option(
        "--port", min=1, max=65535, help="The page's port on 127.0.0.1 (default: a free one).", metavar="P"
    ),
]
SqlPort = Annotated[
    int | None,
    typer.Option(
        "--sql-port",
        min=0,
        max=65535,
        help="The port of live SQL on 127.0.0.1 (default: 9494, or a free one); 0: none.",
        metavar="P",
    ),
]
Mirrored = Annotated[
    str | None,
    typer.Option(
        "--mirror",
        help="Keep a copy of the readings in a PostgreSQL, too: postgresql://USER@HOST:PORT/DATABASE; its "
        "password in PGPASSWORD or PGPASSFILE.",
        metavar="URL",
    ),
]
ToFile = Annotated[
    Path | None, typer.Option("--to", parser=a_file, help="Write an events file (.jsonl).", metavar="FILE")
]
Rate = Annotated[
    float | None, typer.Option("--rate", min=0.001, help="Events per second at most.", metavar="R")
]
Moment = Annotated[
    datetime | None, typer.Option(parser=usage(moment), metavar="RFC3339", help="A moment, with its zone.")
]
Span = Annotated[str, typer.Option("--span", parser=usage(_span), metavar="15m|24h|7d", help="How far back.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
