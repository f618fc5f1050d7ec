"""One POST of JSON, and what its answer means."""

import asyncio
import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import aiohttp

from pipeline.alerting.delivery.failures import RefusedError, UnreachedError
from pipeline.errors import InputError

PATIENCE_S = 10.0
LONGEST_REST = timedelta(hours=1)
"""Who asks for more is tried again all the same."""
_PASSING = (408, 429)


def checked(url: str) -> str:
    """An address that can be posted to; InputError where it cannot, in words that repeat nothing of it."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise InputError("its address cannot be read; write http://HOST/PATH or https://HOST/PATH")
    return url


def post(url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    """Have it taken: any 2xx. Redirects are not followed: they could lead the message to another host.

    It goes by the proxy that HTTP_PROXY or HTTPS_PROXY names, but for hosts in NO_PROXY, as with curl.
    UnreachedError for 408, 429, 5xx and the network; RefusedError for every other answer.
    """
    asyncio.run(
        _post(url, body, {"Content-Type": "application/json", "User-Agent": "firsthand", **headers}, now)
    )


async def _post(url: str, body: bytes, headers: Mapping[str, str], now: datetime) -> None:
    patience = aiohttp.ClientTimeout(total=PATIENCE_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=patience) as session,
            session.post(
                url, data=body, headers=headers, allow_redirects=False, proxy=proxy_to(url)
            ) as answer,
        ):
            judge(answer.status, answer.headers.get("Retry-After"), now)
    except TimeoutError as error:
        raise UnreachedError(f"did not answer within {PATIENCE_S:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise UnreachedError(
            f"cannot be reached{' by its proxy' * bool(proxy_to(url))} ({_reason(error)})"
        ) from error


def proxy_to(url: str) -> str | None:
    """The proxy by which an address is reached, if any. aiohttp's own look would read .netrc, too.

    UnreachedError where it cannot be used: whoever mends the environment starts the worker anew.
    """
    parts = urlsplit(url)
    named = getproxies_environment().get(parts.scheme, "")
    if not named or proxy_bypass(parts.netloc.rpartition("@")[2]):
        return None
    proxy = named if "://" in named else f"http://{named}"
    try:
        usable = urlsplit(proxy).scheme == "http" and urlsplit(proxy).hostname and urlsplit(proxy).port != 0
    except ValueError:
        usable = False
    if not usable:
        name = f"{parts.scheme}_proxy".upper()
        raise UnreachedError(
            f"cannot be reached ({name} is no address of an HTTP proxy: write http://HOST:PORT)"
        )
    return proxy


def judge(status: int, retry_after: str | None, now: datetime) -> None:
    """What an HTTP status means to who sent: nothing where it was taken.

    >>> judge(204, None, datetime(2026, 11, 21, tzinfo=UTC))
    >>> judge(400, None, datetime(2026, 11, 21, tzinfo=UTC))
    Traceback (most recent call last):
    pipeline.alerting.delivery.failures.RefusedError: refuses what it is told (HTTP 400)
    """
    if status in _PASSING or status >= 500:  # noqa: PLR2004 - HTTP's own
        raise UnreachedError(f"cannot take messages now (HTTP {status})", _rest(retry_after, now))
    if not 200 <= status < 300:  # noqa: PLR2004
        raise RefusedError(f"refuses what it is told (HTTP {status})")


def _rest(retry_after: str | None, now: datetime) -> timedelta:
    """How long it asks to be left alone: seconds or a date; nothing where that cannot be read."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:6])), LONGEST_REST)
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return timedelta()
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(timedelta(), min(until - now, LONGEST_REST))


def _reason(error: Exception) -> str:
    """The system's words; those of others can hold the address."""
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its name is not known"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"HTTP {error.status}"
    number = getattr(error, "errno", None) or 0
    return os.strerror(number) if number > 0 else type(error).__name__
