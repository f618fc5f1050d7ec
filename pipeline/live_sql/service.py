"""Live SQL for a worker's database, from its opening to its end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.address import LOOPBACK
from pipeline.live_sql.desk import Desk
from pipeline.live_sql.gateway import gateway
from pipeline.live_sql.limits import Limits
from pipeline.live_sql.tokens import Tokens, beside
from pipeline.store import Store


@contextmanager
def live_sql(
    store: Store, database: Path, limits: Limits, port: int | None, host: str = LOOPBACK
) -> Iterator[tuple[Desk, str | None]]:
    """A desk over `store` and, unless `port` is 0, where it is asked over Quack."""
    with Desk(store.reading, limits) as desk:
        store.readers = desk.alone
        try:
            if port == 0:
                yield desk, None
            else:
                with gateway(desk, Tokens(beside(database)), port, host) as uri:
                    yield desk, uri
        finally:
            store.readers = None
