"""Charts that many members share: ten thousand members need a few hundred.

Members' healthy and fallen shares are rounded to fiftieths of log-odds, the healthy one up, and the answers
between false alarms up, by at most a fifth. Rounded so, false alarms can only become rarer than declared, and
a fall takes some percent longer to find. A chart takes a millisecond or so to make, and is kept (design.py).
"""

import math

from pipeline.detection.chart import Chart
from pipeline.detection.design import COARSE, Terms, terms

_GRID = 50
_EVERY_GRID = 5


def shared_chart(healthy: float, fallen: float, false_alarm_every: float) -> Chart:
    """A chart for a share of bad answers that was `healthy` and may become `fallen`, the same for its like.

    >>> shared_chart(0.1501, 0.26, 10_000) is shared_chart(0.1499, 0.26, 10_000)
    True
    """
    return shared_terms(healthy, fallen, false_alarm_every).chart()


def shared_terms(healthy: float, fallen: float, false_alarm_every: float) -> Terms:
    """The terms of such a chart."""
    low = math.ceil(_log_odds(healthy) * _GRID)
    high = max(low + 1, round(_log_odds(fallen) * _GRID))
    share = 1 / (1 + math.exp(-low / _GRID))
    every = math.exp(math.ceil(math.log(false_alarm_every) * _EVERY_GRID) / _EVERY_GRID)
    return terms((1 - share, share), (high - low) / _GRID, every, COARSE)


def _log_odds(share: float) -> float:
    return math.log(share / (1 - share))
