"""One breaking statement per expectation, and all that it breaks in its suite: see test_checks.py."""

from typing import NamedTuple


class Break(NamedTuple):
    """What makes an expectation fail, and which others of its suite cannot help failing with it."""

    sql: str
    others: tuple[str, ...] = ()


def _event(number: int, change: str) -> Break:
    return Break(f"update internal.events set {change} where id = 'event {number}'")


def _rejection(change: str) -> Break:
    return Break(f'update rejections set {change} where "offset" = 1002')


def _reading(metric: str, change: str, *others: str) -> Break:
    """Change one reading of one member."""
    return Break(
        f"update metrics set {change} where metric = '{metric}' and span = '24h' and dimension = 'channel' "
        "and member = 'chat'",
        others,
    )


# event 0 is a contact, 1 a survey, 2 an invitation, 3 a reopen, and so on; all four a week ago
TOUCHPOINTS = {
    "source_never_null": _event(5, "source = null"),
    "id_never_null": _event(5, "id = null"),
    "type_never_null": _event(5, "type = null"),
    "occurred_at_never_null": _event(5, "occurred_at = null"),
    "ingested_at_never_null": _event(5, "ingested_at = null"),
    "customer_id_never_null": _event(5, "customer_id = null"),
    "topic_never_null": _event(5, "topic = null"),
    "partition_never_null": _event(5, "partition = null"),
    "offset_never_null": _event(5, '"offset" = null'),
    "channel_never_null": _event(2, "channel = null"),
    "contact_id_never_null": _event(3, "contact_id = null"),
    "direction_never_null": _event(0, "direction = null"),
    "handled_by_never_null": _event(0, "handled_by = null"),
    "survey_has_an_answer": _event(1, "csat = null, effort = null, nps = null, friendliness = null"),
    "csat_in_range": _event(1, "csat = 6"),
    "effort_in_range": _event(1, "effort = 8"),
    "nps_in_range": _event(1, "nps = 11"),
    "friendliness_in_range": _event(1, "friendliness = 0"),
    "wait_s_in_range": _event(0, "wait_s = -0.001"),
    "handle_s_in_range": _event(0, "handle_s = 10000000.001"),
    "type_known": _event(3, "type = 'touchpoint.visit.v1'"),
    "channel_known": _event(0, "channel = 'fax'"),
    "stage_known": _event(0, "stage = 'regret'"),
    "direction_known": _event(0, "direction = 'sideways'"),
    "handled_by_known": _event(0, "handled_by = 'nobody'"),
    "outcome_known": _event(0, "outcome = 'lost'"),
    "identity_unique": _event(
        5, "id = 'event 6', occurred_at = (select occurred_at from internal.events where id = 'event 6')"
    ),
    "coordinates_unique": _event(5, '"offset" = 3'),
    "fresh": Break("update internal.events set occurred_at = occurred_at - interval 25 hours"),
    "volume_like_a_week_before": Break(
        "delete from internal.events where occurred_at > timestamptz '2026-11-21 09:10:00+00' "
        "and occurred_at <= timestamptz '2026-11-21 10:00:00+00'"
    ),
}

REJECTIONS = {
    "topic_never_null": _rejection("topic = null"),
    "partition_never_null": _rejection("partition = null"),
    "offset_never_null": _rejection('"offset" = null'),
    "reason_never_null": _rejection("reason = null"),
    "payload_never_null": _rejection("payload = null"),
    "rejected_at_never_null": _rejection("rejected_at = null"),
    "reason_known": _rejection("reason = 'bad_luck'"),
    "coordinates_unique": _rejection('"offset" = 1000'),
    "rejected_share": Break(
        'insert into rejections select rejections.* replace ("offset" + n as "offset") '
        "from rejections, range(100, 400, 100) as more(n)"
    ),
}

METRICS = {
    "metric_never_null": _reading("wait_mean", "metric = null", "members_sum_to_all"),
    "span_never_null": _reading("wait_mean", "span = null", "members_sum_to_all"),
    "dimension_never_null": _reading("wait_mean", "dimension = null", "members_sum_to_all"),
    "member_never_null": _reading("wait_mean", "member = null"),
    "as_of_never_null": _reading("wait_mean", "as_of = null"),
    "numerator_never_null": _reading("wait_mean", "numerator = null", "members_sum_to_all"),
    "denominator_never_null": _reading("wait_mean", "denominator = null", "members_sum_to_all"),
    "value_never_null": _reading("wait_mean", "value = null"),
    "metric_known": Break("update metrics set metric = 'wait_median' where metric = 'wait_mean'"),
    "span_known": Break("update metrics set span = '90d' where metric = 'wait_mean' and span = '28d'"),
    "dimension_known": Break(
        "insert into metrics select * replace ('queue' as dimension) from metrics "
        "where metric = 'wait_mean' and span = '24h' and dimension = 'stage'",
        ("members_sum_to_all",),
    ),
    "shares_in_range": _reading("csat", "value = 1.1, low = 0, high = 2", "value_is_the_quotient"),
    "nps_in_range": _reading("nps", "value = -1.1, low = -2, high = 1", "value_is_the_quotient"),
    "csat_mean_in_range": _reading("csat_mean", "value = 5.1, low = 1, high = 6", "value_is_the_quotient"),
    "effort_in_range": _reading("effort", "value = 7.1, low = 1, high = 8", "value_is_the_quotient"),
    "interval_around_value": _reading("wait_mean", "low = value + 0.001"),
    "denominator_positive": _reading("contacts", "denominator = 0"),
    "numerator_within_denominator": _reading(
        "csat", "numerator = denominator + 1", "value_is_the_quotient", "members_sum_to_all"
    ),
    "value_is_the_quotient": _reading("wait_mean", "value = value + 0.001"),
    "one_row_per_reading": Break(
        "insert into metrics select * replace (0 as numerator, 0 as value) from metrics "
        "where metric = 'contacts' and span = '24h' and dimension = 'channel' and member = 'chat'"
    ),
    "one_moment": _reading("wait_mean", "as_of = as_of - interval 1 second"),
    "members_sum_to_all": _reading(
        "wait_mean", "numerator = numerator * 2, value = value * 2, low = null, high = null"
    ),
    "contacts_reconciled": _event(3, "type = 'touchpoint.contact.v1', direction = 'inbound'"),
    "csat_reconciled": _event(1, "csat = null"),
    "conservation": Break("update watermarks set duplicates = duplicates + 1 where partition = 0"),
    "every_accepted_is_in_touchpoints": Break("delete from internal.events where id = 'event 2'"),
    "every_rejected_is_in_rejections": Break('delete from rejections where "offset" = 1002'),
}

BREAKS = {"touchpoints": TOUCHPOINTS, "rejections": REJECTIONS, "metrics": METRICS}
