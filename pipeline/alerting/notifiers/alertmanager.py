"""Prometheus's Alertmanager: it groups, silences and repeats by itself, and forgets what is not repeated."""

import json
from datetime import datetime, timedelta
from typing import Any

from pipeline.alerting.delivery import alert
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.outbox import Message
from pipeline.alerting.notifiers.posting import checked, post

RESEND = timedelta(minutes=1)
LASTS = 4 * RESEND
"""What was not sent again for so long is over, as far as Alertmanager knows; Prometheus does the same."""
PATH = "/api/v2/alerts"


class Alertmanager:
    """POST to its API. The address is its base, as https://alerts.example; a secret is a bearer token."""

    def __init__(self, url: str, secret: str | None, page: str) -> None:
        self._url = f"{checked(url).rstrip('/').removesuffix(PATH)}{PATH}"
        self._headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
        self._page = page

    def send(self, message: Message, now: datetime) -> None:
        """Have it taken."""
        content = json.dumps([_alert(each, self._page, now) for each in message.alerts]).encode()
        post(self._url, content, {"Idempotency-Key": message.key, **self._headers}, now)


def _alert(flip: Flip, page: str, now: datetime) -> dict[str, Any]:
    """One that fires ends a while from now, unless it is sent again before."""
    link = {"generatorURL": page} if page else {}
    return {
        "labels": alert.labels(flip),
        "annotations": alert.annotations(flip),
        "startsAt": alert.written(alert.begin(flip)),
        "endsAt": alert.written(alert.end(flip) or now + LASTS),
        **link,
    }
