"""A webhook: what Alertmanager would send, signed, so that the receivers that are there already take it."""

import json
from datetime import datetime
from hashlib import sha256
from hmac import new as hmac
from typing import Any

from pipeline.alerting.delivery import alert
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.outbox import Message
from pipeline.alerting.notifiers.posting import checked, post

SIGNATURE = "Firsthand-Signature"


class Webhook:
    """POST of JSON to an address, with the headers Idempotency-Key and, given a secret, SIGNATURE.

    A message may come twice, and then has the same key: take the first. One alert's messages come in order.
    Beside Alertmanager's fields each alert has `alert` (its id), `flip` (the id of the change) and `state`
    (firing, resolved or retracted).
    """

    def __init__(self, url: str, secret: str | None, page: str) -> None:
        self._url = checked(url)
        self._secret = None if secret is None else secret.encode()
        self._page = page

    def send(self, message: Message, now: datetime) -> None:
        """Have it taken."""
        content = json.dumps(body(message, self._page), ensure_ascii=False).encode()
        headers = {"Idempotency-Key": message.key}
        if self._secret is not None:
            headers[SIGNATURE] = signature(self._secret, int(now.timestamp()), content)
        post(self._url, content, headers, now)


def signature(secret: bytes, timestamp: int, body: bytes) -> str:
    """What proves that a message comes from who knows the secret, and when it was sent (Unix seconds).

    To verify: split the header at the comma into t and v1; compute HMAC-SHA256, with the secret as the key,
    of t, a full stop and the body's bytes as they came; compare it with v1 in constant time; and refuse a t
    that is more than five minutes from your clock, for somebody may send an old message again.

    >>> signature(b"secret", 1795255200, b"{}")
    't=1795255200,v1=c8c98afec5098ce8d139a89e27b4c261a84973924ace8ef65c5fa852d9eece6a'
    >>> from hmac import compare_digest
    >>> header = signature(b"secret", 1795255200, b"{}")
    >>> t, v1 = (part.partition("=")[2] for part in header.split(","))
    >>> compare_digest(v1, hmac(b"secret", t.encode() + b"." + b"{}", sha256).hexdigest())
    True
    """
    return f"t={timestamp},v1={hmac(secret, b'%d.%b' % (timestamp, body), sha256).hexdigest()}"


def body(message: Message, page: str) -> dict[str, Any]:
    """Version 4 of Alertmanager's webhook message.

    It lists all alerts of the group that have changed or still fire, up to a number (outbox.MOST).
    """
    alerts = [_alert(each, page) for each in message.alerts]
    return {
        "version": "4",
        "groupKey": f"{message.notifier}:{json.dumps(message.labels, sort_keys=True)}",
        "truncatedAlerts": 0,
        "status": "firing" if message.firing else "resolved",
        "receiver": message.notifier,
        "groupLabels": message.labels,
        "commonLabels": alert.shared([each["labels"] for each in alerts]),
        "commonAnnotations": alert.shared([each["annotations"] for each in alerts]),
        "externalURL": page,
        "alerts": alerts,
    }


def _alert(flip: Flip, page: str) -> dict[str, Any]:
    labels, ended = alert.labels(flip), alert.end(flip)
    return {
        "status": alert.status(flip),
        "labels": labels,
        "annotations": alert.annotations(flip),
        "startsAt": alert.written(alert.begin(flip)),
        "endsAt": alert.written(ended) if ended else alert.NO_END,
        "generatorURL": page,
        "fingerprint": alert.fingerprint(labels),
        "alert": flip.alert,
        "flip": flip.flip,
        "state": flip.state,
    }
