"""Does the broker let us in? One connection, since the clients themselves would only try again and again."""

import asyncio
import ssl
from contextlib import suppress

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from pipeline.errors import BrokerError
from pipeline.security import Security


def require_admission(bootstrap: str, security: Security, timeout_s: float) -> None:
    """Return if a server of HOST:PORT[,HOST:PORT...] lets us in, or if none can be reached at all.

    Raises BrokerError, in one line that names no secret, where TLS fails, the password is wrong or the
    mechanism is not offered. A server that does not answer is the client's business.
    """
    asyncio.run(_try_each(bootstrap, security, timeout_s))


async def answers(bootstrap: str, security: Security, timeout_s: float) -> bool:
    """Does any server of HOST:PORT[,HOST:PORT...] answer? A frozen one only takes connections."""
    for server in bootstrap.split(","):
        with suppress(OSError, ValueError, TimeoutError, KafkaError):
            async with asyncio.timeout(timeout_s):
                await _ask(server, security, timeout_s)
            return True
    return False


async def _try_each(bootstrap: str, security: Security, timeout_s: float) -> None:
    refusal: BrokerError | None = None
    for server in bootstrap.split(","):
        try:
            await _enter(server, security, timeout_s)
        except BrokerError as error:
            refusal = error
        except (OSError, ValueError):  # nobody is there
            continue
        else:
            return
    if refusal:
        raise refusal


async def _enter(server: str, security: Security, timeout_s: float) -> None:
    try:
        await _ask(server, security, timeout_s)
    except ssl.SSLCertVerificationError as error:
        raise BrokerError(
            f"the broker at {server} is not trusted ({error.verify_message}): check FIRSTHAND_KAFKA_CA_FILE, "
            "and that the certificate bears the broker's name"
        ) from error
    except ssl.SSLError as error:
        raise BrokerError(
            f"no TLS with the broker at {server} ({error.reason or error}): check that this port speaks TLS, "
            "and FIRSTHAND_KAFKA_CERTIFICATE_FILE if it asks for one"
        ) from error
    except (UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
        raise BrokerError(
            f"the broker at {server} offers no {security.mechanism}: check FIRSTHAND_KAFKA_SASL_MECHANISM, "
            "and that this port asks for a login"
        ) from error
    except (KafkaConnectionError, ConnectionResetError) as error:
        raise BrokerError(
            f"the broker at {server} hangs up on {security.protocol}: check "
            "FIRSTHAND_KAFKA_SECURITY_PROTOCOL, and FIRSTHAND_KAFKA_CERTIFICATE_FILE if it asks for one"
        ) from error
    except (SaslAuthenticationFailed, AuthenticationFailedError) as error:
        raise BrokerError(
            f"the broker at {server} does not let {security.username} in: check FIRSTHAND_KAFKA_USERNAME and "
            f"FIRSTHAND_KAFKA_PASSWORD, and that {security.mechanism} is set up for that user"
        ) from error


async def _ask(server: str, security: Security, timeout_s: float) -> None:
    """Log in, and ask for something that only those who are in are told."""
    host, _, port = server.rpartition(":")
    patience_ms = int(timeout_s * 1000)
    connection = await create_conn(
        host.strip("[]"), int(port), request_timeout_ms=patience_ms, **security.options
    )
    try:
        await connection.send(MetadataRequest([]))
    finally:
        connection.close()
