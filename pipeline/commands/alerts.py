"""Commands about alerts: which fire, why, and which are to be silent."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.interruption import heeded
from pipeline.commands.options import AsJson, Database, a_file, clock, console, progress, settings, usage
from pipeline.errors import InputError
from pipeline.spans import microseconds

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from duckdb import DuckDBPyConnection

    from pipeline.store import Store
    from pipeline.tally import Tally

_EXAMPLE = "Example: firsthand alerts list --db x.duckdb"


def _length(text: str) -> str:
    microseconds(text)
    return text


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    alerts = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Which alerts fire and why, and which are to be silent.",
        epilog=_EXAMPLE,
    )
    alerts.command("list", epilog=_EXAMPLE)(list_alerts)
    alerts.command("explain", epilog="Example: firsthand alerts explain 3f9a --db x.duckdb")(explain_alert)
    alerts.command(
        "silence",
        epilog="Example: firsthand alerts silence --rule waits-rise --for 2h --comment moving --db x.duckdb",
    )(silence_alerts)
    alerts.command("test", epilog="Example: firsthand alerts test satisfaction-falls --on events.jsonl")(
        try_rule
    )
    app.add_typer(alerts, name="alerts")


def list_alerts(
    db: Database,
    every: Annotated[bool, typer.Option("--all", help="All that ever were, not the recent ones.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show the alerts: those that fire first, then what is pending, then the last that have ended."""
    from pipeline.alerting.printed import listed  # noqa: PLC0415
    from pipeline.alerting.standing import RECENT, alerts  # noqa: PLC0415

    found = _read(
        db,
        lambda con, now: alerts(con, now, ended=None if every else RECENT),
        "alerts",
        all="yes" if every else "no",
    )
    _show(found, listed, as_json=as_json)


def explain_alert(
    alert: Annotated[str, typer.Argument(help="Its id, or how it begins.", metavar="ALERT")],
    db: Database,
    as_json: AsJson = False,
) -> None:
    """Show an alert from its beginning, with the evidence of each change and the events behind it."""
    from pipeline.alerting.explained import explained  # noqa: PLC0415
    from pipeline.alerting.printed import told  # noqa: PLC0415

    found = _read(db, lambda con, now: explained(con, alert, now), "alert", alert=alert)
    _show(found, told, as_json=as_json)


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
    _note(said)


def silence_alerts(
    db: Database,
    rule: Annotated[str | None, typer.Option(help="Only alerts of this rule.", metavar="R")] = None,
    by: Annotated[
        str | None, typer.Option(help="Only alerts by this dimension.", metavar="DIMENSION")
    ] = None,
    member: Annotated[str | None, typer.Option(help="Only alerts of this member.", metavar="M")] = None,
    length: Annotated[
        str | None, typer.Option("--for", parser=usage(_length), help="How long.", metavar="2h|1d")
    ] = None,
    comment: Annotated[str | None, typer.Option(help="Why.", metavar="TEXT")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the silences in force.")] = False,
    end: Annotated[str | None, typer.Option("--end", help="End this silence.", metavar="ID")] = None,
    as_json: AsJson = False,
) -> None:
    """Silence alerts for a time: they are recorded and shown, and nobody is told; or list or end silences."""
    wish = {"rule": rule, "dimension": by, "member": member, "length": length, "comment": comment}
    _refuse_several(wish, list_, end)
    if list_:
        found = _silences(db)
    elif end is not None:
        found = _end(db, end)
    else:
        found = _silence(db, wish)
    from pipeline.alerting.printed import ended, silence, silences  # noqa: PLC0415

    for note in found.pop("notes", []) if isinstance(found, dict) else []:
        _note(note)
    _show(found, silences if list_ else ended if end is not None else silence, as_json=as_json)


def _note(text: str) -> None:
    console().print(f"note: {text}", highlight=False, markup=False, soft_wrap=True)


def _refuse_several(wish: dict[str, str | None], list_: bool, end: str | None) -> None:
    """One thing at a time, and what that needs."""
    given = any(value is not None for value in wish.values())
    if list_ + (end is not None) + given != 1:
        raise typer.BadParameter("give --for and --comment to silence, or --list, or --end ID")
    if given and (wish["length"] is None or wish["comment"] is None):
        raise typer.BadParameter("a silence needs --for, how long, and --comment, why")
    if wish["member"] is not None and wish["dimension"] is None:
        raise typer.BadParameter("--member is one of a dimension: give --by, too")


def _silences(db: Path) -> Any:
    from pipeline.alerting.silences import in_force  # noqa: PLC0415

    return _read(db, in_force, "silences")


def _silence(db: Path, wish: dict[str, str | None]) -> Any:
    from pipeline.alerting.silences import Wish, silence  # noqa: PLC0415

    return _write(db, lambda con, now: silence(con, Wish(**wish), now), "silence", **wish)  # type: ignore[arg-type]


def _end(db: Path, beginning: str) -> Any:
    from pipeline.alerting.silences import end  # noqa: PLC0415

    return _write(db, lambda con, now: end(con, beginning, now), "silence/end", silence=beginning)


def _read(
    db: Path, work: Callable[["DuckDBPyConnection", datetime], Any], command: str, **parameters: str
) -> Any:
    """What `work` finds in the database, or the worker that holds it for `command`."""
    from pipeline.held import Holder, reader  # noqa: PLC0415

    with reader(db) as found:
        if isinstance(found, Holder):
            return found.ask(command, **parameters)
        return work(found, clock())


def _write(
    db: Path, work: Callable[["DuckDBPyConnection", datetime], Any], command: str, **parameters: str | None
) -> Any:
    """What comes of `work` on the database, or of `command` where a worker holds it."""
    from pipeline.connection import transaction  # noqa: PLC0415
    from pipeline.held import Holder, opened  # noqa: PLC0415

    if not db.exists():
        raise InputError(f"{db}: no such database; name one with --db")
    with opened(db, lambda: _store(db)) as found:
        if isinstance(found, Holder):
            return found.tell(command, **parameters)
        with found.beside() as con, transaction(con):
            return work(con, clock())


def _store(db: Path) -> "AbstractContextManager[Store]":
    from pipeline.database import open_writer  # noqa: PLC0415
    from pipeline.schema import create_schema  # noqa: PLC0415
    from pipeline.store import Store  # noqa: PLC0415

    at = settings()
    return Store(open_writer(db, at.definitions, create_schema, at.memory_limit, at.threads))


def _show(found: Any, lines: Callable[[Any], list[str]], *, as_json: bool) -> None:
    from pipeline.live import printable  # noqa: PLC0415

    print(json.dumps(found, indent=2) if as_json else "\n".join(map(printable, lines(found))))  # noqa: T201
