"""What Great Expectations says of an expectation, as a finding: figures and one sentence."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from checks.expectations import Expectation, Measured, NoRows
from checks.report import Finding, Observed
from checks.snapshot import Snapshot

EXAMPLES = 3
"""Offending rows or values shown."""


def finding(suite: str, expectation: Expectation, result: Mapping[str, Any], seen: Snapshot) -> Finding:
    """The finding of one expectation from the result Great Expectations gave for it."""
    success = bool(result["success"])
    if trouble := _trouble(result.get("exception_info") or {}):
        return _found(suite, expectation, False, {"error": trouble}, f"it could not be judged: {trouble}")
    match expectation:
        case Measured():
            return _of_figures(suite, expectation, success, seen)
        case NoRows():
            observed = {} if success else _offenders(expectation, seen)
            return _found(
                suite, expectation, success, {"rows": result["result"]["observed_value"]} | observed
            )
        case _:
            return _found(suite, expectation, success, _column_figures(result["result"]))


def _found(
    suite: str, expectation: Expectation, success: bool, observed: Mapping[str, Observed], seen: str = ""
) -> Finding:
    figures = seen or ", ".join(f"{name} {_shown(value)}" for name, value in observed.items())
    opening = "" if success else "expected that "
    return Finding(
        suite,
        expectation.name,
        expectation.table,
        expectation.column,
        success,
        True,
        observed,
        f"{opening}{expectation.rule} ({figures})",
    )


def _of_figures(suite: str, expectation: Measured, success: bool, seen: Snapshot) -> Finding:
    query = expectation.sql.replace("{batch}", expectation.table)
    (row,) = seen.rows(f"select *, ({expectation.holds}) is not null as judged from ({query})")
    judged = bool(row.pop("judged"))
    observed = {name: _plain(value) for name, value in row.items()}
    found = _found(
        suite, expectation, success, observed, "" if judged else f"not judged: {expectation.unjudged}"
    )
    return found if judged else _unjudged(found)


def _unjudged(found: Finding) -> Finding:
    return Finding(
        found.suite,
        found.expectation,
        found.table,
        found.column,
        found.success,
        False,
        found.observed,
        found.sentence,
    )


def _offenders(expectation: NoRows, seen: Snapshot) -> dict[str, Observed]:
    query = expectation.sql.replace("{batch}", expectation.table)
    rows = seen.rows(f"from ({query}) order by all limit {EXAMPLES}")
    return {"examples": [", ".join(f"{name} {_plain(value)}" for name, value in row.items()) for row in rows]}


def _column_figures(result: Mapping[str, Any]) -> dict[str, Observed]:
    figures: dict[str, Observed] = {
        "rows": result.get("element_count") or 0,
        "unexpected": result.get("unexpected_count") or 0,
    }
    examples = dict.fromkeys(_text(value) for value in result.get("partial_unexpected_list") or [])
    return figures | ({"examples": list(examples)[:EXAMPLES]} if examples else {})


def _trouble(exception_info: Mapping[str, Any]) -> str:
    """The first message of an exception, on one line; Great Expectations nests them by metric."""
    nested = [each for each in exception_info.values() if isinstance(each, Mapping)] or [exception_info]
    messages = [each["exception_message"] for each in nested if each.get("raised_exception")]
    return " ".join(str(messages[0]).split())[:300] if messages else ""


def _plain(value: object) -> Observed:
    match value:
        case None | bool() | int() | float():
            return value
        case Decimal():
            return float(value)
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def _shown(value: Observed) -> str:
    match value:
        case list():
            return "; ".join(value)
        case bool() | None:
            return _text(value)
        case int():
            return f"{value:,}"
        case _:
            return str(value)
