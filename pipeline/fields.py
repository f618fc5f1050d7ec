"""What an event may hold: one line per field, read by the judge and by the set-wise decoder alike.

Adding a channel is one entry in CHANNELS (and in schemas/common.schema.json; a test compares them).
"""

from typing import Literal, NamedTuple

CONTACT = "touchpoint.contact.v1"
SURVEY = "touchpoint.survey.v1"
INVITATION = "touchpoint.invitation.v1"
REOPEN = "touchpoint.reopen.v1"
ERASURE = "touchpoint.erasure.v1"
TYPES = (CONTACT, SURVEY, INVITATION, REOPEN, ERASURE)
TYPE_PARTS = {event_type.split(".")[1]: event_type for event_type in TYPES}
"""The event types, by the names that the SQL statements have for them: {contact}, {survey}, ..."""

CHANNELS = ("phone", "email", "chat", "social", "in_person", "forum")
STAGES = ("awareness", "pre_purchase", "purchase", "post_purchase")
DIRECTIONS = ("inbound", "outbound")
HANDLERS = ("human", "bot", "self_service")
OUTCOMES = ("resolved", "unresolved", "transferred", "escalated", "abandoned")

MAX_RECORD_BYTES = 64 * 1024
MAX_IDENTITY_LENGTH = 256
MAX_SECONDS = 10_000_000
FUTURE_TOLERANCE_MS = 5 * 60 * 1000
ABSENT_TEXTS = ("", "(none)")
"""In text fields these mean absent, so that no value can be mistaken for the member `(none)`."""

Reason = Literal[
    "too_large",
    "not_utf8",
    "not_json",
    "not_an_object",
    "bad_envelope",
    "unknown_type",
    "bad_time",
    "time_in_future",
    "missing_field",
    "wrong_type",
    "out_of_range",
    "unknown_value",
    "empty_survey",
]
REASONS: tuple[Reason, ...] = Reason.__args__  # type: ignore[attr-defined]


class Field(NamedTuple):
    """One field of `data`.

    `kind`: "text" (low..high code points), "choice" (one of `choices`), "integer" (low..high),
    "seconds" (0..MAX_SECONDS, kept to the millisecond) or "boolean". `read_by`: the event types in
    which the field means something; in others it is ignored, whatever it holds. `required_by`: those
    in which it must be present. `default`: what an absent choice stands for.
    """

    name: str
    kind: Literal["text", "choice", "integer", "seconds", "boolean"]
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    read_by: tuple[str, ...] = TYPES
    required_by: tuple[str, ...] = ()
    default: str | None = None


NAMED = ("channel", "reason", "agent_id", "team", "segment", "stage")
"""Fields whose texts repeat and are kept as numbers (names.py); readings are told apart by them."""

INHERITED = ("reason", "agent_id", "team", "segment", "stage")
"""What a survey or an invitation takes from its contact where it leaves it out."""

ANSWERS = ("csat", "effort", "nps", "friendliness", "resolved")
"""A survey must hold at least one of these."""

FIELDS = (
    Field("customer_id", "text", 1, 128, required_by=TYPES),
    Field("contact_id", "text", 1, 128, required_by=(CONTACT, REOPEN)),
    Field("channel", "choice", choices=CHANNELS, required_by=(CONTACT, SURVEY, INVITATION)),
    Field("direction", "choice", choices=DIRECTIONS, read_by=(CONTACT,), default="inbound"),
    Field("handled_by", "choice", choices=HANDLERS, read_by=(CONTACT,), default="human"),
    Field("outcome", "choice", choices=OUTCOMES, read_by=(CONTACT,)),
    Field("reason", "text", 1, 100),
    Field("agent_id", "text", 1, 100),
    Field("team", "text", 1, 100),
    Field("segment", "text", 1, 100),
    Field("stage", "choice", choices=STAGES),
    Field("wait_s", "seconds", 0, MAX_SECONDS, read_by=(CONTACT,)),
    Field("handle_s", "seconds", 0, MAX_SECONDS, read_by=(CONTACT,)),
    Field("csat", "integer", 1, 5, read_by=(SURVEY,)),
    Field("effort", "integer", 1, 7, read_by=(SURVEY,)),
    Field("nps", "integer", 0, 10, read_by=(SURVEY,)),
    Field("friendliness", "integer", 1, 5, read_by=(SURVEY,)),
    Field("resolved", "boolean", read_by=(SURVEY,)),
    Field("comment", "text", 1, 4000, read_by=(SURVEY,)),
)
