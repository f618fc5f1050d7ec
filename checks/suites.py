"""The suites by name; a new one is a file and a line here."""

from collections.abc import Callable, Mapping
from datetime import datetime

from checks import metrics, rejections, touchpoints
from checks.expectations import Expectation
from checks.settings import CheckSettings

Suite = Callable[[CheckSettings, datetime], tuple[Expectation, ...]]

SUITES: Mapping[str, Suite] = {
    "touchpoints": touchpoints.expectations,
    "rejections": rejections.expectations,
    "metrics": metrics.expectations,
}
ALL = tuple(SUITES)
