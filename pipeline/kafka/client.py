"""A client of kafka-python, opened and closed; what goes wrong with it is said in one line."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any

from kafka import KafkaAdminClient, KafkaProducer
from kafka.errors import AuthorizationError, KafkaError, KafkaTimeoutError

from pipeline.errors import BrokerError
from pipeline.security import OPEN, Security

REACH_TIMEOUT_S = 10.0
STALL_TIMEOUT_S = 30.0


def require_broker(bootstrap: str, timeout_s: float = REACH_TIMEOUT_S, security: Security = OPEN) -> None:
    """Return if a broker at HOST:PORT lets us in; raise BrokerError, in one line, if none does in time."""
    with opened(KafkaAdminClient, bootstrap, security, timeout_s):
        pass


@contextmanager
def opened(
    kind: Any, bootstrap: str, security: Security, timeout_s: float = REACH_TIMEOUT_S, **options: Any
) -> Iterator[Any]:
    """Open a client; what kafka-python raises becomes one line that names the broker."""
    if security != OPEN:
        _admitted(bootstrap, security)
    try:
        client = kind(
            bootstrap_servers=bootstrap.split(","),
            bootstrap_timeout_ms=int(timeout_s * 1000),
            **security.options,
            **options,
        )
    except KafkaTimeoutError as error:
        _admitted(bootstrap, security)  # says why, if somebody is there who does not let us in
        raise BrokerError(
            f"no broker answers at {bootstrap}: check the address (HOST:PORT) and that the broker is running"
        ) from error
    except (OSError, ValueError) as error:
        raise BrokerError(f"{bootstrap} is not a broker's address ({error}): give HOST:PORT") from error
    try:
        yield client
    except AuthorizationError as error:
        raise BrokerError(
            f"the broker at {bootstrap} forbids it ({_forbidden(error)}): add the ACL for {who(security)}"
        ) from error
    except KafkaError as error:
        raise BrokerError(
            f"the broker at {bootstrap} failed ({_said(error)}): check it and try again"
        ) from error
    finally:
        _close(client)


def who(security: Security) -> str:
    """How a message calls the one who was refused."""
    return security.username or "this client"


def _close(client: Any) -> None:
    """Let it go; a producer at once, since all is acknowledged by now, or the reason on its way up."""
    if isinstance(client, KafkaProducer):
        with suppress(KafkaTimeoutError):
            client.close(timeout=0)
    else:
        client.close()


@lru_cache(maxsize=16)
def _admitted(bootstrap: str, security: Security) -> None:
    """Ask once in a process; a refusal is raised, and asked for again."""
    from pipeline.handshake import require_admission  # noqa: PLC0415 - where it is not asked, it costs nothing

    require_admission(bootstrap, security, REACH_TIMEOUT_S)


def _forbidden(error: AuthorizationError) -> str:
    """Kafka's word for it and, where the error names it, what it is about; no whole requests."""
    about = ", ".join(map(str, error.args))
    return f"{error.message}: {about}" if 0 < len(about) < 200 else str(error.message)  # noqa: PLR2004 - a line


def _said(error: KafkaError) -> str:
    return " ".join(str(error).split())
