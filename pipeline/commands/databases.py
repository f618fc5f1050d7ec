"""Commands on a database file: replay, report, audit, fingerprint, check."""

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from pipeline.commands.interruption import heeded
from pipeline.commands.options import (
    AsJson,
    Database,
    Dimension,
    Moment,
    OptionalKafka,
    Span,
    a_file,
    clock,
    console,
    progress,
    settings,
    usage,
)
from pipeline.errors import DatabaseError, InputError
from pipeline.settings import Settings
from pipeline.spans import moment


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("replay", epilog="Example: firsthand replay events.jsonl --db replayed.duckdb")(replay_events)
    app.command("report", epilog="Example: firsthand report --db x.duckdb --span 28d --by reason")(
        show_report
    )
    app.command("audit", epilog="Example: firsthand audit --db x.duckdb --kafka 127.0.0.1:9092")(show_audit)
    app.command("fingerprint", epilog="Example: firsthand fingerprint --db x.duckdb")(show_fingerprint)
    app.command("check", epilog="Example: firsthand check --db x.duckdb --docs docs/")(run_check)


def replay_events(
    source: Annotated[
        str, typer.Argument(help="events.jsonl, events.jsonl.gz or kafka://HOST:PORT/TOPIC", metavar="SOURCE")
    ],
    db: Database,
    from_: Annotated[
        datetime | None,
        typer.Option("--from", parser=usage(moment), metavar="RFC3339", help="Only events from then on."),
    ] = None,
    to: Annotated[
        datetime | None,
        typer.Option("--to", parser=usage(moment), metavar="RFC3339", help="Only events up to then."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing file.")] = False,
) -> None:
    """Build a new database from a stream of events, through the same code as the worker."""
    from pipeline.alerting.rules_file import rules_of  # noqa: PLC0415
    from pipeline.alerting.watcher import find_all  # noqa: PLC0415
    from pipeline.database import built_anew  # noqa: PLC0415
    from pipeline.replay import replay  # noqa: PLC0415
    from pipeline.schema import create_schema  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415

    if from_ and to and from_ > to:
        raise typer.BadParameter("--from is later than --to: no event is between them")
    at = settings()
    rules = rules_of(at.rules)
    batches = _batches(source, at)
    with (
        progress("records") as told,
        built_anew(
            db, at.definitions, create_schema, overwrite=overwrite, memory_limit=at.memory_limit
        ) as con,
        Store(con) as store,
    ):
        now = clock()
        tally = replay(
            store, heeded(batches), now, (from_, to), told and (lambda tally: told(tally.consumed))
        )
        find_all(store, rules, now)
    print(  # noqa: T201
        f"{db}: {tally.consumed:,} consumed = {tally.accepted:,} accepted + {tally.duplicates:,} duplicates "
        f"+ {tally.rejected:,} rejected + {tally.tombstones:,} tombstones"
    )


def show_report(
    db: Database,
    as_of: Moment = None,
    span: Span = "7d",
    by: Dimension = Dimension.ALL,
    as_json: AsJson = False,
) -> None:
    """Show the readings: value, 95 % interval and what they were counted from."""
    from pipeline.held import Holder, reader  # noqa: PLC0415
    from pipeline.live import listing, printer  # noqa: PLC0415
    from pipeline.report import Reading, report  # noqa: PLC0415

    asked = {"span": span, "by": by.value} | ({"as_of": as_of.isoformat()} if as_of else {})
    with reader(db) as found:
        if isinstance(found, Holder):
            rows = found.ask("report", **asked)
        else:
            rows = [each.as_dict() for each in report(found, as_of, span, by.value)]
    if as_json:
        print(json.dumps(rows, indent=2))  # noqa: T201
        return
    if not rows:
        console().print("no readings: nothing was counted in this window", highlight=False)
        return
    readings = [Reading.from_dict(row) for row in rows]
    printer().print(listing(readings, f"{span} by {by.value}, as of {rows[0]['as_of']}"))


def show_audit(db: Database, kafka: OptionalKafka = None, as_json: AsJson = False) -> None:
    """Count again: consumed = accepted + duplicates + rejected + tombstones, in every partition."""
    from pipeline.audit import Audit, audit, still_to_consume  # noqa: PLC0415
    from pipeline.held import Holder, reader  # noqa: PLC0415

    with reader(db) as source:
        found = Audit.from_dict(source.ask("audit")) if isinstance(source, Holder) else audit(source)
    if kafka is not None:
        found = still_to_consume(found, settings().topic, _waiting(kafka, found))
    if as_json:
        print(json.dumps(found.as_dict(), indent=2))  # noqa: T201
    else:
        print("\n".join(found.lines()))  # noqa: T201
    if found.faults:
        raise DatabaseError(f"{db}: the conservation law does not hold: {found.faults[0]}")


def show_fingerprint(db: Database) -> None:
    """Print one SHA-256 over all that is a function of the set of accepted events alone."""
    from pipeline.database import open_reader  # noqa: PLC0415
    from pipeline.fingerprint import fingerprint  # noqa: PLC0415

    with open_reader(db) as con:
        print(fingerprint(con))  # noqa: T201


def run_check(
    db: Database,
    docs: Annotated[
        Path | None, typer.Option("--docs", help="Write Data Docs into this folder.", metavar="DIR")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the Great Expectations suites; exit 1 where an expectation fails."""
    from checks.report import CheckReport  # noqa: PLC0415
    from pipeline.held import Holder, reader  # noqa: PLC0415
    from pipeline.live import printable  # noqa: PLC0415

    with reader(db) as source:
        if isinstance(source, Holder):
            asked = {"now": clock().isoformat()} | ({"docs": str(docs.resolve())} if docs else {})
            found = CheckReport.from_dict(source.ask("check", **asked))
        else:
            from checks.run import run_checks  # noqa: PLC0415
            from pipeline.report import last_refresh  # noqa: PLC0415

            found = run_checks(source, last_refresh(source) or clock(), docs)
    print(found.to_json() if as_json else "\n".join(map(printable, found.summary_lines())))  # noqa: T201
    if not found.success:
        names = ", ".join(f"{each.suite}: {each.expectation}" for each in found.failures[:3])
        raise DatabaseError(
            f"{db}: expectations that fail: {len(found.failures)} ({names}); see docs/checks.md"
        )


def _waiting(kafka: str, found: Any) -> dict[int, int]:
    """How many records of the topic are not consumed yet, by partition; of another topic it says nothing."""
    from pipeline.kafka import count_waiting  # noqa: PLC0415
    from pipeline.same_log import require_same_log  # noqa: PLC0415

    at = settings()
    begun = [each for each in found.partitions if each.topic == at.topic]
    reached = {each.partition: each.next_offset for each in begun}
    known = next((each.topic_id for each in begun), None)
    require_same_log(
        kafka,
        at.topic,
        at.security,
        reached=lambda partition: reached.get(partition, 0),
        recognises=lambda found: known in (None, found),
    )
    with progress("records waiting") as told:
        return count_waiting(kafka, at.topic, reached, at.security, told)


def _batches(source: str, at: Settings) -> Any:
    """The records of a file or of a topic."""
    if source.startswith("kafka://"):
        from pipeline.kafka import read_batches  # noqa: PLC0415

        bootstrap, _, topic = source.removeprefix("kafka://").partition("/")
        if not bootstrap or not topic:
            raise InputError(f"{source}: write kafka://HOST:PORT/TOPIC")
        return read_batches(bootstrap, topic, security=at.security)
    from pipeline.replay import read_lines  # noqa: PLC0415

    if not a_file(source).exists():
        raise InputError(f"{source}: no such file; name an events file, or kafka://HOST:PORT/TOPIC")
    return read_lines(Path(source))
