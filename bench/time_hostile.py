"""What clean and hostile records cost `Store.ingest`, by kind: python -m bench.time_hostile FOLDER RECORDS.

Prints JSON: microseconds of CPU per record. Records are made beforehand, and each database is new.
"""

import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.hostile_records import KINDS, records
from bench.inputs import DAYS, SEED
from pipeline.batch import RecordBatch
from pipeline.commands.options import clock
from pipeline.database import open_writer
from pipeline.schema import create_schema
from pipeline.settings import Definitions
from pipeline.simulate import simulate
from pipeline.store import Store

BATCH = 10_000
BATCH_BYTES = 4 * 1024 * 1024
SHARE_OF_A_KIND = 20
"""Of each kind alone a twentieth of the records, and of the longest ones no more than FEW."""
FEW = 300
LONG = 10_000

Values = Sequence[bytes | None]


def time_hostile(folder: Path, count: int) -> dict[str, object]:
    """Clean records, the mixture of hostile ones, and each kind of them."""
    mixture = [value for _, value in records(SEED, count)]
    return {
        "clean": _us_per_record(folder / "clean.duckdb", _clean(count)),
        "hostile": _us_per_record(folder / "hostile.duckdb", mixture),
        "kinds": {
            name: _us_per_record(folder / f"{name}.duckdb", _of_kind(name, count // SHARE_OF_A_KIND))
            for name in KINDS
        },
    }


def _clean(count: int) -> Values:
    people = max(count // 10, 10)
    return [each.value for each in simulate(count, SEED, people, days=DAYS, duplicates=0, broken=0)]


def _of_kind(name: str, count: int) -> Values:
    draw = random.Random(SEED)  # noqa: S311 - nothing to keep secret
    first = KINDS[name](draw, 0)
    return [first, *(KINDS[name](draw, n) for n in range(1, min(count, FEW) if len(first) > LONG else count))]


def _us_per_record(path: Path, values: Values) -> float:
    with Store(open_writer(path, Definitions(), create_schema)) as store:
        batches = list(_batches(values))
        began = time.process_time()
        for batch in batches:
            store.ingest([batch], clock())
        took = time.process_time() - began
    return took / len(values) * 1e6


def _batches(values: Values) -> Iterator[RecordBatch]:
    """As the worker fetches them: so many records, or so many bytes."""
    start = size = 0
    for stop, value in enumerate(values, 1):
        size += len(value or b"")
        if stop - start == BATCH or size >= BATCH_BYTES or stop == len(values):
            found = list(values[start:stop])
            yield RecordBatch("hostile", 0, start, stop, offsets=range(start, stop), values=found)
            start, size = stop, 0


if __name__ == "__main__":
    print(json.dumps(time_hostile(Path(sys.argv[1]), int(sys.argv[2]))))
