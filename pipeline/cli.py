"""The command line's frame: where the clock is made, and where every failure becomes one line."""

import logging
import sys
from typing import NoReturn

import typer

from pipeline.commands import databases, files, streams
from pipeline.errors import FirsthandError

app = typer.Typer(
    name="firsthand",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Touchpoint events on Kafka become rolling customer-experience metrics in DuckDB.",
)
for commands in (streams, files, databases):
    commands.register(app)


def main() -> None:
    """Run a command; a failure is one line on stderr that says what to do, and exit code 1."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        app()
    except FirsthandError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted")
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left
        sys.exit(1)
    except OSError as error:
        _fail(f"{error.filename or 'the system'}: {error.strerror or error}")
    except Exception as error:  # noqa: BLE001 - the outermost frame
        _fail(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")


def _fail(message: str) -> NoReturn:
    sys.stderr.write(f"firsthand: {message}\n")
    sys.exit(1)
