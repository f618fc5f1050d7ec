"""What is expected of `rejections`, one row per rejected record (contract, sections 1 and 3)."""

from datetime import datetime

from checks.expectations import Expectation, Measured, NeverNull, NoRows, OneOf
from checks.settings import CheckSettings
from pipeline.fields import REASONS

TABLE = "rejections"
ALWAYS = ("topic", "partition", "offset", "reason", "payload", "rejected_at")
"""The columns that every rejection fills; the key of a record may be null."""


def expectations(settings: CheckSettings, as_of: datetime) -> tuple[Expectation, ...]:  # noqa: ARG001 -- one shape
    """The suite: completeness, the closed list of reasons, uniqueness, and not too many of them."""
    return (
        *(NeverNull(TABLE, column) for column in ALWAYS),
        OneOf(TABLE, "reason", REASONS),
        COORDINATES_UNIQUE,
        _share(settings),
    )


COORDINATES_UNIQUE = NoRows(
    TABLE,
    "coordinates_unique",
    "no two rejections come from the same topic, partition and offset",
    'select topic, partition, "offset", count(*) as rows from {batch} group by all having count(*) > 1',
)


def _share(settings: CheckSettings) -> Measured:
    return Measured(
        TABLE,
        "rejected_share",
        f"at most {settings.rejected_share:.1%} of the records consumed are rejected",
        "select rejected, consumed, round(rejected / nullif(consumed, 0), 4) as share from "
        "(select count(*) as rejected from {batch}), "
        "(select coalesce(sum(consumed), 0)::bigint as consumed from watermarks)",
        # rejections without anything consumed are a share beyond any limit
        holds="case when consumed > 0 or rejected > 0 "
        f"then rejected <= {settings.rejected_share!r} * consumed end",
        unjudged="nothing was consumed yet",
    )
