"""`firsthand alerts test`: a rule tried on history."""

import json
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.commands.interruption import heeded
from pipeline.commands.options import AsJson, a_file, clock, note, progress, settings
from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from duckdb import DuckDBPyConnection

    from pipeline.store import Store
    from pipeline.tally import Tally


def try_rule(
    rule: Annotated[str, typer.Argument(help="Its name in the rules file.", metavar="RULE")],
    on: Annotated[
        Path | None, typer.Option("--on", parser=a_file, help="An events file.", metavar="FILE.jsonl")
    ] = None,
    db: Annotated[
        Path | None, typer.Option("--db", parser=a_file, help="Or a database.", metavar="PATH")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a rule on history: when it would have fired, and with what evidence. Nothing is written or told."""
    from pipeline.alerting.rules_file import rules_of  # noqa: PLC0415
    from pipeline.alerting.trial import of_events, trial  # noqa: PLC0415

    if (on is None) == (db is None):
        raise typer.BadParameter("name one of --on FILE.jsonl and --db PATH")
    known = {each.name: each for each in rules_of(settings().rules).rules}
    if rule not in known:
        raise InputError(
            f"there is no rule '{rule}'; there are {', '.join(known)} (FIRSTHAND_RULES names a file)"
        )
    tried = of_events(known[rule])
    with _history(on, db) as con:
        (latest,) = con.execute("select max(occurred_at) from internal.events").fetchall()[0]
        if latest is None:
            raise InputError(f"{on or db} holds no events; name another")
        found = trial(con, tried, latest)
    if as_json:
        print(json.dumps(found.as_dict(), indent=2))  # noqa: T201
        return
    for flip in found.flips:
        print(f"{flip.at:%Y-%m-%d %H:%M:%S} {flip.state} {flip.member}  {flip.because}".rstrip())  # noqa: T201
    print(found.summary(rule))  # noqa: T201


@contextmanager
def _history(on: Path | None, db: Path | None) -> "Iterator[DuckDBPyConnection]":
    """A database to read: that of a file of events is made for the block; one that is held is copied."""
    from pipeline.database import open_reader  # noqa: PLC0415
    from pipeline.held import holder  # noqa: PLC0415

    with TemporaryDirectory(prefix="firsthand-") as folder:
        place = Path(folder, "history.duckdb")
        if on is not None:
            _replayed(on, place)
        elif db is not None:
            held = holder(db)
            if held is None:
                place = db
            else:
                held.copy_to(place)
        with open_reader(place) as con:
            yield con


def _replayed(events: Path, place: Path) -> None:
    from pipeline.database import open_writer  # noqa: PLC0415
    from pipeline.replay import read_lines, replay  # noqa: PLC0415
    from pipeline.schema import create_schema  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415

    if not events.exists():
        raise InputError(f"{events}: no such file; `firsthand simulate` or `firsthand import` makes one")
    at = settings()
    with Store(open_writer(place, at.definitions, create_schema, at.memory_limit, at.threads)) as store:
        with progress("records") as told:
            tally = replay(
                store,
                heeded(read_lines(events)),
                clock(),
                progress=told and (lambda tally: told(tally.consumed)),
            )
        if tally.rejected:
            _say_rejected(store, events, tally)


def _say_rejected(store: "Store", events: Path, tally: "Tally") -> None:
    """A rule that is tried on half of a file would seem to have been tried on all of it."""
    with store.reading() as con:
        rows = con.execute("select reason, count(*) from rejections group by reason order by 2 desc, 1")
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in rows.fetchall())
    said = f"{tally.rejected:,} of {tally.consumed:,} lines are rejected ({reasons})"
    if not tally.accepted:
        raise InputError(f"{events}: {said}; name a file of events")
    note(said)
