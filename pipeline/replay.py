"""A new database from a stream of events that was kept: the worker's own code, another source."""

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path

from pipeline.batch import MAX_BYTES, RecordBatch
from pipeline.errors import InputError
from pipeline.reading import read_ahead
from pipeline.store import Store
from pipeline.tally import Tally

READ_BYTES = 8 * 1024 * 1024
SUFFIXES = (".jsonl", ".jsonl.gz")


def read_lines(path: Path, max_records: int = 90_000) -> Iterator[RecordBatch]:
    """The lines of an events file as batches: topic = the file's name, partition 0, offset = line number.

    Lines are counted from 0; blank ones are skipped. Raises InputError if the file cannot be read.
    """
    if not path.name.endswith(SUFFIXES):
        raise InputError(f"{path}: an events file ends in {' or '.join(SUFFIXES)}")
    lines: list[bytes] = []
    start = read = 0
    try:
        for block in _blocks(path):
            lines += block
            read += sum(map(len, block))
            while len(lines) >= max_records or (lines and read >= MAX_BYTES):
                yield _batch(path.name, start, lines[:max_records])
                start += len(lines[:max_records])
                lines = lines[max_records:]
                read = sum(map(len, lines))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    if lines:
        yield _batch(path.name, start, lines)


def replay(
    store: Store,
    batches: Iterable[RecordBatch],
    ingested_at: datetime,
    between: tuple[datetime | None, datetime | None] = (None, None),
    progress: Callable[[Tally], None] | None = None,
) -> Tally:
    """Ingest everything and bring the readings to the latest accepted `occurred_at`.

    `between`: only events with `occurred_at` from the first moment to the second, both included; others
    count as not consumed.
    """
    total = Tally()
    for reading in read_ahead(_grouped(batches)):
        total += store.keep(reading, ingested_at, between)
        if progress is not None:
            progress(total)
    store.owe_no_dead_letters()
    if (latest := store.latest_occurrence()) is not None:
        store.refresh(latest)
    return total


def _blocks(path: Path) -> Iterator[list[bytes]]:
    """The file's lines, some megabytes at a time, without their line ends."""
    with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
        rest = b""
        while block := file.read(READ_BYTES):
            lines = (rest + block).split(b"\n")
            rest = lines.pop()
            yield lines
        if rest:
            yield [rest]


def _batch(topic: str, start: int, lines: list[bytes]) -> RecordBatch:
    numbers = [n for n, line in enumerate(lines) if line and not line.isspace()]
    return RecordBatch(
        topic,
        0,
        start,
        start + len(lines),
        offsets=[start + n for n in numbers],
        values=[lines[n] for n in numbers],
    )


def _grouped(batches: Iterable[RecordBatch], max_records: int = 90_000) -> Iterator[list[RecordBatch]]:
    """Batches put together: a transaction costs about the same for one record as for thousands."""
    group: list[RecordBatch] = []
    records = size = 0
    for batch in batches:
        records += len(batch)
        size += batch.bytes
        if group and (records > max_records or size > MAX_BYTES):
            yield group
            group, records, size = [], len(batch), batch.bytes
        group.append(batch)
    if group:
        yield group
