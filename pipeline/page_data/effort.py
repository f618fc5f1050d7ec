"""How friendly people were against how easy it was: a desk may be kind, and its process still laborious."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from duckdb import DuckDBPyConnection

from pipeline.page_data.asked import Asked
from pipeline.page_data.change import SMALLEST_SAMPLE, apart, told
from pipeline.page_data.current import at_one_moment, now
from pipeline.page_data.moments import written
from pipeline.report import Reading

EASE, FRIENDLINESS, SOLVED = "effort_easy", "friendliness", "fcr"
MOST = 200
"""Members plotted: those with the most answers."""

_Readings = Mapping[str, Reading]


def effort_against_friendliness(con: DuckDBPyConnection, asked: Asked) -> dict[str, Any]:
    """The members of a dimension with enough answers to both questions, and how many had too few.

    `corner`: friendlier than, or as friendly as, over all, and yet less easy than over all.
    """
    with at_one_moment(con) as as_of:
        if as_of is None:
            return {"as_of": None, "members": [], "withheld": 0, "all": {}}
        of_all = {each.metric: each for each in _of(con, asked.span, "all")}
        by_member: dict[str, dict[str, Reading]] = defaultdict(dict)
        for each in _of(con, asked.span, asked.by):
            by_member[each.member][each.metric] = each
    asked_for = {name: of for name, of in by_member.items() if EASE in of or FRIENDLINESS in of}
    enough = {name: of for name, of in asked_for.items() if _sample(of) >= SMALLEST_SAMPLE}
    largest = sorted(enough, key=lambda name: (-_sample(enough[name]), name))[:MOST]
    return {
        "as_of": written(as_of),
        "all": {metric: told(reading) for metric, reading in of_all.items()},
        "members": [{"member": name, **_placed(enough[name], of_all)} for name in largest],
        "withheld": len(asked_for) - len(enough),
        "unplotted": len(enough) - len(largest),
    }


def _of(con: DuckDBPyConnection, span: str, by: str) -> Sequence[Reading]:
    return now(
        con, span, by, "metric in ($ease, $kind, $solved)", ease=EASE, kind=FRIENDLINESS, solved=SOLVED
    )


def _sample(of: _Readings) -> int:
    """The smaller number of answers of the two questions."""
    return min((of[name].denominator if name in of else 0) for name in (EASE, FRIENDLINESS))


def _placed(of: _Readings, of_all: _Readings) -> dict[str, Any]:
    friendly = of[FRIENDLINESS].value >= of_all[FRIENDLINESS].value
    laborious = of[EASE].value < of_all[EASE].value
    return {
        "n": _sample(of),
        "ease": told(of[EASE]),
        "friendliness": told(of[FRIENDLINESS]),
        "solved": told(of.get(SOLVED)),
        "solved_less": of[SOLVED].value < of_all[SOLVED].value if SOLVED in of else None,
        "corner": friendly and laborious,
        "beyond_chance": apart(of[EASE], of_all[EASE]),
    }
