"""Rules: what somebody wants to be told of. Read from a file by rules_file.py.

Words are Prometheus's where it has one (`for`, `keep_firing_for`, labels, annotations). A rule speaks of one
metric by one dimension, and watches each member by itself.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, PositiveFloat, model_validator
from pydantic.fields import FieldInfo

from pipeline.metrics import METRICS, limits_of
from pipeline.spans import SPANS
from pipeline.sums import DIMENSIONS


def _like(pattern: str, words: str, **schema: JsonValue) -> tuple[AfterValidator, FieldInfo]:
    """What a text has to look like, in words for who wrote it and as a pattern for editors."""

    def check(text: str) -> str:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(f"'{text}' does not do: write {words}")
        return text

    return AfterValidator(check), Field(json_schema_extra={"pattern": f"^({pattern})$", **schema})


def _one_of(names: Sequence[str]) -> tuple[AfterValidator, FieldInfo]:
    return _like("|".join(map(re.escape, names)), f"one of {', '.join(names)}", enum=[*names])


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"'{text}' is no time zone: write one such as Europe/Berlin") from error
    return text


_LENGTH = "[1-9][0-9]{0,6}[mhd]"

MetricName = Annotated[str, *_one_of([each.name for each in METRICS])]
Dimension = Annotated[str, *_one_of(DIMENSIONS)]
SpanName = Annotated[str, *_one_of(SPANS)]
Name = Annotated[str, *_like("[a-z][a-z0-9_-]{0,62}", "small letters, digits, - and _")]
Label = Annotated[str, *_like("[a-zA-Z_][a-zA-Z0-9_]*", "letters, digits and _")]
Variable = Annotated[str, *_like("[A-Z_][A-Z0-9_]*", "the name of an environment variable, such as OPS_URL")]
Duration = Annotated[str, *_like(_LENGTH, "a whole number and m, h or d, such as 15m")]
Silent = Annotated[str, *_like(f"usual|{_LENGTH}", "usual, or a whole number and m, h or d, such as 2h")]
Budget = Annotated[
    str, *_like("[1-9][0-9]{0,8}( answers|[mhd])", "how often an alarm may be false: 10000 answers, or 90d")
]
Clock = Annotated[str, *_like("([01][0-9]|2[0-3]):[0-5][0-9]", "a time of day in quotes, such as '22:00'")]
Zone = Annotated[str, AfterValidator(_zone)]


class Strict(BaseModel):
    """Nothing that is not known, nothing guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


class Rule(Strict):
    """What every rule has. `hold`: so long the condition lasts before it fires (in the file: `for`)."""

    name: Name
    severity: Literal["critical", "warning", "info"] = "warning"
    labels: dict[Label, str] = {}
    annotations: dict[Label, str] = {}
    hold: Duration | None = Field(None, alias="for")
    keep_firing_for: Duration | None = None
    notify: list[Name] = ["log"]


class OfMetric(Rule):
    """A rule about a metric, for each member of a dimension or the given ones."""

    metric: MetricName
    by: Dimension = "all"
    members: list[str] | None = Field(None, min_length=1)

    @model_validator(mode="after")
    def _settled(self) -> Self:
        if self.metric in PROVISIONAL:
            raise ValueError(
                f"{self.metric} is provisional, and never fires by itself: name fcr_settled or fcr_survey"
            )
        return self


PROVISIONAL = ("fcr", "one_contact")
"""First-contact resolution that a customer may still undo."""


class Threshold(OfMetric):
    """The whole interval of a reading is beyond a fixed value: not the point, which a few answers move."""

    kind: Literal["threshold"]
    span: SpanName
    below: float | None = None
    above: float | None = None

    @model_validator(mode="after")
    def _one_that_can_be(self) -> Self:
        if (self.below is None) == (self.above is None):
            raise ValueError("give one of below and above")
        if METRICS_BY_NAME[self.metric].kind == "count":
            raise ValueError(f"{self.metric} is a plain count, without an interval: use kind drop or silence")
        least, most = limits_of(self.metric)
        if self.below is not None and not least < self.below <= most:
            raise ValueError(f"{self.metric} is never below {self.below:g}: it is {_range(self.metric)}")
        if self.above is not None and not least <= self.above < most:
            raise ValueError(f"{self.metric} is never above {self.above:g}: it is {_range(self.metric)}")
        return self


class Drop(OfMetric):
    """A reading is worse than in the same hours of the week over the last four weeks."""

    kind: Literal["drop"]
    span: Literal["15m", "1h", "24h"]
    by_more_than: PositiveFloat
    """Of the baseline: 0.1 is a tenth of it."""


class Fall(Strict):
    """The smallest fall worth knowing: odds of a bad answer (of scores: a point) times so much, or a mean."""

    odds: Annotated[float, Field(gt=1, le=20)] | None = None
    to: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.odds is None) == (self.to is None):
            raise ValueError("give one of odds and to")
        return self


class Change(OfMetric):
    """Answer by answer: the metric has got worse, told as early as the declared false alarms allow."""

    kind: Literal["change"]
    false_alarm_every: Budget
    fall: Fall

    @model_validator(mode="after")
    def _one_that_can_be(self) -> Self:
        if METRICS_BY_NAME[self.metric].kind == "count":
            raise ValueError(f"{self.metric} has no answers to follow: use kind drop or silence")
        if self.metric == "response_rate":
            raise ValueError("response_rate compares answers with invitations, and follows no answers")
        least, most = limits_of(self.metric)
        if self.fall.to is not None and not least < self.fall.to < most:
            raise ValueError(f"{self.metric} never is {self.fall.to:g}: it is {_range(self.metric)}")
        return self


class Silence(Rule):
    """No events of a channel or a source for longer than usual, or for a fixed time."""

    kind: Literal["silence"]
    by: Literal["all", "channel", "source"] = "channel"
    members: list[str] | None = Field(None, min_length=1)
    after: Silent = "usual"


class Quality(Rule):
    """A check of the data fails. While it does, the metrics that it makes doubtful do not fire."""

    kind: Literal["quality"]
    suites: list[Literal["touchpoints", "rejections", "metrics"]] | None = Field(None, min_length=1)


class QuietHours(Strict):
    """Times of day at which nothing is delivered; what fires meanwhile is delivered at their end."""

    begin: Clock
    end: Clock
    zone: Zone

    @model_validator(mode="after")
    def _that_end(self) -> Self:
        if self.begin == self.end:
            raise ValueError("begin and end are the same: nothing would ever be delivered")
        return self


class Notifier(Strict):
    """Where alerts are delivered. Secrets are in environment variables, whose names stand here."""

    kind: Literal["webhook", "alertmanager", "apprise"]
    url_env: Variable
    secret_env: Variable | None = None
    group_by: list[Literal["rule", "severity", "metric", "dimension", "member"]] = ["rule"]
    repeat_interval: Duration = "4h"
    quiet_hours: QuietHours | None = None


AnyRule = Annotated[Threshold | Drop | Change | Silence | Quality, Field(discriminator="kind")]


class Rules(Strict):
    """The whole file."""

    rules: list[AnyRule]
    notifiers: dict[Name, Notifier] = {}

    @model_validator(mode="after")
    def _that_fit(self) -> Self:
        names = [each.name for each in self.rules]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"there are two rules {twice[0]}: each has a name of its own")
        known = {"log", *self.notifiers}
        for rule in self.rules:
            if unknown := sorted(set(rule.notify) - known):
                raise ValueError(f"rule {rule.name} notifies {unknown[0]}, which is not under notifiers")
        return self


METRICS_BY_NAME = {each.name: each for each in METRICS}


def _range(metric: str) -> str:
    least, most = limits_of(metric)
    return f"from {least:g} to {most:g}" if most != float("inf") else f"{least:g} or more"
