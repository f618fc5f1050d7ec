"""How the clients present themselves to Kafka, and whom they trust: the settings, made ready for use."""

import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from pipeline.errors import InputError

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@dataclass(frozen=True)
class Security:
    """What a Kafka client needs to be let in, in Kafka's own words; the default is a broker open to all.

    `ca_file`: PEM certificates that sign the broker's (None: those the system trusts). `certificate_file`
    and `key_file`: the client's own, for a broker that asks for them. No secret shows in its repr.

    >>> Security("SASL_SSL", mechanism="PLAIN", username="ann", password=SecretStr("x")).password
    SecretStr('**********')
    """

    protocol: Protocol = "PLAINTEXT"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    key_password: SecretStr | None = None
    mechanism: Mechanism | None = None
    username: str | None = None
    password: SecretStr | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself: a secret that is set is never left out in silence."""
        tls = [name for name in ("ca_file", "certificate_file") if getattr(self, name)]
        login = [name for name in ("mechanism", "username", "password") if getattr(self, name)]
        if tls and not self.encrypted:
            raise InputError(f"{_named(tls[0])} is set, but {_PROTOCOL} is {self.protocol}: {_TLS}")
        if (self.key_file or self.key_password) and not self.certificate_file:
            raise InputError(f"{_named('certificate_file')} is not set: a key needs its certificate")
        if login and not self.logs_in:
            raise InputError(f"{_named(login[0])} is set, but {_PROTOCOL} is {self.protocol}: {_SASL}")
        if self.logs_in and len(login) < 3:  # noqa: PLR2004 - all of them
            missing = next(name for name in ("mechanism", "username", "password") if name not in login)
            raise InputError(f"{_named(missing)} is not set: {self.protocol} needs it")

    @property
    def encrypted(self) -> bool:
        """Whether what is said is said over TLS."""
        return self.protocol in ("SSL", "SASL_SSL")

    @property
    def logs_in(self) -> bool:
        """Whether a user name and a password are given."""
        return self.protocol.startswith("SASL")

    @cached_property
    def context(self) -> ssl.SSLContext | None:
        """TLS with the broker's name checked; None without TLS. InputError where a file is of no use."""
        if not self.encrypted:
            return None
        context = _trusting(self.ca_file)
        if self.certificate_file:
            secret = self.key_password.get_secret_value() if self.key_password else ""
            try:
                # Without a password OpenSSL would ask the terminal for one.
                context.load_cert_chain(self.certificate_file, self.key_file, lambda: secret)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise InputError(
                    f"{_named('certificate_file')} or {_named('key_file')} cannot be used ({_short(error)}): "
                    "name PEM files that belong together, and the key's password if it has one"
                ) from error
        return context

    @property
    def options(self) -> dict[str, Any]:
        """The options that kafka-python and aiokafka share."""
        options: dict[str, Any] = {"security_protocol": self.protocol}
        if self.encrypted:
            options["ssl_context"] = self.context
        if self.logs_in and self.password:
            options["sasl_mechanism"] = self.mechanism
            options["sasl_plain_username"] = self.username
            options["sasl_plain_password"] = self.password.get_secret_value()
        return options


OPEN = Security()
"""A broker open to all, as the embedded one is."""

_PROTOCOL = "FIRSTHAND_KAFKA_SECURITY_PROTOCOL"
_TLS = "set that to SSL or SASL_SSL"
_SASL = "set that to SASL_SSL (or SASL_PLAINTEXT)"


def _named(name: str) -> str:
    """The setting that a field comes from."""
    return f"FIRSTHAND_KAFKA_{'SASL_MECHANISM' if name == 'mechanism' else name.upper()}"


def _trusting(authority: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise InputError(
            f"{_named('ca_file')}: {authority} cannot be used ({_short(error)}): "
            "name a file of PEM certificates"
        ) from error


def _short(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
