"""The schemas, the field table, the topic files, the examples and the judge say the same."""

import doctest
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

import schemas
from pipeline import fields as table
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.flip_record import TYPE as ALERT
from pipeline.fields import FIELDS, REASONS, TYPES, Field
from pipeline.judge import Touchpoint, judge
from pipeline.rfc3339 import instant
from schemas import FOLDER, registry, schema

EXAMPLES = FOLDER / "examples"
INDEX = yaml.safe_load((EXAMPLES / "index.yaml").read_text("utf-8"))
VALID = sorted((EXAMPLES / "valid").iterdir())
INVALID = sorted((EXAMPLES / "invalid").iterdir())
ANY_EVENT = Draft202012Validator(schema(), registry=registry())


def name(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


def judged(path: Path) -> Any:
    at = INDEX["kafka_timestamp"].get(name(path))
    microseconds = instant(at) if at else None
    return judge(path.read_bytes(), None if microseconds is None else microseconds // 1000)


# --- examples ---


@pytest.mark.parametrize("path", VALID, ids=name)
def test_valid_example_is_accepted_by_judge_and_schemas(path: Path) -> None:
    event = json.loads(path.read_bytes())
    assert isinstance(judged(path), Touchpoint), judged(path)
    ANY_EVENT.validate(event)
    Draft202012Validator(schema(event["type"]), registry=registry()).validate(event)


@pytest.mark.parametrize("path", INVALID, ids=name)
def test_invalid_example_is_rejected_for_the_reason_in_its_name(path: Path) -> None:
    verdict = judged(path)
    assert not isinstance(verdict, Touchpoint)
    assert verdict.reason == path.name.partition("--")[0], verdict
    assert len(verdict.detail.splitlines()) == 1


@pytest.mark.parametrize("path", [path for path in INVALID if path.suffix == ".json"], ids=name)
def test_schema_refuses_an_invalid_example_unless_the_index_excuses_it(path: Path) -> None:
    event = json.loads(path.read_bytes())
    assert ANY_EVENT.is_valid(event) == (name(path) in INDEX["schema_accepts"])


def test_there_are_examples_for_every_channel_type_and_reason() -> None:
    events = [json.loads(path.read_bytes()) for path in VALID]
    assert {event["type"] for event in events} == set(TYPES)
    contacts = [event for event in events if event["type"] == table.CONTACT]
    assert {event["data"]["channel"] for event in contacts} == set(table.CHANNELS)
    assert {path.name.partition("--")[0] for path in INVALID} == set(REASONS) - {"too_large"}


def test_index_of_examples_names_files_that_exist() -> None:
    named = [*INDEX["kafka_timestamp"], *INDEX["schema_accepts"]]
    assert [entry for entry in named if not (EXAMPLES / entry).is_file()] == []


def test_examples_in_the_docstrings_of_the_loader_are_true() -> None:
    assert doctest.testmod(schemas) == (0, 3)


# --- the same lists everywhere ---


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.schema.json")), ids=lambda path: path.name)
def test_schema_is_2020_12_and_is_named_after_its_file(path: Path) -> None:
    contents = json.loads(path.read_text("utf-8"))
    Draft202012Validator.check_schema(contents)
    assert contents["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert contents["$id"].endswith(f"/{path.name}")


def rules(subschema: dict[str, Any]) -> dict[str, Any]:
    """A subschema's keywords and those of whatever it refers to; the nearer and stricter one wins."""
    flat = {key: value for key, value in subschema.items() if key not in {"$ref", "allOf"}}
    for part in [subschema, *subschema.get("allOf", [])]:
        if "$ref" in part:
            shared = schema("common")["$defs"][part["$ref"].rpartition("#/$defs/")[2]]
            flat = rules(shared) | flat
    return flat


def expected(field: Field, kind: str) -> dict[str, Any]:
    required = kind in field.required_by
    null: list[None] = [] if required else [None]
    if field.kind == "choice" and field.name == "channel" and not required:
        return {"anyOf": [{"$ref": "#/$defs/channelName"}, {"type": "null"}]}
    if field.kind == "choice":
        return {"enum": [*field.choices, *null]} | ({"default": field.default} if field.default else {})
    if field.kind == "boolean":
        return {"type": ["boolean", "null"]}
    if field.kind == "text" and required:
        return {"type": "string", "maxLength": field.high, "not": {"enum": list(table.ABSENT_TEXTS)}}
    if field.kind == "text":
        return {"type": ["string", "null"], "maxLength": field.high}
    number = "integer" if field.kind == "integer" else "number"
    return {"type": [number, "null"], "minimum": field.low, "maximum": field.high}


@pytest.mark.parametrize("kind", TYPES)
def test_schema_of_a_type_holds_the_fields_of_the_table_with_their_limits(kind: str) -> None:
    data = schema(kind)["properties"]["data"]
    read = [field for field in FIELDS if kind in field.read_by]
    assert set(data["required"]) == {field.name for field in read if kind in field.required_by}
    assert set(data["properties"]) == {field.name for field in read}
    for field in read:
        found = rules(data["properties"][field.name])
        assert found.pop("description", "channel")
        assert found == expected(field, kind), field.name


def test_envelope_and_lists_of_the_schemas_equal_the_table() -> None:
    assert tuple(schema("common")["$defs"]["channelName"]["enum"]) == table.CHANNELS
    assert tuple(schema()["properties"]["type"]["enum"]) == TYPES
    assert [branch["then"]["$ref"] for branch in schema()["allOf"]] == [
        f"{kind}.schema.json" for kind in TYPES
    ]
    assert [schema(kind)["properties"]["type"]["const"] for kind in TYPES] == list(TYPES)
    answers = [branch["required"] for branch in schema(table.SURVEY)["properties"]["data"]["anyOf"]]
    assert answers == [[answer] for answer in table.ANSWERS]
    for attribute in ("id", "source"):
        assert schema("envelope")["properties"][attribute]["maxLength"] == table.MAX_IDENTITY_LENGTH


def topic(title: str) -> dict[str, Any]:
    contents: dict[str, Any] = yaml.safe_load((FOLDER / "topics" / f"{title}.yaml").read_text("utf-8"))
    return contents


def test_topic_files_equal_the_table() -> None:
    touchpoints, dead_letters = topic("touchpoints"), topic("touchpoints-dlq")
    assert tuple(touchpoints["types"]) == TYPES
    assert touchpoints["value"]["max_bytes"] == table.MAX_RECORD_BYTES
    assert touchpoints["timestamp"]["future_tolerance_ms"] == table.FUTURE_TOLERANCE_MS
    assert (FOLDER / "topics" / touchpoints["value"]["schema"]).is_file()
    assert tuple(entry["reason"] for entry in dead_letters["reasons"]) == REASONS


def test_topic_files_say_who_writes_who_reads_key_partitions_retention_and_headers() -> None:
    for title in ("touchpoints", "touchpoints-dlq", "alerts"):
        contents = topic(title)
        assert contents["topic"] == title
        assert {"written_by", "read_by", "key", "partitions", "retention", "headers"} <= set(contents)


def test_schema_of_alerts_has_what_a_flip_has_and_the_states_of_the_topic_file() -> None:
    data = schema(ALERT)["properties"]["data"]
    assert set(data["required"]) == set(data["properties"]) == set(Flip._fields) - {"flip", "begun"}
    assert [each["state"] for each in topic("alerts")["states"]] == data["properties"]["state"]["enum"]
    assert (FOLDER / "topics" / topic("alerts")["value"]["schema"]).is_file()


# --- AsyncAPI ---

ASYNCAPI = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text("utf-8"))


def references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [found for item in node.values() for found in references(item)]
    return []


def resolved(reference: str) -> Any:
    file, _, pointer = reference.partition("#/")
    node = ASYNCAPI if not file else json.loads((FOLDER / file).read_text("utf-8"))
    for step in pointer.split("/") if pointer else []:
        node = node[step]
    return node


def test_asyncapi_document_has_the_parts_of_version_3_and_every_reference_resolves() -> None:
    assert set(ASYNCAPI) <= {
        *("asyncapi", "id", "info", "servers", "defaultContentType", "channels", "operations", "components")
    }
    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= set(ASYNCAPI["info"])
    assert len(references(ASYNCAPI)) > 20
    for reference in references(ASYNCAPI):
        assert resolved(reference), reference


def test_asyncapi_operations_use_messages_of_their_own_channel() -> None:
    actions = {}
    for operation in ASYNCAPI["operations"].values():
        channel = operation["channel"]["$ref"]
        actions[resolved(channel)["address"]] = operation["action"]
        assert [ref["$ref"].rpartition("/messages/")[0] for ref in operation["messages"]] == [
            channel for _ in resolved(channel)["messages"]
        ]
    assert actions == {"touchpoints": "receive", "touchpoints-dlq": "send", "alerts": "send"}


def test_asyncapi_messages_topics_and_headers_equal_those_of_the_other_files() -> None:
    messages = ASYNCAPI["components"]["messages"]
    events = [message for message in messages.values() if "schemaFormat" in message["payload"]]
    assert [message["name"] for message in events] == [*TYPES, ALERT]
    payloads = [message["payload"]["schema"]["$ref"] for message in events]
    assert payloads == [f"./{kind}.schema.json" for kind in (*TYPES, ALERT)]
    headers = ASYNCAPI["components"]["schemas"]["rejectionHeaders"]
    assert list(headers["properties"]) == [header["name"] for header in topic("touchpoints-dlq")["headers"]]
    assert headers["required"] == list(headers["properties"])
    assert tuple(headers["properties"]["__connect.errors.exception.class.name"]["enum"]) == REASONS
    for channel in ASYNCAPI["channels"].values():
        kafka = channel["bindings"]["kafka"]
        assert kafka["topic"] == channel["address"]
        assert kafka["partitions"] == topic(channel["address"])["partitions"]


# --- generated events: the judge and the schemas agree ---

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
EDGES = st.sampled_from(
    [-1, -0.0, 0, 1, 4.0, 4.5, 5, 6, 7, 8, 10, 11, 10**7, 10**7 + 0.5, 1e22, 5e-324, 10**30]
)
SCALARS = st.one_of(
    *(st.none(), st.booleans(), TEXT, EDGES),
    *(st.integers(-3, 12), st.floats(allow_nan=False, allow_infinity=False)),
    *(st.sampled_from(["", "(none)", "1.0", "phone", "Phone", "human", "4", *TYPES]),),
    *(st.sampled_from([length * "é" for length in (100, 101, 128, 129, 256, 257, 4000, 4001)]),),
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
TWO = [f"{number:02}" for number in (0, 1, 2, 4, 9, 10, 12, 13, 19, 23, 24, 28, 29, 30, 31, 32, 59, 60)]
TIMES = st.one_of(
    st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
    st.builds(
        "{}-{}-{}{}{}:{}:{}{}{}".format,
        st.sampled_from(["0000", "0001", "1900", "2000", "2023", "2024", "9999", "99999"]),
        *(st.sampled_from(TWO), st.sampled_from(TWO)),
        st.sampled_from("TTTt_ "),
        *(st.sampled_from(TWO), st.sampled_from(TWO), st.sampled_from(TWO)),
        st.sampled_from(["", "", ".", ".0", ".123456789", ",5"]),
        st.sampled_from(["Z", "Z", "z", "", "+00:00", "-23:59", "+24:00", "+01:60", "+0100", "Z\n", "+01"]),
    ),
)


def good(field: Field) -> st.SearchStrategy[Any]:
    match field.kind:
        case "text":
            return st.text("aé😀 (none)", min_size=1, max_size=field.high)
        case "choice":
            return st.sampled_from(field.choices)
        case "boolean":
            return st.booleans()
        case "integer":
            whole = st.integers(field.low, field.high)
            return whole | whole.map(float)
        case "seconds":
            return st.floats(field.low, field.high) | st.integers(field.low, field.high)


@st.composite
def good_events(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(TYPES))
    data = draw(
        st.fixed_dictionaries(
            {field.name: good(field) for field in FIELDS if kind in field.required_by},
            optional={
                field.name: (good(field) | st.none()) if kind in field.read_by else ANYTHING
                for field in FIELDS
                if kind not in field.required_by
            },
        )
    )
    identity = st.text("ab:/é", min_size=1, max_size=8)
    day = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    envelope = {"specversion": "1.0", "id": draw(identity), "source": draw(identity), "type": kind}
    return {**envelope, "time": draw(day), "data": data}


@st.composite
def broken_events(draw: st.DrawFn) -> dict[str, Any]:
    """A good event to which up to three things were done, each of which may break it."""
    event = draw(good_events())
    names = st.sampled_from([*(field.name for field in FIELDS), "unknown"])
    attributes = st.sampled_from(["specversion", "id", "source", "type", "time", "data", "unknown"])
    for _ in range(draw(st.integers(1, 3))):
        inside = isinstance(event.get("data"), dict) and draw(st.integers(0, 3)) > 0
        owner, key = (event["data"], draw(names)) if inside else (event, draw(attributes))
        if draw(st.integers(0, 3)) == 0:
            owner.pop(key, None)
        else:
            owner[key] = draw(TIMES if key == "time" else ANYTHING)
    return event


def agree(event: object) -> None:
    record = json.dumps(event).encode()
    assume(len(record) <= table.MAX_RECORD_BYTES)  # which no schema can see
    verdict = judge(record, None)
    accepted = isinstance(verdict, Touchpoint)
    if not accepted and verdict.reason == "bad_time":
        assert isinstance(event, dict)
        # Near the first and the last instant it takes arithmetic to tell the year in UTC.
        assume(not event["time"].startswith(("0001-01-01", "9999-12-31")))
    assert ANY_EVENT.is_valid(event) == accepted, verdict


def values_at_the_limits(field: Field) -> list[Any]:
    lengths = [length * "é" for length in (1, field.high, field.high + 1)] if field.kind == "text" else []
    numbers = [field.low - 1, field.low, field.low + 0.5, field.high - 1.0, float(field.high), field.high + 1]
    return [*lengths, *numbers, *field.choices, None, "", "(none)", " ", "4", True, False, [], {}, 1e300]


@pytest.mark.parametrize("kind", TYPES)
def test_judge_and_schemas_agree_at_the_limits_of_every_field(kind: str) -> None:
    least = {"customer_id": "c", "contact_id": "k", "channel": "phone"}
    event = {"specversion": "1.0", "id": "a", "source": "s", "type": kind, "time": "2026-11-21T10:00:00Z"}
    for field in FIELDS:
        for value in values_at_the_limits(field):
            agree({**event, "data": {**least, field.name: value}})
            agree({**event, "data": {**least, "csat": 1, field.name: value}})
        agree({**event, "data": {name: text for name, text in least.items() if name != field.name}})


MANY = settings(max_examples=1000, deadline=None)


@MANY
@given(good_events())
def test_judge_and_schemas_agree_on_events_that_are_mostly_valid(event: dict[str, Any]) -> None:
    agree(event)


@MANY
@given(broken_events())
def test_judge_and_schemas_agree_on_events_that_are_mostly_broken(event: dict[str, Any]) -> None:
    agree(event)


@MANY
@given(TIMES)
def test_judge_and_schemas_agree_on_times(time: str) -> None:
    event = {
        "specversion": "1.0",
        "id": "a",
        "source": "s",
        "type": table.ERASURE,
        "data": {"customer_id": "c"},
    }
    agree({**event, "time": time})


@settings(MANY, max_examples=300)
@given(ANYTHING)
def test_judge_and_schemas_agree_on_any_json(value: object) -> None:
    agree(value)
