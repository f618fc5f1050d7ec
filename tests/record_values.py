"""What a field may hold, fitting and unfitting, and pieces of text that are odd JSON or none at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from histories import CHANNELS
from oracle_verdicts import COMMON_TEXTS

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Raw:
    """A piece of text that stands in the record as it is, JSON or not."""

    text: str


LEFT_OUT = Raw("")  # a field with this value is not written at all
CLEF = "\U0001d11e"  # one code point, two in UTF-16, four bytes in UTF-8


def raws(*texts: str) -> tuple[Raw, ...]:
    return tuple(Raw(text) for text in texts)


# --- values that fit and values that do not -----------------------------------------------------------

ODD_SHAPES: tuple[Any, ...] = (True, 0, Raw("1e400"), [], {"a": 1})
HUGE = raws("1e400", "123456789012345678901234567890", "9" * 5000, "1e99999999999999999999")
NO_NUMBERS: tuple[Any, ...] = ("4", "4.0", "", "NaN", True, False, [], {}, [4])
TEXTS = {**COMMON_TEXTS, "comment": 4000}
INTEGERS = {"csat": (1, 5), "effort": (1, 7), "nps": (0, 10), "friendliness": (1, 5)}
CHOICES = {
    "channel": CHANNELS,
    "stage": ("awareness", "pre_purchase", "purchase", "post_purchase"),
    "direction": ("inbound", "outbound"),
    "handled_by": ("human", "bot", "self_service"),
    "outcome": ("resolved", "unresolved", "transferred", "escalated", "abandoned"),
}
NOT_CHOSEN = ("", "(none)", "fax", "Phone", "phone ", "INBOUND", "null", "in\u200bbound", *ODD_SHAPES)
ABSENT = (None, LEFT_OUT)
ABSENT_TEXTS = (*ABSENT, "", "(none)")

GOOD_SECONDS = raws(
    *("0", "-0", "-0.0", "0e9", "20", "20.0", "2e1", "2.0E+1", "20.0005", "0.0005", "0.0015", "12.3455"),
    *("0.00049999", "20.00050001", "1e-7", "1e7", "10000000", "10000000.000", "9999999.9996", "0.1e-2"),
)
BAD_SECONDS = (*raws("-1", "-0.001", "-1e-9", "10000000.001", "1e8", "-1e400"), *HUGE, *NO_NUMBERS)

GOOD_TIMES = (
    *("2026-11-21T10:00:00Z", "2026-11-21t10:00:00z", "2026-11-21T10:00:00+00:00"),
    *("2026-11-21T10:00:00-00:00", "2026-11-21T10:00:00.1+23:59", "2026-11-21T10:00:00-23:59"),
    *("2026-11-21T10:00:00.1234567Z", "2026-11-21T10:00:00.9999999999999999999Z"),
    *("2024-02-29T23:59:59.999999Z", "2000-02-29T00:00:00Z", "1969-12-31T23:59:59.9999999Z"),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z", "0001-01-01T01:00:00+01:00"),
    *("9999-12-31T22:59:59-01:00", "1883-11-18T12:03:58.5Z"),
)
BAD_TIMES = (
    *("", "(none)", "yesterday", "2026-11-21", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z"),
    *("2026-11-21T10:00Z", "2026-11-21T10:00:60Z", "2016-12-31T23:59:60Z", "2026-11-21T24:00:00Z"),
    *("2026-02-29T10:00:00Z", "1900-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-00-01T10:00:00Z"),
    *("2026-11-31T10:00:00Z", "2026-11-00T10:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:00.Z"),
    *("2026-11-21T10:00:00,5Z", "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:00+01:60"),
    *("2026-11-21T10:00:00+0100", "2026-11-21T10:00:00+01", "2026-11-21T10:00:00 Z", "1763719200"),
    *(" 2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z ", "2026-11-21T10:00:00Z\n", "20261121T100000Z"),
    *("2026-W47-6T10:00:00Z", "2026-325T10:00:00Z", "02026-11-21T10:00:00Z", "+2026-11-21T10:00:00Z"),
    *("-2026-11-21T10:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01"),
    *("9999-12-31T23:59:59-00:01", "2026-11-21T10:00:00UTC", "2026-11-21T10:00:00\u221201:00"),
    *(
        "\uff12\uff10\uff12\uff16-11-21T10:00:00Z",
        "2026-11-21T1\u0660:00:00Z",
        "2026-11-21_10:00:00Z",
        "2026-1-21T10:00:00Z",
    ),
)
GOOD_NAMES = ("a", "a" * 256, "é" * 256, CLEF * 256, " ", "(none)", "\u00a0", '"\\/\n', "\ufeff")
BAD_NAMES = ("", "a" * 257, CLEF * 257, *ABSENT, *ODD_SHAPES)
BAD_ENVELOPE: dict[str, tuple[Any, ...]] = {
    "specversion": ("1.1", "0.3", "1", "", " 1.0", Raw("1.0"), *ABSENT, *ODD_SHAPES),
    "id": BAD_NAMES,
    "source": BAD_NAMES,
    "type": (*ABSENT, *ODD_SHAPES),
    "time": (*ABSENT, *ODD_SHAPES, Raw("1763719200000")),
    "data": (*ABSENT, True, 5, "", "{}", Raw('"{}"'), [], [{}]),
}
UNKNOWN_TYPES = (
    *("", "(none)", "touchpoint.contact.v2", "touchpoint.contact", "Touchpoint.Contact.v1"),
    *("touchpoint.contact.v1 ", "touchpoint.complaint.v1", "com.example.order"),
)
UNKNOWN_NAMES = ("x", "subject", "datacontenttype", "Type", "customer_id ", "", "\ufeffid")
STRANGE_BUT_JSON = raws(
    *("[" * 1500 + "]" * 1500, '{"a":' * 1100 + "1e400" + "}" * 1100, "1e400", "-0", "1E-400"),
    *('"\\ud834\\udd1e"', '"\\/\\b\\f\\n\\r\\t\\"\\\\"', '"\\u007f\x7f"', '"\\\\u0000"', "9" * 5000),
    *('{"":[{},[],null,true,"\\u0001"]}', "[ \t\r\n1 ,2\n]", '"\ufeff\u2028\uffff"', '"\\uFFFE"', "0.0e-0"),
)
# As deep as 64 KiB allow, for which a judge that calls itself has no stack; slow, and so drawn seldom.
VERY_DEEP = raws("[" * 30_000 + "]" * 30_000, '{"a":' * 9000 + "0" + "}" * 9000, "[" * 30_000)
NOT_JSON = raws(
    *("NaN", "Infinity", "-Infinity", "nan", "True", "None", "undefined", "01", "-01", "1.", ".5", "+1"),
    *("0x1", "1e", "1_000", "--1", "'a'", "1 2", "[1,]", '{"a":1,}', "[,1]", '{"a" 1}', "{a:1}", '{"a":}'),
    *('{1:"a"}', "[1", '{"a":1', "]", "}", '"a', '"\\x41"', '"\\u12"', '"\\u123g"', '"\\U0041"', '"\\'),
    *('"\t"', '"\n"', '"\x00"', '"\x1f"', '"\\u0000"', '{"\\u0000":1}', '"\\ud800"', '"\\udc00"'),
    *('"\\udc00\\ud800"', '"\\ud800x\\udc00"', '{"\\ud834":1}', '"\\ud834\\ud834\\udd1e"', "\x00"),
    *("[" * 1500, "[" * 1500 + "]" * 1499, "[" * 9 + "]" * 10, "// a\n1", "/**/1", "\u00a01", "\x0c1"),
)
NOT_OBJECTS = (
    "[]",
    "[{}]",
    "1",
    "-0",
    '"{}"',
    "null",
    "true",
    " false\n",
    "1e400",
    "[" * 1500 + "]" * 1500,
)
NOT_TEXT = (
    b"\xff",
    b"\x80",
    b"\xc0\x80",
    b"\xc1\xbf",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    b"\xe2\x82",
    b"\xfe",
)
TRAILING = (b",", b"}", b"x", b"\x00", b"{}", b"\xc2\xa0", b"\x0c")
NO_VALUES = (b"", b" ", b"\xef\xbb\xbf{}", b"\x00", b"{}{}", b"nul", b"{", b'{"a":1}x', b"\xff\xfe{\x00}\x00")


def long_texts(limit: int) -> tuple[str, ...]:
    return (
        "a" * limit,
        "é" * limit,
        CLEF * limit,
        "e\u0301",
        " ",
        "(None)",
        "(none) ",
        "null",
        "a\nb",
        '"\\',
    )


def too_long_texts(limit: int) -> tuple[str, ...]:
    one_more = limit + 1
    return ("a" * one_more, "é" * one_more, CLEF * one_more, " " * one_more, "(none)" + "x" * limit)


def good_values(name: str) -> Sequence[Any]:
    """Values that a field of an accepted event may have."""
    if name in TEXTS:
        return long_texts(TEXTS[name])
    if name in CHOICES:
        return CHOICES[name]
    if name in INTEGERS:
        least, most = INTEGERS[name]
        return (least, most, *raws(f"{most}.0", f"{most}0e-1", f"0.{most}e1" if most < 10 else "1e1"))
    return (True, False) if name == "resolved" else GOOD_SECONDS


def bad_values(name: str) -> Sequence[Any]:
    """Values for which an event is rejected."""
    if name in TEXTS:
        return (*too_long_texts(TEXTS[name]), *ODD_SHAPES)
    if name in CHOICES:
        return NOT_CHOSEN
    if name in INTEGERS:
        least, most = INTEGERS[name]
        outside = (least - 1, most + 1, -most, *raws(f"{most + 1}.0", "-1e400"))
        return (*outside, *raws("4.5", "0.5", "3.999", "1e-1", "11.5"), *HUGE, *NO_NUMBERS)
    if name == "resolved":
        return ("true", "", "yes", 1, 0, Raw("1.0"), [], {})
    return BAD_SECONDS


def absent_values(name: str) -> Sequence[Any]:
    """Ways to say that a field is not there."""
    return ABSENT_TEXTS if name in TEXTS else ABSENT
