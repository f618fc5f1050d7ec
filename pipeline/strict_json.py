r"""JSON as RFC 8259 has it: nothing more than Python's own reader takes, and nothing less.

More than JSON: NaN and Infinity, lone surrogates, and (by the contract) `\u0000`; all are refused.
Less than JSON: numbers of more than 4,300 digits and deep nesting, on which Python's reader gives up;
numbers therefore stay text until a rule asks for their value, and deep values are read by `_shallow`.
"""

import json
import re
from decimal import Decimal
from typing import NoReturn

import numpy as np
import numpy.typing as npt


class NotJSONError(ValueError):
    """The text is not JSON."""


class Number(str):
    """A number as it is written: `4`, `4.0`, `1e400`."""

    __slots__ = ()


def read(text: str) -> object:
    """Read the value of `text`, each number as a `Number`; what is nested in a field of data may be missing.

    Raises NotJSONError.

    >>> read('{"csat": 4.0}')
    {'csat': '4.0'}
    """
    try:
        value = _read(text)
    except RecursionError:
        value = _read(_shallow(text), whole=False)
    if "\\u" in text:
        _check_escapes(text)
    return value


def exact(number: str) -> Decimal:
    """Give the value of a JSON number; beyond 10^±100,000 a stand-in that far out, or zero.

    No record has digits enough to bring such an exponent back into a range that anything asks for,
    and a Decimal has no room for every exponent that JSON allows.

    >>> exact("40e-1") == 4, exact("1e400") > 10**7, exact("0e99999999999999999999") == 0
    (True, True, True)
    """
    mantissa, _, exponent = number.lower().partition("e")
    if not exponent:
        return Decimal(mantissa)
    digits = exponent.lstrip("+-0")[:6] or "0"
    power = min(int(digits), 100_000)
    return Decimal(f"{mantissa}e{'-' if exponent[0] == '-' else ''}{power}")


def _refuse_constant(constant: str) -> NoReturn:
    raise NotJSONError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=_refuse_constant)


def _read(text: str, *, whole: bool = True) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"at character {error.pos}" if whole else "within its many brackets"
        raise NotJSONError(f"{error.msg} {where}") from None


_SOUND = re.compile(
    r"[^\\]*+(?:\\(?:[^u]"
    r"|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|u(?!0000|[dD][89a-fA-F])"
    r")[^\\]*+)*+"
)


def _check_escapes(text: str) -> None:
    # In text that is JSON, every backslash begins an escape: no need to know where strings end.
    sound = _SOUND.match(text)
    if sound and (at := sound.end()) < len(text):
        raise NotJSONError(f"the escape {text[at : at + 6]} at character {at}")


_LEVELS = 16
"""Twice as many are left to Python's reader at a time, however far down the stack it is called."""


def _shallow(text: str, levels: int = _LEVELS) -> str:
    """Leave out what is nested deeper than Python's reader takes, having checked that it is JSON too.

    Every `levels` levels down, long arrays and objects are cut out, and stand as empty ones where they
    stood; what was cut out is read by itself, all in one go. So the work grows with the text alone.

    >>> _shallow('{"data": {"reason": [[[1]], 2], "csat": 4}}', levels=2)
    '{"data": {"reason": [], "csat": 4}}'
    """
    spans = _deep_spans(text, levels)
    pieces: list[str] = []
    open_ones: list[list[str]] = []
    current: list[str] = []
    position = 0
    for at, opens in sorted([(first, True) for first, _ in spans] + [(end, False) for _, end in spans]):
        current.append(text[position:at])
        position = at
        if opens:
            open_ones.append(current)
            current = []
        else:
            pieces.append("".join(current))
            current = [*open_ones.pop(), "[]" if pieces[-1][0] == "[" else "{}"]
    _read(f"[{','.join(pieces)}]", whole=False)
    return "".join([*current, text[position:]])


def _deep_spans(text: str, levels: int) -> list[tuple[int, int]]:
    """Where the arrays and objects n * `levels` down begin and end, if long enough for as many levels more.

    In what is no JSON some may be neither; reading them will tell.
    """
    opened, closed = _brackets(text)
    depth = np.cumsum(opened.astype(np.int32) - closed)
    if depth.min(initial=0) < 0 or depth[-1:].any():
        raise NotJSONError("its brackets do not match")
    begins = opened & (depth > 1) & (depth % levels == 1 % levels)
    ends = closed & (depth > 0) & (depth % levels == 0)
    positions = np.flatnonzero(begins | ends)
    by_depth = np.argsort((depth - begins)[positions], kind="stable")  # where each begin meets its end
    pairs = positions[by_depth].reshape(-1, 2)
    return [(first, last + 1) for first, last in pairs.tolist() if last - first >= 2 * levels]


def _brackets(text: str) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Which characters open an array or object, and which close one: those outside strings."""
    unescaped = text.replace("\\\\", "--").replace('\\"', "--")
    codes = np.frombuffer(unescaped.encode("utf-32-le"), np.uint32)
    outside = np.cumsum(codes == ord('"')) % 2 == 0
    return (
        outside & ((codes == ord("[")) | (codes == ord("{"))),
        outside & ((codes == ord("]")) | (codes == ord("}"))),
    )
