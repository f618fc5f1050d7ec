"""Strict JSON at any depth: what is taken, what is refused, and what numbers are worth."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.strict_json import NotJSONError, _read, _shallow, exact, read

NOT_JSON = [
    *("NaN", "Infinity", "-Infinity", "[1,]", '{"a": 1,}', "[1 2]", "[1", "]", "{'a': 1}", "{1: 1}"),
    *("01", "-01", "1.", ".5", "+1", "-", "1e", "0x1", "\uff11", "tru", "True", "nul", "\u00a01", "\x0c1"),
    *('"\t"', '"\x1f"', "'a'", r'"\x41"', r'"\u12"', r'"\u0000"', r'"\\\u0000"', r'{"\u0000": 1}'),
    *(r'"\ud800"', r'"\udfff"', r'"\ud800\ud800\udc00"', r'"\udc00\ud800"', r'"\ud800 \udc00"'),
    *(r'"\ud83d😀"', r'{"a\uD83D": 1}'),
]


@pytest.mark.parametrize("written", NOT_JSON)
def test_what_is_not_strict_json_is_refused_anywhere(written: str) -> None:
    for text in (written, f'{{"data": [{written}]}}', "[" * 3000 + written + "]" * 3000):
        with pytest.raises(NotJSONError):
            read(text)


@pytest.mark.parametrize(
    "written",
    [
        r'"\\u0000"',
        r'"\\\\ud800"',
        r'"\ud83d\ude00"',
        r'"\uD83D\uDE00\ud83d\ude00"',
        '"\u2028\x7f"',
        " \t\r\n true ",
        "[]",
    ],
)
def test_what_only_looks_wrong_is_json(written: str) -> None:
    assert read(f'{{"data": {{"unknown": {written}}}}}') == {"data": {"unknown": json.loads(written)}}
    assert _read(_shallow("[" * 3000 + written + "]" * 3000, levels=3)) == [[[[]]]]
    assert isinstance(read("[" * 30_000 + written + "]" * 30_000), list)


@pytest.mark.parametrize(
    "written", ["0", "-0.0", "4.0", "12.345", "1E+3", "40e-1", "1e0005", f"0.{'1' * 9000}", "9" * 9000]
)
def test_number_is_worth_exactly_what_is_written(written: str) -> None:
    assert exact(written) == Decimal(written)


@pytest.mark.parametrize("exponent", ["100001", "+0099999999", "9" * 60_000])
def test_number_beyond_any_use_is_far_out_on_the_right_side(exponent: str) -> None:
    assert exact(f"1e{exponent}") > 10**30
    assert exact(f"-1E{exponent}") < -(10**30)
    assert 0 < exact(f"1e-{exponent.lstrip('+')}") < Decimal("1e-30")
    assert exact(f"0.000e{exponent}") == 0


LITERALS = ("1", "-0.5e3", "01", "true", "nul", "null", '"a"', r'"\n"', r'"\u00e9"', r'"\x"', '{"a":', "[1,")
FRAGMENTS = st.sampled_from([*'[]{},:" ', *LITERALS])
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
).map(json.dumps)
TEXTS = (
    DOCUMENTS
    | st.lists(FRAGMENTS, max_size=8).map("".join)
    | st.builds(
        lambda text, at, fragment: text[: at % (len(text) + 1)] + fragment + text[at % (len(text) + 1) + 1 :],
        *(DOCUMENTS, st.integers(0, 50), FRAGMENTS),
    )
)


@settings(max_examples=1500, deadline=None)
@given(text=TEXTS, levels=st.sampled_from([1, 2, 3]))
def test_reader_of_deep_json_takes_and_refuses_what_the_quick_one_does(text: str, levels: int) -> None:
    try:
        quick = _read(text)
    except NotJSONError:
        with pytest.raises(NotJSONError):
            _read(_shallow(text, levels))
    else:
        assert cut(_read(_shallow(text, levels)), levels) == cut(quick, levels)


def cut(value: Any, levels: int) -> Any:
    """The value with empty ones in place of the arrays and objects that many levels down."""
    if isinstance(value, dict):
        return {key: cut(item, levels - 1) for key, item in value.items()} if levels else {}
    if isinstance(value, list):
        return [cut(item, levels - 1) for item in value] if levels else []
    return value
