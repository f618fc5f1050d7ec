"""Commands about alerts: which fire, why, and which are to be silent."""

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.commands.alert_trial import try_rule
from pipeline.commands.options import AsJson, Database, clock, note, settings, usage
from pipeline.errors import InputError
from pipeline.spans import microseconds

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from duckdb import DuckDBPyConnection

    from pipeline.store import Store

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

    for each in found.pop("notes", []) if isinstance(found, dict) else []:
        note(each)
    _show(found, silences if list_ else ended if end is not None else silence, as_json=as_json)


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
