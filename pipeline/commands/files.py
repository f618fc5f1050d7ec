"""Commands that make or move event files: simulate, import, send."""

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from pipeline.commands.options import Kafka, OptionalKafka, Rate, ToFile, a_file, progress, settings, usage
from pipeline.errors import InputError
from pipeline.spans import moment

Record = tuple[bytes | None, bytes]


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("simulate", epilog="Example: firsthand simulate --events 1000 --seed 7 --to events.jsonl")(
        simulate_events
    )
    app.command("import", epilog="Example: firsthand import calls.csv --mapping pwc --to events.jsonl")(
        import_file
    )
    app.command("send", epilog="Example: firsthand send events.jsonl --kafka 127.0.0.1:9092 --rate 500")(
        send_file
    )


def simulate_events(
    events: Annotated[int, typer.Option(min=1, help="How many.", metavar="N")],
    seed: Annotated[int, typer.Option(min=0, help="The same arguments give the same bytes.", metavar="S")],
    customers: Annotated[
        int | None, typer.Option(min=1, help="How many people (default: events / 5).", metavar="C")
    ] = None,
    start: Annotated[
        datetime | None,
        typer.Option(parser=usage(moment), metavar="RFC3339", help="When it begins (default: 2026-01-05)."),
    ] = None,
    days: Annotated[float, typer.Option(min=0.001, help="How long it lasts.", metavar="D")] = 28,
    incident: Annotated[
        bool, typer.Option("--incident", help="Half way, billing by phone goes wrong.")
    ] = False,
    to: ToFile = None,
    kafka: OptionalKafka = None,
    rate: Rate = None,
) -> None:
    """Simulate seeded customers who contact, rate and come back."""
    from pipeline.simulate import START, Incident, simulate  # noqa: PLC0415

    simulated = simulate(events, seed, customers, start or START, days, Incident() if incident else None)
    _deliver(((each.key, each.value) for each in simulated), to, kafka, rate)


def import_file(
    file: Annotated[
        Path, typer.Argument(parser=a_file, help="A .csv, .xlsx, .parquet or .jsonl export.", metavar="FILE")
    ],
    mapping: Annotated[str, typer.Option(help="A mapping file, or pwc, ecommerce.", metavar="MAP")],
    to: ToFile = None,
    kafka: OptionalKafka = None,
) -> None:
    """Turn an export of a help desk into events, by a mapping file (docs/importing.md)."""
    from pipeline.importing import import_events  # noqa: PLC0415
    from pipeline.mapping import load_mapping  # noqa: PLC0415

    skipped: list[InputError] = []

    def skip(error: InputError) -> None:
        skipped.append(error)
        sys.stderr.write(f"skipped: {error}\n")

    imported = import_events(file, load_mapping(mapping), skip)
    _deliver(((each.key, each.value) for each in imported), to, kafka, None)
    if skipped:
        sys.stderr.write(f"{len(skipped):,} rows skipped\n")


def send_file(
    file: Annotated[
        Path, typer.Argument(parser=a_file, help="An events file: a JSON event per line.", metavar="FILE")
    ],
    kafka: Kafka,
    rate: Rate = None,
) -> None:
    """Put an events file onto the topic, byte for byte; key = data.customer_id."""
    from pipeline.replay import read_lines  # noqa: PLC0415
    from pipeline.sending import key_of  # noqa: PLC0415

    if not file.exists():
        raise InputError(f"{file}: no such file; `firsthand simulate` or `firsthand import` makes one")
    values = (value for batch in read_lines(file) for value in batch.values if value is not None)
    _produce(((key_of(value), value) for value in values), kafka, rate)


def _deliver(records: Iterator[Record], to: Path | None, kafka: str | None, rate: float | None) -> None:
    if (to is None) == (kafka is None):
        raise typer.BadParameter("name one of --to FILE and --kafka HOST:PORT")
    if kafka is not None:
        _produce(records, kafka, rate)
    elif rate is not None:
        raise typer.BadParameter("--rate is for --kafka: a file has no clock")
    elif to is not None:
        _write(records, to)


def _produce(records: Iterable[Record], kafka: str, rate: float | None) -> None:
    from pipeline.kafka import ensure_topics, produce, require_rights  # noqa: PLC0415

    first = list(_first(records := iter(records)))  # an unreadable input fails before anything is sent
    at = settings()
    security = at.security
    require_rights(kafka, {at.topic: "WRITE"}, security)
    ensure_topics(kafka, {at.topic: at.partitions}, security)
    with progress("events sent") as told:
        sent = produce(kafka, at.topic, chain(first, records), rate=rate, progress=told, security=security)
    print(f"{sent:,} events sent to {at.topic} at {kafka}")  # noqa: T201


def _first(records: Iterator[Record]) -> Iterator[Record]:
    for record in records:
        yield record
        return


def _write(records: Iterator[Record], to: Path) -> None:
    written = 0
    with progress("events written") as told, _whole(to) as file:
        for written, (_, value) in enumerate(records, start=1):
            file.write(value + b"\n")
            if told and written % 10_000 == 0:
                told(written)
    print(f"{written:,} events written to {to}", file=sys.stdout if to.is_file() else sys.stderr)


@contextmanager
def _whole(to: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of `to` once the block has ended well; a pipe or device is written to."""
    special = to.exists() and not to.is_file()
    target = to if special else to.resolve()  # where it is a link, what it points to is replaced
    partial = to if special else target.with_name(f".{to.name}.{os.getpid()}.partial")
    try:
        with _opened(partial, to) as file:
            yield file
        if not special:
            partial.replace(target)
    finally:
        if not special and partial.exists():
            partial.unlink()


def _opened(path: Path, meant: Path) -> BinaryIO:
    try:
        return path.open("wb", buffering=1 << 20)
    except OSError as error:
        raise InputError(
            f"{meant} cannot be written: {error.strerror}; name another file with --to"
        ) from error
