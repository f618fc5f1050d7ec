"""The command line's frame: where every failure becomes one line on stderr, and every end a clean one."""

import gc
import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer
from typer.exceptions import TyperException

from pipeline.commands import alerts, databases, files, interruption, readers, streams
from pipeline.errors import FirsthandError, is_disk_full

app = typer.Typer(
    name="firsthand",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Touchpoint events on Kafka become rolling customer-experience metrics in DuckDB.",
)
for commands in (streams, files, databases, readers, alerts):
    commands.register(app)


def main() -> None:
    """Run a command; a failure is one line on stderr that says what to do, and exit code 1 (bad usage: 2)."""
    # What imports make, 150,000 objects, lives as long as the program. To look through them for garbage over
    # and over, and more than once at the end, took a worker 0.5 CPU s, and short commands a tenth of theirs.
    gc.set_threshold(50_000)
    try:
        _run()
    finally:
        gc.freeze()


def _run() -> None:
    _hear_ourselves_only()
    interruption.listen()
    try:
        left_early = app(prog_name="firsthand", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except TyperException as error:
        _refuse(error)
    except BrokenPipeError:
        _forget_stdout()  # whoever read our output has left
        sys.exit(1)
    except Exception as error:  # noqa: BLE001 - the outermost frame
        if isinstance(error, OSError):
            _forget_stdout()
        _fail("interrupted" if interruption.was_heard() else _said(error))
    except KeyboardInterrupt:
        _fail("interrupted")
    if left_early:  # Typer's word for Ctrl-C
        _fail("interrupted")


def _hear_ourselves_only() -> None:
    """Show the warnings of this program; what its engines log is for those who debug them."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.addFilter(logging.Filter("pipeline"))
    logging.basicConfig(handlers=[handler], format="firsthand: %(message)s")


def _refuse(error: TyperException) -> NoReturn:
    """Bad usage: what was wrong with it and where the help is."""
    said = error.format_message()
    if said.startswith("Usage:"):  # no command at all: the help itself
        sys.stderr.write(f"{said}\n")
        sys.exit(error.exit_code)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "firsthand"
    _fail(f"{said.rstrip('.')}; `{command} --help` shows how it is used", error.exit_code)


def _said(error: Exception) -> str:
    """A failure in one line; what a library raised that nobody expected, in its own words."""
    if isinstance(error, FirsthandError):
        return str(error)
    own = " ".join(str(error).split())[:300]
    if is_disk_full(error):
        return f"the disk is full: free some space and try again ({own})"
    if isinstance(error, OSError):
        return f"{error.filename or 'the system'}: {error.strerror or error}; check it and try again"
    return f"{type(error).__name__}: {own}"


def _forget_stdout() -> None:
    """Let the interpreter not fail once more when it flushes at its end."""
    with suppress(OSError, AttributeError):  # it has no descriptor, or was closed before we began
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, code: int = 1) -> NoReturn:
    if sys.stderr is not None:
        sys.stderr.write(f"firsthand: {' '.join(message.splitlines())}\n")
    sys.exit(code)
