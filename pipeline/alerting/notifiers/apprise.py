"""E-mail, Slack, Teams, Telegram and a hundred more, by the addresses of the Apprise library."""

import logging
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.alerting.delivery import alert
from pipeline.alerting.delivery.failures import UnreachedError
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.outbox import Message
from pipeline.alerting.notifiers.posting import judge
from pipeline.errors import InputError

if TYPE_CHECKING:
    from apprise import Apprise as Library

PATIENCE_S = 30
_STATUS = re.compile(r"error=([1-5][0-9][0-9])\b")


class Apprise:
    """One address of Apprise's, such as mailto://... or slack://...; its secrets are in the address."""

    def __init__(self, url: str, secret: str | None, page: str) -> None:
        if secret is not None:
            raise InputError("kind apprise has no secret_env: what is secret stands in the address")
        self._library = _made(url)
        self._page = page

    def send(self, message: Message, now: datetime) -> None:
        """Have it taken. Of a failure Apprise tells no more than its log does."""
        found = self._library.notify(
            title=title(message),
            body=text(message, self._page),
            notify_type="failure" if message.firing else "success",
            body_format="text",
            timeout=PATIENCE_S,
        )
        if found:
            return
        if status := next((_STATUS.search(each.message) for each in found.logs()), None):
            judge(int(status[1]), None, now)
        raise UnreachedError("did not take a message")


def _made(url: str) -> "Library":
    """Apprise takes its time to import, and is an extra: it is asked for only here."""
    try:
        import apprise  # noqa: PLC0415
    except ImportError as error:
        raise InputError("kind apprise needs its library: pip install 'firsthand[alerts]'") from error
    logging.getLogger("apprise").propagate = False  # it logs addresses
    logging.getLogger("apprise").addHandler(logging.NullHandler())
    library = apprise.Apprise()
    if not library.add(url) or len(library) != 1:
        raise InputError("its address is none, or more than one, that Apprise knows; write one")
    return library


def title(message: Message) -> str:
    """What is read first."""
    firing = sum(each.state == "firing" for each in message.alerts)
    counts = [f"{firing} firing"] * bool(firing) + [f"{len(message.alerts) - firing} ended"] * (
        firing < len(message.alerts)
    )
    about = ", ".join(message.labels.values())
    return f"{about}: {', '.join(counts)}" if about else ", ".join(counts)


def text(message: Message, page: str) -> str:
    """A paragraph for each alert; those that fire as they did come last, a line each."""
    told = {each.alert: each for each in message.told}
    parts = [_paragraph(each) for each in told.values()]
    still = [
        f"Still firing since {alert.written(alert.begin(each))}: {each.because}"
        for each in message.also
        if each.alert not in told
    ]
    return "\n\n".join([*parts, *["\n".join(still)] * bool(still), *[page] * bool(page), f"({message.key})"])


def _paragraph(flip: Flip) -> str:
    notes = alert.annotations(flip)
    own = [
        f"{name}: {note}" for name, note in sorted(notes.items()) if name not in ("summary", "description")
    ]
    at = alert.written(flip.occurred_at.astimezone(UTC))
    return "\n".join(
        [f"{flip.state.upper()} at {at}, {flip.severity}: {notes['summary']}", notes["description"], *own]
    )
