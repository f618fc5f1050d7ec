"""The tables, as Markdown."""

import math
from collections.abc import Iterable, Mapping, Sequence

from bench.alerts.contenders import Contender
from bench.alerts.history import Members
from bench.alerts.means import Score
from bench.alerts.streams import Delay
from bench.alerts.theory import Held

Row = Iterable[str]


def reference_points(found: Iterable[Held]) -> str:
    head = ["healthy", "limit", "true share", "known", "computed", "simulated", "off by", "source"]
    return _table(
        head,
        (
            (
                f"{each.point.healthy:.0%}",
                f"{each.point.nats:.2f}",
                f"{each.point.true:.0%}",
                _number(each.point.published),
                _number(each.computed),
                f"{_number(each.simulated)} ± {_number(2 * each.error)}",
                f"{each.simulated / each.computed - 1:+.1%}",
                each.point.source,
            )
            for each in found
        ),
    )


def side_by_side(
    found: Mapping[Contender, Sequence[Delay]],
    shares: Sequence[float],
    computed: Mapping[str, Sequence[float]],
) -> str:
    head = ["detector", "false alarm every", *(f"at {share:.0%}" for share in shares)]
    rows = []
    for contender, delays in found.items():
        known = map(_delay, delays) if delays else ["-"] * len(shares)
        rows.append([contender.name, _number(contender.every), *known])
        if contender.name in computed:
            rows.append(["&nbsp;&nbsp;the same, computed", *map(_number, computed[contender.name])])
    return _table(head, rows)


def short_histories(found: Iterable[Members]) -> str:
    head = [
        "answers of history",
        "still learning",
        "as it is: keep the promise",
        "as it is: all together, one in",
        "with caution: keep the promise",
        "with caution: all together, one in",
        "doubled odds known after",
    ]
    return _table(
        head,
        (
            (
                _number(each.answers),
                f"{each.learning:.0%}",
                f"{each.kept_as_is:.0%}",
                _number(each.every_as_is),
                f"{each.kept:.0%}",
                _number(each.every),
                _number(each.delay),
            )
            for each in found
        ),
    )


def wandering_days(found: Mapping[float, Sequence[float]]) -> str:
    head = ["days differ by (standard deviation)", "healthy share known", "limit from 28 such days"]
    rows = ((f"{points:g} points", _number(known), _number(own)) for points, (known, own) in found.items())
    return _table(head, rows)


def scores(found: Iterable[Score]) -> str:
    head = ["metric", "Gaussian limit", "tilted chart"]
    return _table(head, ((each.name, _number(each.gaussian), _number(each.tilted)) for each in found))


def _table(head: Sequence[str], rows: Iterable[Row]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _delay(found: Delay) -> str:
    return ("over " if found.given_up > 0.01 else "") + _number(found.answers)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value < math.inf else "none seen"
