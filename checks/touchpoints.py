"""What is expected of `touchpoints`, one row per accepted event (contract, sections 1 and 3)."""

from datetime import UTC, datetime, timedelta

from checks.expectations import Between, Expectation, Measured, NeverNull, NoRows, OneOf, Where, instant
from checks.settings import CheckSettings
from pipeline.fields import (
    ANSWERS,
    CHANNELS,
    CONTACT,
    DIRECTIONS,
    HANDLERS,
    INVITATION,
    MAX_SECONDS,
    OUTCOMES,
    REOPEN,
    STAGES,
    SURVEY,
    TYPES,
)

TABLE = "touchpoints"
ALWAYS = (
    "source",
    "id",
    "type",
    "occurred_at",
    "ingested_at",
    "customer_id",
    "topic",
    "partition",
    "offset",
)
"""The columns that every event fills."""


def expectations(settings: CheckSettings, as_of: datetime) -> tuple[Expectation, ...]:
    """The suite: completeness, ranges, closed lists, uniqueness, freshness, volume."""
    return (
        *(NeverNull(TABLE, column) for column in ALWAYS),
        NeverNull(TABLE, "channel", Where("type", (CONTACT, SURVEY, INVITATION))),
        NeverNull(TABLE, "contact_id", Where("type", (CONTACT, REOPEN))),
        NeverNull(TABLE, "direction", Where("type", (CONTACT,))),
        NeverNull(TABLE, "handled_by", Where("type", (CONTACT,))),
        SURVEYS_ANSWER,
        Between(TABLE, "csat", 1, 5),
        Between(TABLE, "effort", 1, 7),
        Between(TABLE, "nps", 0, 10),
        Between(TABLE, "friendliness", 1, 5),
        Between(TABLE, "wait_s", 0, MAX_SECONDS),
        Between(TABLE, "handle_s", 0, MAX_SECONDS),
        OneOf(TABLE, "type", TYPES),
        OneOf(TABLE, "channel", CHANNELS),
        OneOf(TABLE, "stage", STAGES),
        OneOf(TABLE, "direction", DIRECTIONS),
        OneOf(TABLE, "handled_by", HANDLERS),
        OneOf(TABLE, "outcome", OUTCOMES),
        IDENTITY_UNIQUE,
        COORDINATES_UNIQUE,
        _fresh(settings, as_of),
        _as_many_as_a_week_ago(settings, as_of),
    )


SURVEYS_ANSWER = NoRows(
    TABLE,
    "survey_has_an_answer",
    f"a survey holds at least one of {', '.join(ANSWERS)}",
    f"select source, id from {{batch}} where type = '{SURVEY}' "
    f"and {' and '.join(f'{answer} is null' for answer in ANSWERS)}",
)

# Grouping ten million texts needs gigabytes, grouping their hashes does not: the texts are compared
# only where hashes meet.
IDENTITY_UNIQUE = NoRows(
    TABLE,
    "identity_unique",
    "no two events bear the same source, id and occurred_at",
    "select source, id, occurred_at, count(*) as events from {batch} "
    "where hash(source, id, occurred_at) in ("
    "select hash(source, id, occurred_at) from {batch} group by all having count(*) > 1"
    ") group by all having count(*) > 1",
)

COORDINATES_UNIQUE = NoRows(
    TABLE,
    "coordinates_unique",
    "no two events come from the same topic, partition and offset",
    'select topic, partition, "offset", count(*) as events from {batch} group by all having count(*) > 1',
)


def _fresh(settings: CheckSettings, as_of: datetime) -> Measured:
    hours = settings.freshness / timedelta(hours=1)
    return Measured(
        TABLE,
        "fresh",
        f"the latest event is at most {hours:g} hours old",
        "select max(occurred_at) as latest, "
        f"round(epoch({instant(as_of)} - max(occurred_at)) / 3600, 3) as hours_old from {{batch}}",
        holds=f"latest >= {instant(as_of - settings.freshness)}",
        unjudged="there are no events yet",
        column="occurred_at",
    )


def _as_many_as_a_week_ago(settings: CheckSettings, as_of: datetime) -> Measured:
    end = as_of.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return Measured(
        TABLE,
        "volume_like_a_week_before",
        f"the events of the last full hour are {settings.volume_low:g} to {settings.volume_high:g} times "
        "those of the same hour a week before",
        f"select {_events_in_hour(end)} as events, "
        f"{_events_in_hour(end - timedelta(days=7))} as week_before, "
        f"round(events / nullif(week_before, 0), 3) as ratio from {{batch}}",
        holds=f"case when week_before >= {settings.least_hourly_volume:d} then "
        f"events / week_before between {settings.volume_low!r} and {settings.volume_high!r} end",
        unjudged=f"the hour a week before has fewer than {settings.least_hourly_volume:,} events",
        column="occurred_at",
    )


def _events_in_hour(end: datetime) -> str:
    within = f"occurred_at > {instant(end - timedelta(hours=1))} and occurred_at <= {instant(end)}"
    return f"count(*) filter ({within})"
