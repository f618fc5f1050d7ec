"""Do the tables agree with each other: readings with rows, rows with the counts of what was consumed."""

from datetime import datetime

from checks.expectations import NoRows, instant
from checks.settings import CheckSettings
from pipeline.spans import SPANS, microseconds

CONSERVED = NoRows(
    "watermarks",
    "conservation",
    "consumed = accepted + duplicates + rejected + tombstones, in every partition",
    "select topic, partition, consumed, accepted, duplicates, rejected, tombstones from {batch} "
    "where consumed is distinct from accepted + duplicates + rejected + tombstones",
)


def _every(count: str, rows: str) -> NoRows:
    return NoRows(
        "watermarks",
        f"every_{count}_is_in_{rows}",
        f"a partition has as many rows in {rows} as records counted as {count}",
        f"with stored as (select topic, partition, count(*) as stored from {rows} group by all) "
        f"select topic, partition, {count}, stored from {{batch}} full join stored using (topic, partition) "
        f"where coalesce({count}, 0) <> coalesce(stored, 0)",
    )


EVERY_ACCEPTED = _every("accepted", "touchpoints")
EVERY_REJECTED = _every("rejected", "rejections")


def reconciled(metric: str, quantity: str, counts: str, settings: CheckSettings, as_of: datetime) -> NoRows:
    """The reading of `metric` over all, in each span, is the number of touchpoints for which `counts`.

    The readings' own `as_of` is meant; `as_of` stands in where there are no readings at all. Live, rows
    that were stored at the time of the refresh or since need not be in the readings: they make the
    number a range. After a replay (`as_of` is the latest event) it is exact.
    """
    return NoRows(
        "metrics",
        f"{metric}_reconciled",
        f"the {quantity} of {metric} over all is the number of such rows in touchpoints, in every span",
        f"with latest as (select max(occurred_at) as occurred_at from touchpoints), "
        f"moment as (select coalesce(max(as_of), {instant(as_of)}) as as_of from {{batch}}), "
        "known as (select as_of, if(as_of = latest.occurred_at, timestamptz 'infinity', "
        f"as_of - to_seconds({settings.settling.total_seconds()!r})) as stored_by from moment, latest), "
        f"spans(span, microseconds) as (values {_spans()}), "
        "counted as (select span, count(*) as most, "
        "count(*) filter (ingested_at <= stored_by) as least from spans, known, touchpoints "
        f"where {counts} and occurred_at > as_of - to_microseconds(microseconds) and occurred_at <= as_of "
        "group by all), "
        f"readings as (select span, {quantity} as reading from {{batch}} "
        f"where metric = '{metric}' and dimension = 'all') "
        "select span, reading, least as rows_at_least, most as rows_at_most "
        "from counted full join readings using (span) "
        "where coalesce(reading, 0) not between coalesce(least, 0) and coalesce(most, 0)",
    )


def _spans() -> str:
    return ", ".join(f"('{span}', {microseconds(span):d})" for span in SPANS)
