"""Records that wish the worker ill: a seeded stream of them, by kind, about 60,000 in a second.

Most begin as a valid event and are then spoilt; no two have one identity, so that what is accepted of
them is the same in any order. `records` gives (key, value) pairs, `KINDS` names the ways.
"""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.fields import CHANNELS, CONTACT, MAX_RECORD_BYTES, OUTCOMES, SURVEY, TYPES

FIRST = datetime(2026, 1, 5, tzinfo=UTC)
TEXTS = ("customer_id", "contact_id", "reason", "agent_id", "team", "segment", "comment")
NUMBERS = ("wait_s", "handle_s", "csat", "effort", "nps", "friendliness", "resolved", "reason", "extra")

HOSTILE_TEXTS = (
    *("'; drop table internal.events; --", '" or 1=1; --', "$1", "$reason", "{reason}", "%s%n%x", "%(name)s"),
    *("$(reboot)", "`id`", "; rm -rf ~ #", "| tee x", "${jndi:ldap://127.0.0.1/a}", "{{7*7}}", "<%= 1 %>"),
    *("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</td></table>", "&lt;b&gt;", "]]>"),
    *("../../../../etc/passwd", "C:\\Windows\\System32", "file:///etc/passwd", "\\\\server\\share", "a/b\\c"),
    *("\x1b[2J\x1b[31mred", "\x1b]0;title\x07", "\x9b31m", "\r\n\t\b\x07\x7f", "line\nbreak", "[bold]x[/]"),
    *("\u202egnp.exe", "\u200b\ufeff\u00ad", "e\u0301", "\U0001f468\u200d\U0001f469", "\uffff", "\ufdfd" * 9),
    *("=1+1", "@SUM(A1)", "null", "NULL", "None", "NaN", "undefined", "true", "0", "-1", "(none) ", " "),
    *("'" * 50, '"' * 50, "\\" * 50, "%" * 50, "a" * 100, "\U0001d11e" * 100),
)
"""What breaks programs that put text into something else; none means absent, all fit every text field."""
ODD_NUMBERS = (
    *(
        "1e400",
        "-1e400",
        "1e-400",
        "1e99999999999999999999",
        "9" * 5000,
        "-0",
        "4.0",
        "4.5",
        "0." + "9" * 5000,
    ),
    *("NaN", "Infinity", "-Infinity", "1_000", "0x10", "01", "1e", ".5", "+1", "true", '"4"', "[4]", "null"),
)
ODD_ESCAPES = (
    *(
        "\\u0000",
        "\\ud800",
        "\\udc00",
        "\\ud834\\udd1e",
        "\\ud834\\ud834",
        "\\u00",
        "\\x00",
        "\\'",
        "\\\\u0000",
    ),
    *("\x00", "\x1f", "\n", "\\"),
)
ODD_BYTES = (
    *(b"\xff", b"\x80", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xb0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"),
    *(b"\x00", b"\xef\xbb\xbf", b"\xfe\xff"),
)
NO_RECORDS = (b"", b" ", b"\n", b"\x00", b"{}", b"[]", b"null", b'""', b"0", b"{", b"\xef\xbb\xbf{}", b"{}{}")
KEYS = (None, b"", b"\x00", b"\xff\xfe\xfd", b"k" * 65_536, "κλειδί".encode(), b"'; drop table x; --")


def event(draw: random.Random, number: int) -> dict[str, Any]:
    """A valid event with an identity of its own."""
    kind = draw.choice(TYPES)
    who = draw.randrange(number // 4 + 1)
    data = {
        "customer_id": f"c{who}",
        "contact_id": f"k{who}",
        "channel": draw.choice(CHANNELS),
        "reason": "bill",
    }
    if kind == CONTACT:
        data |= {"wait_s": draw.randrange(90), "outcome": draw.choice(OUTCOMES)}
    if kind == SURVEY:
        data |= {"csat": draw.randrange(1, 6), "nps": draw.randrange(11), "comment": "so so"}
    at = FIRST + timedelta(seconds=draw.randrange(10**6), microseconds=number % 10**6)
    identity = {"specversion": "1.0", "id": f"h{number}", "source": "hostile", "type": kind}
    return {**identity, "time": at.isoformat(), "data": data}


def valid(draw: random.Random, number: int) -> bytes:
    return json.dumps(event(draw, number)).encode()


def texts(draw: random.Random, number: int) -> bytes:
    """Valid, with hostile text wherever text may stand."""
    found = event(draw, number)
    found["data"] |= {name: draw.choice(HOSTILE_TEXTS) for name in draw.sample(TEXTS, 4)}
    return json.dumps(found, ensure_ascii=draw.random() < 0.5).encode()


def flipped(draw: random.Random, number: int) -> bytes:
    """Some bits turned over."""
    value = bytearray(valid(draw, number))
    for _ in range(draw.randint(1, 4)):
        value[draw.randrange(len(value))] ^= 1 << draw.randrange(8)
    return bytes(value)


def cut(draw: random.Random, number: int) -> bytes:
    value = valid(draw, number)
    return value[: draw.randrange(len(value))]


def doubled(draw: random.Random, number: int) -> bytes:
    return valid(draw, number) * 2


def spliced(draw: random.Random, number: int) -> bytes:
    """The head of one event and the tail of another, which is not sent itself."""
    head, tail = valid(draw, number), valid(draw, number)
    return head[: draw.randrange(len(head))] + tail[draw.randrange(len(tail)) :]


def with_field(found: dict[str, Any], name: str, written: str) -> bytes:
    """The event with a field of its data written so, JSON or not."""
    found["data"][name] = "@@"
    return json.dumps(found).replace('"@@"', written, 1).encode(errors="surrogatepass")


def numbers(draw: random.Random, number: int) -> bytes:
    return with_field(event(draw, number), draw.choice(NUMBERS), draw.choice(ODD_NUMBERS))


def escapes(draw: random.Random, number: int) -> bytes:
    """NUL, lone surrogates, control characters and what only looks like them, in a text."""
    return with_field(event(draw, number), draw.choice(TEXTS), f'"a{draw.choice(ODD_ESCAPES)}b"')


def bytes_put_in(draw: random.Random, number: int) -> bytes:
    """What is no UTF-8, or a mark of byte order, somewhere."""
    value, odd = valid(draw, number), draw.choice(ODD_BYTES)
    at = draw.choice((0, len(value), draw.randrange(len(value))))
    return value[:at] + odd + value[at:]


def repeated_keys(draw: random.Random, number: int) -> bytes:
    """A key twice, in the envelope or in the data; which one counts is not defined."""
    value = valid(draw, number)
    again = draw.choice((b'"channel":null,', b'"csat":99,"csat":1,', b'"customer_id":7,'))
    return value.replace(b'"channel":', again + b'"channel":', 1)


def deep(draw: random.Random, number: int) -> bytes:
    """Nested some hundred to some thousand levels, closed or not."""
    levels = draw.choice((50, 500, 1000, 1100, 3000))
    opening, closing = draw.choice((("[", "]"), ('{"a":', "}"), ('[{"":', "}]"), ("[0,", "]")))
    written = (
        opening * levels + draw.choice(("0", "[]", "", "NaN")) + closing * draw.choice((levels, levels - 1))
    )
    return with_field(event(draw, number), draw.choice(NUMBERS), written)


def nothing(draw: random.Random, number: int) -> bytes:  # noqa: ARG001 - as the others are called
    return draw.choice(NO_RECORDS)


def noise(draw: random.Random, number: int) -> bytes:  # noqa: ARG001 - likewise
    return draw.randbytes(draw.randrange(400))


def largest(draw: random.Random, number: int) -> bytes:
    """Just 64 KiB, or a byte more, of what takes longest to read for its length."""
    filling = draw.choice(
        ("[" * 32_000 + "]" * 32_000, "[" * 64_000, "[" + "0," * 32_000 + "0]", '"' + "é" * 32_000 + '"')
    )
    value = with_field(event(draw, number), "extra", filling)
    return value.ljust(MAX_RECORD_BYTES + draw.randrange(2))


WEIGHTS: dict[Callable[[random.Random, int], bytes], int] = {
    valid: 150, texts: 150, flipped: 200, cut: 100, doubled: 40, spliced: 100, numbers: 80, escapes: 60,
    bytes_put_in: 60, repeated_keys: 40, deep: 10, nothing: 40, noise: 60, largest: 1,
}  # fmt: skip
KINDS = {kind.__name__: kind for kind in WEIGHTS}


def records(seed: int, count: int) -> Iterator[tuple[bytes | None, bytes | None]]:
    """So many records; one in fifty is a tombstone or what was sent before, one in ten has an odd key."""
    draw = random.Random(seed)  # noqa: S311 - nothing to keep secret
    kinds = draw.choices(list(WEIGHTS), list(WEIGHTS.values()), k=count)
    before: bytes | None = None
    for number, kind in enumerate(kinds):
        luck = draw.random()
        value = None if luck < 0.01 else before if luck < 0.02 else kind(draw, number)
        key = draw.choice(KEYS) if draw.random() < 0.1 and luck > 0.02 else b"c%d" % (number % 97)
        yield key if len(key or b"") < 1000 or luck > 0.99 else b"", value
        before = value


def has_repeated_keys(value: bytes) -> bool:
    """Whether an object in it may name a key twice: then its verdict is not defined."""
    repeated = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        repeated.append(len({name for name, _ in pairs}) < len(pairs))

    try:
        json.loads(value, object_pairs_hook=look)
    except (ValueError, RecursionError):
        return value.count(b'"channel"') > 1
    return any(repeated)
