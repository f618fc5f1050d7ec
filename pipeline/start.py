"""Where `firsthand` begins: Ctrl-C is heard while its modules, half a second of them, are still imported."""

import sys

from pipeline.unneeded import hide_pandas


def main() -> None:
    """Run the command line (cli.py)."""
    hide_pandas()
    try:
        from pipeline.cli import main as firsthand  # noqa: PLC0415 - the point of this module
    except KeyboardInterrupt:
        sys.stderr.write("firsthand: interrupted\n")
        sys.exit(1)
    firsthand()
