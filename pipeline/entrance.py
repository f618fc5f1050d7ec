"""Who may ask the worker over HTTP: on the loopback whoever is on this machine, beyond it who has a token.

Pages of other sites may never, wherever it listens: a browser says that it asks on their behalf.
"""

from base64 import b64decode
from binascii import Error as NoBase64
from dataclasses import dataclass
from secrets import compare_digest

from aiohttp import web

from pipeline.address import is_for_others
from pipeline.live_sql.tokens import Tokens

_FROM_ELSEWHERE = ("cross-site", "same-site")
_ASK_FOR_A_TOKEN = {"WWW-Authenticate": 'Basic realm="firsthand: any name, a token for the password"'}


@dataclass(frozen=True)
class Entrance:
    """What is asked for at `host`. `own` is the commands' token, `tokens` are readers'."""

    host: str
    own: str
    tokens: Tokens

    def refusal(self, request: web.Request) -> web.Response | None:
        """Why this one is turned away; None for whoever may ask."""
        if not is_for_others(self.host) and request.host.rpartition(":")[0] not in (self.host, "localhost"):
            # A page of another origin may reach the loopback through a name of its own: only ours may ask.
            return web.Response(status=403, text=f"ask by {self.host}")
        if request.path != "/" and _is_from_elsewhere(request):
            return web.Response(status=403, text="only this page itself may ask")
        token = _token_in(request)
        if compare_digest(token.encode(), self.own.encode()):
            return None
        if request.path.startswith("/api/"):
            return web.Response(status=401, text="this needs the token beside the database")
        if is_for_others(self.host) and self.tokens.name_of(token) is None:
            return web.Response(
                status=401,
                headers=_ASK_FOR_A_TOKEN,
                text="this needs a token: any name, and for the password what `firsthand token new` prints",
            )
        return None


def _token_in(request: web.Request) -> str:
    """What is given to be let in, as `Bearer` or as the password of `Basic`, which browsers ask for."""
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        return _password(given)
    return given if kind.lower() == "bearer" else ""


def _password(given: str) -> str:
    try:
        return b64decode(given, validate=True).decode().partition(":")[2]
    except (NoBase64, UnicodeDecodeError):
        return ""


def _is_from_elsewhere(request: web.Request) -> bool:
    """Does a browser say that another site's page asks? What is no browser says nothing."""
    origin = request.headers.get("Origin")
    return request.headers.get("Sec-Fetch-Site") in _FROM_ELSEWHERE or (
        origin is not None and origin not in (f"http://{request.host}", f"https://{request.host}")
    )
