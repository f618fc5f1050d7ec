"""The log: a line for each change, wherever the worker says what it does."""

from collections.abc import Callable
from datetime import datetime

from pipeline.alerting.delivery import alert
from pipeline.alerting.delivery.flip import Flip
from pipeline.alerting.delivery.outbox import Message


class Log:
    """Built in: a rule that names no notifier is told here."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say

    def send(self, message: Message, now: datetime) -> None:  # noqa: ARG002 - what every channel is given
        """Say it; nothing can fail."""
        for flip in message.told:
            self._say(line(flip))


def line(flip: Flip) -> str:
    """One flip in one line."""
    words = " ".join(flip.because.split())
    at = alert.written(flip.occurred_at)
    return f"alert {flip.state} ({flip.severity}, {flip.rule}) at {at}: {words}"
