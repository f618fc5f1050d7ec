"""Commands for those who read: tokens, queries, snapshots."""

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.options import Database, a_file, clock, console, settings, usage

Name = Annotated[str, typer.Argument(help="Whose it is, or what for.", metavar="NAME")]


class Format(StrEnum):
    """How an answer is printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command("query", epilog="Example: firsthand query 'from metrics limit 9' --db x.duckdb --format csv")(
        run_query
    )
    app.command("snapshot", epilog="Example: firsthand snapshot copy.duckdb --db x.duckdb")(take_snapshot)
    app.command("connect", epilog="Example: firsthand connect python --db x.duckdb | python")(show_recipe)
    tokens = typer.Typer(
        no_args_is_help=True,
        rich_markup_mode=None,
        help="Who may read the worker's database over Quack.",
        epilog="Example: firsthand token new grafana --db x.duckdb",
    )
    tokens.command("new", epilog="Example: firsthand token new grafana --db x.duckdb")(new_token)
    tokens.command("list", epilog="Example: firsthand token list --db x.duckdb")(list_tokens)
    tokens.command("revoke", epilog="Example: firsthand token revoke grafana --db x.duckdb")(revoke_token)
    app.add_typer(tokens, name="token")


def run_query(
    query: Annotated[str, typer.Argument(help="One SELECT.", metavar="SQL")],
    db: Database,
    form: Annotated[Format, typer.Option("--format", help="How to print it.")] = Format.TABLE,
) -> None:
    """Ask the database in SQL: through its worker while one runs, and under the same limits without."""
    from pipeline.held import Holder, reader  # noqa: PLC0415
    from pipeline.live_sql.answer import Answer  # noqa: PLC0415
    from pipeline.live_sql.desk import asked  # noqa: PLC0415
    from pipeline.live_sql.printed import printed  # noqa: PLC0415

    with reader(db) as source:
        if isinstance(source, Holder):
            answer = Answer.from_bytes(source.query(query))
        else:
            answer = asked(source, query, settings().limits)
    printed(answer, form.value)


def take_snapshot(
    to: Annotated[
        Path, typer.Argument(help="A file that ends in .duckdb, or a folder for Parquet.", metavar="TO")
    ],
    db: Database,
) -> None:
    """Copy the database at one moment, also while its worker runs; readers of the last copy keep it."""
    from pipeline.held import Holder, reader  # noqa: PLC0415
    from pipeline.snapshot import age_s, copied, take  # noqa: PLC0415

    at = settings()
    age = age_s(to, clock())
    if age is not None and age < at.snapshot_seconds:
        every = f"{at.snapshot_seconds:g} s (FIRSTHAND_SNAPSHOT_SECONDS)"
        print(f"{to} is {age:.0f} s old, and one is taken every {every} at most: it stays")  # noqa: T201
        return
    with reader(db) as source:
        if isinstance(source, Holder):
            take(source.copy_to, to, clock(), at.memory_limit)
        else:
            take(lambda path: copied(db, path), to, clock(), at.memory_limit)
    print(f"{to}: a snapshot of {db}")  # noqa: T201


def show_recipe(
    tool: Annotated[
        str | None, typer.Argument(help="Which one; without it, they are listed.", metavar="TOOL")
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option("--db", parser=a_file, help="The worker's DuckDB file.", metavar="PATH"),
    ] = None,
) -> None:
    """Print a recipe, ready to run, by which a tool asks the worker in SQL."""
    from pipeline.recipes import ADDRESS, how_to_begin, recipe  # noqa: PLC0415

    address, why_not = _live_sql(db)
    known = address or ADDRESS
    if tool:
        print(usage(lambda name: recipe(name, known, db))(tool), end="")  # noqa: T201
    else:
        print(how_to_begin(known, db))  # noqa: T201
    if why_not:
        console().print(f"{why_not}: {ADDRESS} is live SQL's usual address", highlight=False, soft_wrap=True)


def _live_sql(db: Path | None) -> tuple[str | None, str]:
    """Where the worker of `db` answers in SQL, or why nobody knows."""
    from pipeline.held import holder  # noqa: PLC0415

    if db is None:
        return None, "no --db was given"
    found = holder(db)
    if found is None:
        return None, f"no worker runs on {db}"
    return found.sql, "" if found.sql else f"the worker of {db} runs without live SQL"


def new_token(name: Name, db: Database) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    from pipeline.live_sql.tokens import Tokens, beside  # noqa: PLC0415

    token = secrets.token_urlsafe(32)
    Tokens(beside(db)).add(name, token, clock())
    print(token)  # noqa: T201
    console().print("this token is shown once; keep it where only its reader sees it", highlight=False)


def list_tokens(db: Database) -> None:
    """Print the names of the tokens, and since when there they are."""
    from pipeline.live_sql.tokens import Tokens, beside  # noqa: PLC0415

    for name, known in sorted(Tokens(beside(db)).known().items()):
        print(f"{known['made_at']}  {name}")  # noqa: T201


def revoke_token(name: Name, db: Database) -> None:
    """Let a token in no more, from the next query on."""
    from pipeline.live_sql.tokens import Tokens, beside  # noqa: PLC0415

    Tokens(beside(db)).revoke(name)
