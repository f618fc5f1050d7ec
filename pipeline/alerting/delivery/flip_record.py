"""A flip as a record of a topic: a CloudEvents 1.0 event in JSON, as schemas/alert.v1.schema.json has it."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from pipeline.alerting.delivery.alert import written
from pipeline.alerting.delivery.flip import Flip

TYPE = "alert.v1"
SOURCE = "firsthand"
KEY_HEADER = "idempotency-key"
_JSON = ("contributors", "labels", "annotations")
_ELSEWHERE = ("flip", "begun")
_LEFT_OUT: dict[str, object] = {"query": None, "contributors": [], "annotations": {}}
"""Of a record that is too large for the topic: these may be as long as somebody has written them."""


def record(flip: Flip, *, short: bool = False) -> tuple[bytes, bytes, list[tuple[str, bytes]]]:
    """Key (the alert), value, and the header by which a reader knows one that comes twice."""
    columns = flip._asdict().items()
    data = {name: _plain(name, value) for name, value in columns if name not in _ELSEWHERE}
    event = {
        "specversion": "1.0",
        "id": flip.flip,
        "source": SOURCE,
        "type": TYPE,
        "subject": flip.alert,
        "time": written(flip.occurred_at),
        "datacontenttype": "application/json",
        "data": data | _LEFT_OUT if short else data,
    }
    value = json.dumps(event, ensure_ascii=False, allow_nan=False).encode()
    return flip.alert.encode(), value, [(KEY_HEADER, flip.flip.encode())]


def _plain(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.loads(value or "[]")
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
