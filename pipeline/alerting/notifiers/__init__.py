"""Notifiers: each kind is a file, and one that is added is a line in KINDS.

What a notifier needs of secrets stands in environment variables, whose names are in the rules file. It is
looked at before anything is begun; no message of this program ever shows an address or a secret.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from pipeline.alerting.delivery.courier import Channel, Manner
from pipeline.alerting.notifiers.alertmanager import RESEND, Alertmanager
from pipeline.alerting.notifiers.apprise import Apprise
from pipeline.alerting.notifiers.webhook import Webhook
from pipeline.alerting.rules import Notifier
from pipeline.errors import InputError
from pipeline.spans import microseconds

KINDS: dict[str, Callable[[str, str | None, str], Channel]] = {
    "webhook": Webhook,
    "alertmanager": Alertmanager,
    "apprise": Apprise,
}


def channel_of(name: str, notifier: Notifier, environ: Mapping[str, str], page: str) -> Channel:
    """The channel of a notifier; InputError where a variable is missing, or what it holds cannot be used."""
    try:
        secret = None if notifier.secret_env is None else _held(environ, notifier.secret_env)
        return KINDS[notifier.kind](_held(environ, notifier.url_env), secret, page)
    except InputError as error:
        raise InputError(f"notifier {name}: {error}") from error


def _held(environ: Mapping[str, str], variable: str) -> str:
    found = environ.get(variable, "").strip()
    if not found:
        raise InputError(f"the environment variable {variable} is not set; set it, or take the notifier out")
    return found


def manner_of(notifier: Notifier) -> Manner:
    """How it wants to be told. Alertmanager groups, and repeats to people, by itself."""
    if notifier.kind == "alertmanager":
        return Manner(repeat=RESEND, quiet=notifier.quiet_hours, keeps_alive=True)
    repeat = timedelta(microseconds=microseconds(notifier.repeat_interval))
    return Manner(tuple(notifier.group_by), repeat, notifier.quiet_hours)
