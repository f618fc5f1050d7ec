"""Headers of records whose names are no UTF-8: both Kafka clients refuse to read such records at all.

Any producer can send one and the broker takes it, and then nobody gets past it. Nothing here reads
headers, so their names are decoded with replacement characters, as Kafka's own Java client does it.
"""

from typing import Any


class Lenient(bytearray):
    r"""Bytes whose pieces are decoded whatever they hold.

    >>> Lenient(b"x-\xff")[0:3].decode("utf-8")
    'x-\ufffd'
    """

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:  # noqa: ARG002 - the decoder's
        """The text, with replacement characters where it is none."""
        return super().decode("utf-8", "replace")
