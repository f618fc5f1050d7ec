"""The worker's HTTP server, asked by real requests over a real database."""

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from pipeline.batch import RecordBatch
from pipeline.database import open_writer
from pipeline.errors import DatabaseError, FirsthandError, InputError
from pipeline.held import Holder, beside
from pipeline.live_sql.tokens import Tokens
from pipeline.live_sql.tokens import beside as tokens_beside
from pipeline.schema import create_schema
from pipeline.serve import listening, serving, state_of
from pipeline.settings import Definitions
from pipeline.simulate import simulate
from pipeline.store import Store
from pipeline.tally import Tally
from pipeline.worker import WorkerState

NOW = datetime(2026, 2, 2, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "x.duckdb"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    values = [each.value for each in simulate(300, 7)]
    store = Store(open_writer(database, Definitions(), create_schema))
    store.ingest([RecordBatch("e.jsonl", 0, 0, 300, range(300), [None] * 300, values)], NOW)
    store.refresh(NOW)
    yield store
    store.close()


def ask(
    store: Store,
    database: Path,
    path: str,
    token: str | None = None,
    host: str = "127.0.0.1",
    **headers: str,
):
    """(status, headers, text) of one request; the token is the right one unless another is given."""

    async def asking():
        state = state_of(WorkerState("running", Tally(300, 300), {0: 7}))
        async with serving(store, database, listening(None, host), lambda: state, clock=lambda: NOW) as url:
            known = json.loads(beside(database).read_text())
            assert known["url"] == url
            headers.setdefault("Authorization", f"Bearer {known['token'] if token is None else token}")
            async with aiohttp.ClientSession() as session, session.get(url + path, headers=headers) as answer:
                return answer.status, answer.headers, await answer.text()

    return asyncio.run(asking())


def test_the_page_and_what_it_reads_are_open(store, database):
    status, headers, text = ask(store, database, "", token="")
    assert (status, headers["Content-Type"].split(";")[0]) == (200, "text/html")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
    assert "http" not in text.replace("http-equiv", ""), "the page needs nothing from elsewhere"
    status, _, text = ask(store, database, "readings?span=28d&by=channel", token="")
    told = json.loads(text)
    assert (status, told["state"]["lag"], told["state"]["consumed"]) == (200, 7, 300)
    assert {each["dimension"] for each in told["readings"]} == {"channel"}


@pytest.mark.parametrize(
    "path", ["api/report", "api/audit", "api/check", "api/alerts", "api/alert", "api/silences"]
)
@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_the_commands_answers_need_the_token_beside_the_database(store, database, path, token):
    assert ask(store, database, path, token=token)[0] == 401


def test_a_name_that_is_not_the_loopback_s_is_turned_away(store, database):
    for host in ("evil.example", "evil.example:80", "127.0.0.1.evil.example:80", ""):
        assert ask(store, database, "readings", Host=host)[0] in (400, 403)


OPEN = (
    "",
    "page/page.js",
    "readings",
    "metrics",
    "data/overview",
    "data/alerts",
    "data/updates",
    "data/quality",
)
READERS = "a reader's token"
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is tested


def basic(name: str, password: str) -> str:
    return "Basic " + b64encode(f"{name}:{password}".encode()).decode()


@pytest.fixture
def tokens(database: Path) -> Tokens:
    found = Tokens(tokens_beside(database))
    found.add("ann", READERS, NOW)
    return found


@pytest.mark.usefixtures("tokens")
@pytest.mark.parametrize("path", OPEN)
def test_beyond_the_loopback_everything_needs_a_token(store, database, path):
    for given in ("", "Bearer ", "Bearer wrong", basic("ann", "wrong"), basic(READERS, ""), "Basic ?", "x"):
        status, headers, _ = ask(store, database, path, host=EVERYWHERE, Authorization=given)
        assert (status, headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Basic"), given


def test_beyond_the_loopback_a_reader_s_token_opens_the_page_until_it_is_revoked(store, database, tokens):
    for given in (basic("ann", READERS), basic("", READERS), f"Bearer {READERS}"):
        for path in ("", "page/page.js", "readings", "metrics", "data/overview"):
            assert ask(store, database, path, host=EVERYWHERE, Authorization=given)[0] == 200, given
        assert ask(store, database, "api/audit", host=EVERYWHERE, Authorization=given)[0] == 401
    assert ask(store, database, "api/audit", host=EVERYWHERE)[0] == 200  # the commands' own
    tokens.revoke("ann")
    assert ask(store, database, "", host=EVERYWHERE, Authorization=basic("ann", READERS))[0] == 401


@pytest.mark.usefixtures("tokens")
def test_beyond_the_loopback_a_page_of_another_site_is_turned_away_whatever_it_sends(store, database):
    """A browser sends the password that it knows with whatever it is made to ask for."""
    given = {"host": EVERYWHERE, "Authorization": basic("ann", READERS)}
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "http://evil.example"}):
        assert ask(store, database, "readings", **given, **headers)[0] == 403
    behind_a_proxy = {"Host": "cx.example", "Origin": "https://cx.example"}
    assert ask(store, database, "readings", **given, **behind_a_proxy)[0] == 200


def test_an_address_that_this_machine_does_not_have_is_named_with_what_to_do():
    with pytest.raises(
        InputError, match=r"198\.51\.100\.7 is no address of this machine: set FIRSTHAND_HOST"
    ):
        listening(None, "198.51.100.7")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("api/report?span=7x", "'7x' is no span"),
        ("api/report?by=colour", "by: one of all, channel"),
        ("api/report?as_of=yesterday", "'yesterday' is no moment"),
        ("readings?by='; drop table metrics", "by: one of all, channel"),
    ],
)
def test_a_question_that_makes_no_sense_is_told_so(store, database, path, said):
    status, _, text = ask(store, database, path)
    assert (status, said in text) == (400, True)


def test_its_place_is_forgotten_when_it_ends(store, database):
    ask(store, database, "")
    assert not beside(database).exists()


def test_a_taken_port_is_named_with_what_to_do():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} is taken .*: choose another with --port"):
            listening(port)


def test_a_holder_that_is_gone_or_refuses_is_an_error_of_one_line(store, database, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")  # the loopback is asked without it

    async def asking(token: str | None, question: dict[str, str]):
        async with serving(store, database, listening(None), dict, clock=lambda: NOW) as url:
            known = json.loads(beside(database).read_text())
            holder = Holder(database, url, token or known["token"])
            return await asyncio.to_thread(holder.ask, "report", **question)

    assert asyncio.run(asking(None, {"span": "28d"}))
    with pytest.raises(FirsthandError, match="cannot tell: '7x' is no span"):
        asyncio.run(asking(None, {"span": "7x"}))
    with pytest.raises(FirsthandError, match="cannot tell: Unauthorized"):
        asyncio.run(asking("wrong", {}))
    with pytest.raises(DatabaseError, match="is gone; try again"):
        Holder(database, "http://127.0.0.1:1/", "token").ask("report")
