"""Who reads while the worker writes: python -m bench.live_readers DATABASE TOKEN READERS PAGES TO.

A process of its own. Each reader is a DuckDB with its Quack client that asks for readings once a second; each
page listens for news and asks for what an open page shows, as `pipeline/page/page.js` does. SIGTERM ends it;
then it writes to TO how long each answer took, and how many readers saw a mix of two refreshes.
"""

import asyncio
import json
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import duckdb

from bench.errors import BenchError
from pipeline.held import beside
from pipeline.live_sql.extensions import load_quack

EVERY_S = 1.0
PAGE_PAUSE_S = 2.5
VIEW = ("7d", "channel")
"""What a page shows that nobody has touched; pages that show the same share their answers."""
QUERY = "from metrics where span = '7d' and dimension in ('all', 'channel')"


@dataclass
class Seen:
    """What readers met; appended to by several threads."""

    queries: list[float] = field(default_factory=list)
    pages: list[float] = field(default_factory=list)
    torn: int = 0


def is_torn(rows: Sequence[Mapping[str, Any]]) -> bool:
    """Are these readings of two moments, or do the channels not sum up to the whole?

    >>> whole = {"as_of": 1, "metric": "contacts", "dimension": "all", "numerator": 3}
    >>> [is_torn([whole, whole | {"dimension": "channel", "numerator": n}]) for n in (3, 2)]
    [False, True]
    """
    counted = {"all": 0, "channel": 0}
    for row in rows:
        if row["metric"] == "contacts":
            counted[row["dimension"]] += row["numerator"]
    return len({row["as_of"] for row in rows}) > 1 or counted["all"] != counted["channel"]


def ask_for_readings(uri: str, token: str, seen: Seen, over: threading.Event) -> None:
    """One reader, until it is over."""
    with duckdb.connect() as con:
        load_quack(con)
        con.execute(f"attach '{uri}' as cx (token '{token}')")
        while not over.is_set():
            began = time.monotonic()
            answer = con.execute(f"from cx.query($${QUERY}$$)").to_arrow_table()
            seen.queries.append(time.monotonic() - began)
            seen.torn += is_torn(answer.to_pylist())
            over.wait(max(0.0, began + EVERY_S - time.monotonic()))


async def open_page(session: aiohttp.ClientSession, view: tuple[str, str], seen: Seen) -> None:
    """One page that shows `view`, until it is cancelled."""
    span, by = view
    shown = (
        f"overview?span={span}&by=all&member=all",
        f"history?span={span}&by=all&member=all",
        f"members?span={span}&by={by}&metric=csat",
        f"heat?span={span}&metric=csat",
        f"effort?span={span}&by={by}",
        "intake",
    )
    async with session.get("data/updates", timeout=aiohttp.ClientTimeout(total=None)) as news:
        async for line in news.content:
            if line.startswith(b"data:"):
                began = time.monotonic()
                await asyncio.gather(*(_ask(session, what, seen) for what in shown))
                await asyncio.sleep(max(0.0, began + PAGE_PAUSE_S - time.monotonic()))


async def _ask(session: aiohttp.ClientSession, what: str, seen: Seen) -> None:
    began = time.monotonic()
    async with session.get(f"data/{what}") as answer:
        await answer.read()
        if answer.status != 200:
            raise BenchError(f"{what}: {answer.status}")
    seen.pages.append(time.monotonic() - began)


def read(database: Path, token: str, readers: int, pages: int, to: Path) -> None:
    """Read with as many of both until SIGTERM."""
    told = json.loads(beside(database).read_text(encoding="utf-8"))
    seen, over = Seen(), threading.Event()
    with ThreadPoolExecutor(readers) as threads:
        asking = [threads.submit(ask_for_readings, told["sql"], token, seen, over) for _ in range(readers)]
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(_keep_open(told["url"], pages, seen, asking))
        finally:
            over.set()
    to.write_text(json.dumps(asdict(seen)), encoding="utf-8")


async def _keep_open(url: str, pages: int, seen: Seen, asking: list[Future[None]]) -> None:
    """Keep the pages open; whatever fails, of readers too, is raised."""
    everything = asyncio.current_task()
    assert everything is not None  # noqa: S101 - for the type checker
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, everything.cancel)
    async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(
            *(open_page(session, VIEW, seen) for _ in range(pages)),
            *map(asyncio.wrap_future, asking),
            _say_when(lambda: len(seen.queries) >= len(asking) and len(seen.pages) >= pages),
        )


async def _say_when(all_have_read: Callable[[], bool]) -> None:
    """What they met until then, in the rush of the beginning, counts too."""
    while not all_have_read():  # noqa: ASYNC110 - threads read too
        await asyncio.sleep(0.1)
    print("all have read", flush=True)


if __name__ == "__main__":
    _, database, token, readers, pages, to = sys.argv
    read(Path(database), token, int(readers), int(pages), Path(to))
