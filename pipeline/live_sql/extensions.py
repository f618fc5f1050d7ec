"""Quack and what it needs, from the wheels that are installed with firsthand: nothing is downloaded."""

from importlib.resources import as_file, files

import duckdb


def load_quack(con: duckdb.DuckDBPyConnection) -> None:
    """Let `con` serve Quack, and attach what others serve."""
    for name in ("httpfs", "quack"):
        shipped = files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
        with as_file(shipped / f"{name}.duckdb_extension") as path:
            quoted = str(path).replace("'", "''")
            con.execute(f"load '{quoted}'")
