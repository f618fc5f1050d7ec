"""What is expected of `metrics`, one row per current reading, and of `watermarks` (contract, 1, 3, 4)."""

from datetime import datetime

from checks.expectations import Between, Expectation, NeverNull, NoRows, OneOf, Where, texts
from checks.reconciliation import CONSERVED, EVERY_ACCEPTED, EVERY_REJECTED, reconciled
from checks.settings import CheckSettings
from pipeline.fields import CONTACT, SURVEY
from pipeline.metrics import METRICS
from pipeline.spans import SPANS
from pipeline.sums import DIMENSIONS

TABLE = "metrics"
ALWAYS = ("metric", "span", "dimension", "member", "as_of", "numerator", "denominator", "value")
"""The columns that every reading fills; an interval may be missing."""

NAMES = tuple(metric.name for metric in METRICS)
SHARES = tuple(
    name for metric in METRICS if (name := metric.name) != "response_rate" and metric.kind == "share"
)
"""Parts of a whole. A response rate is none: answers may come without an invitation in the window."""


def expectations(settings: CheckSettings, as_of: datetime) -> tuple[Expectation, ...]:
    """The suite: closed lists, ranges, arithmetic, members that sum to all, agreement with the rows."""
    slack = repr(settings.rounding)
    return (
        *(NeverNull(TABLE, column) for column in ALWAYS),
        OneOf(TABLE, "metric", NAMES),
        OneOf(TABLE, "span", SPANS),
        OneOf(TABLE, "dimension", tuple(DIMENSIONS)),
        Between(TABLE, "value", 0, 1, Where("metric", SHARES), "shares_in_range"),
        Between(TABLE, "value", -1, 1, Where("metric", ("nps",)), "nps_in_range"),
        Between(TABLE, "value", 1, 5, Where("metric", ("csat_mean",)), "csat_mean_in_range"),
        Between(TABLE, "value", 1, 7, Where("metric", ("effort",)), "effort_in_range"),
        _offenders(
            "interval_around_value",
            "low <= value <= high where an interval is given, and never half of one",
            f"low > value + {slack} or high < value - {slack} or (low is null) <> (high is null)",
        ),
        _offenders("denominator_positive", "a reading has a denominator above 0", "denominator <= 0"),
        _offenders(
            "numerator_within_denominator",
            "a share's numerator is at most its denominator, and not negative",
            f"metric in ({texts(SHARES)}) and not numerator between 0 and denominator",
        ),
        _offenders(
            "value_is_the_quotient",
            "value is numerator / denominator",
            f"abs(value - numerator::double / nullif(denominator, 0)) > {slack} * greatest(1, abs(value))",
        ),
        ONE_ROW_PER_READING,
        ONE_MOMENT,
        MEMBERS_SUM_TO_ALL,
        reconciled("contacts", "numerator", f"type = '{CONTACT}' and direction = 'inbound'", settings, as_of),
        reconciled("csat", "denominator", f"type = '{SURVEY}' and csat is not null", settings, as_of),
        CONSERVED,
        EVERY_ACCEPTED,
        EVERY_REJECTED,
    )


def _offenders(name: str, rule: str, breaks: str) -> NoRows:
    columns = "metric, span, dimension, member, numerator, denominator, value, low, high"
    return NoRows(TABLE, name, rule, f"select {columns} from {{batch}} where {breaks}")


ONE_ROW_PER_READING = NoRows(
    TABLE,
    "one_row_per_reading",
    "a metric, span, dimension and member have one row",
    "select metric, span, dimension, member, count(*) as rows from {batch} group by all having count(*) > 1",
)

ONE_MOMENT = NoRows(
    TABLE,
    "one_moment",
    "all readings speak of the same moment",
    "select count(distinct as_of) as moments, min(as_of) as earliest, max(as_of) as latest from {batch} "
    "having count(distinct as_of) > 1",
    column="as_of",
)

# A member whose denominator is 0 has no row. It takes nothing from either sum, but for answers without
# an invitation (response_rate's numerator); every row of contacts has the denominator 1.
MEMBERS_SUM_TO_ALL = NoRows(
    TABLE,
    "members_sum_to_all",
    "numerators and denominators of a dimension's members sum to those of all",
    "with totals as (select metric, span, numerator, denominator from {batch} where dimension = 'all'), "
    "sums as (select metric, span, dimension, sum(numerator) as numerator, sum(denominator) as denominator "
    "from {batch} where dimension <> 'all' group by all), "
    f"dimensions as (select unnest([{texts(each for each in DIMENSIONS if each != 'all')}]) as dimension) "
    "select metric, span, dimension, sums.numerator as members_numerator, totals.numerator as all_numerator, "
    "sums.denominator as members_denominator, totals.denominator as all_denominator "
    "from totals cross join dimensions full join sums using (metric, span, dimension) "
    "where (metric <> 'response_rate' and sums.numerator is distinct from totals.numerator) "
    "or (metric <> 'contacts' and sums.denominator is distinct from totals.denominator)",
)
