"""A record that broke a rule, as it is kept and passed on to the dead-letter topic."""

from dataclasses import dataclass, replace
from typing import Self

_LEFT_OUT = "left out here, being too large for this topic; they are in the table rejections"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One rejected record: where it was, which rule it broke, and its original bytes.

    `reason` is one of `fields.REASONS`, `detail` one sentence for a person; `key` and `payload` are
    the record's own, byte for byte. The headers name all this as Kafka Connect's dead letters do.

    >>> bad = Rejection("touchpoints", 2, 17, "not_json", "line 1: expected a value", None, b"{")
    >>> dict(bad.headers())["__connect.errors.exception.class.name"]
    b'not_json'
    """

    topic: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes | None
    payload: bytes

    def notice(self) -> Self:
        """What is passed on of a record that the dead-letter topic does not take: no bytes, the rest."""
        size = len(self.key or b"") + len(self.payload)
        detail = f"{self.detail}; its {size:,} bytes are {_LEFT_OUT}"
        return replace(self, detail=detail, key=None, payload=b"")

    def headers(self) -> list[tuple[str, bytes]]:
        """Kafka Connect's header names; every value is text in UTF-8."""
        texts = {
            "__connect.errors.topic": self.topic,
            "__connect.errors.partition": str(self.partition),
            "__connect.errors.offset": str(self.offset),
            "__connect.errors.exception.class.name": self.reason,
            "__connect.errors.exception.message": self.detail,
        }
        return [(name, text.encode()) for name, text in texts.items()]
