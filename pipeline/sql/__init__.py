"""The statements of the pipeline, one file each: the path of a batch from decode to readings."""

from functools import cache
from importlib.resources import files


@cache
def load(name: str) -> str:
    """The text of `name`.sql in this folder."""
    return files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")


def fill(name: str, **parts: str) -> str:
    """The text of `name`.sql with each {part} replaced by this project's own SQL; never by a value."""
    text = load(name)
    for part, value in parts.items():
        text = text.replace("{" + part + "}", value)
    return text
