"""pandas, which DuckDB and PyArrow import where it can be had, and only the checks need."""

import sys
from types import ModuleType


class _NoPandas:
    """Finds no module; of this one it says that there is none, before others are asked."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: ModuleType | None = None) -> None:  # noqa: ARG004
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not needed here", name=name)


def hide_pandas() -> None:
    """Have it not found from now on: 0.2 CPU s and 46 MiB of every command."""
    sys.meta_path.insert(0, _NoPandas)


def show_pandas() -> None:
    """Let it be found again."""
    if _NoPandas in sys.meta_path:
        sys.meta_path.remove(_NoPandas)
