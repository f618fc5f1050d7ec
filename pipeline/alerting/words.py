"""An alert in one sentence, for people."""

from datetime import datetime, timedelta

from pipeline.alerting.evaluation.conditions import Condition
from pipeline.alerting.evidence import EPOCH, Contributor, Figures
from pipeline.alerting.rules import METRICS_BY_NAME, Change, Drop, OfMetric, Threshold

NAMES = {
    "contacts": "Contacts",
    "csat": "CSAT",
    "csat_mean": "Mean CSAT",
    "effort": "Effort score",
    "effort_easy": "Share that found it easy",
    "nps": "NPS",
    "friendliness": "Friendliness",
    "fcr_settled": "First-contact resolution",
    "fcr_survey": "First-contact resolution by survey",
    "abandonment": "Abandonment",
    "wait_mean": "Mean wait",
    "handle_mean": "Mean handling time",
    "service_level": "Service level",
    "response_rate": "Response rate",
}


def figure(metric: str, value: float) -> str:
    """A metric's value as people say it.

    >>> figure("csat", 0.6129), figure("wait_mean", 67.52), figure("effort", 5.456), figure("contacts", 1200)
    ('61 %', '67.5 s', '5.46', '1,200')
    """
    asked = METRICS_BY_NAME[metric]
    if asked.kind == "share" or metric == "nps":
        return f"{100 * value:.0f} %"
    if asked.unit == "seconds":
        return f"{value:,.1f} s"
    return f"{value:,.0f}" if asked.kind == "count" else f"{value:.2f}"


def told(
    rule: OfMetric,
    member: str,
    condition: Condition,
    seen: Figures | None,
    blamed: list[Contributor],
) -> str:
    """Why the alert is raised.

    >>> from decimal import Decimal
    >>> rule = Threshold(name="low", kind="threshold", metric="csat", by="channel", span="1h", below=0.8)
    >>> seen = Figures(Decimal(38), 62, 0.613, 0.488, 0.724)
    >>> told(rule, "phone", Condition(2, 3_600_000_000, 1, 62, 0.8), seen, [])
    'CSAT of phone is 61 % [49, 72] over 1h: 38 of 62 answers, below 80 %'
    """
    what = f"{NAMES.get(rule.metric, rule.metric)}{'' if rule.by == 'all' else f' of {member}'}"
    return f"{what} {_verb(rule, condition, seen)}{_by_whom(blamed)}"


def _verb(rule: OfMetric, condition: Condition, seen: Figures | None) -> str:
    now = figure(rule.metric, seen.value) if seen else "nothing"
    usual = figure(rule.metric, condition.baseline) if condition.baseline is not None else "unknown"
    counts = f"{_counts(rule.metric, seen)}" if seen else "no events"
    if isinstance(rule, Change):
        how = "rose" if METRICS_BY_NAME[rule.metric].better == "lower" else "fell"
        since = (EPOCH + timedelta(microseconds=condition.since_us)).strftime("%Y-%m-%d %H:%M UTC")
        return (
            f"{how} from {usual} to {now} since {since}: {counts}; by chance once in {rule.false_alarm_every}"
        )
    now = f"is {now}{_interval(rule.metric, seen)}"
    if isinstance(rule, Drop):
        return f"{now} over {rule.span}: {counts}, where it was {usual} in the weeks before"
    side = "below" if isinstance(rule, Threshold) and rule.below is not None else "above"
    span = rule.span if isinstance(rule, Threshold) else ""
    return f"{now} over {span}: {counts}, {side} {usual}"


def _counts(metric: str, seen: Figures) -> str:
    if METRICS_BY_NAME[metric].kind == "share":
        return f"{int(seen.numerator):,} of {seen.denominator:,} answers"
    if METRICS_BY_NAME[metric].kind == "count":
        return f"{int(seen.numerator):,} contacts"
    return f"{seen.denominator:,} answers"


def _interval(metric: str, seen: Figures | None) -> str:
    if seen is None or seen.low is None or seen.high is None:
        return ""
    low, high = (
        figure(metric, bound).removesuffix(" %").removesuffix(" s") for bound in (seen.low, seen.high)
    )
    return f" [{low}, {high}]"


def _by_whom(blamed: list[Contributor]) -> str:
    if not blamed:
        return ""
    named = ", ".join(f"{each.dimension} {each.member} {100 * each.share:.0f} %" for each in blamed)
    return f"; most of it by {named}"


def moment(us: int) -> datetime:
    """A moment of event time as Python has it."""
    return EPOCH + timedelta(microseconds=us)
