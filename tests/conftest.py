"""The brokers that the tests run against, and names of topics nobody used before.

Whatever asks for `broker` runs once against each of BROKERS, or, where KAFKA_BOOTSTRAP is set, against
that cluster alone. Such tests bear the mark `kafka`.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import duckdb
import pytest
from deliveries import emptied, in_memory
from psycopg import Connection

from pipeline.cli import main
from pipeline.embedded_broker import EmbeddedBroker
from tests import postgres as servers
from tests.apache_kafka import ApacheKafka, had
from tests.mirrored import Mirrored, mirrored
from tests.own_cluster import forget
from tests.simulated import Simulated, simulate
from tests.stream import WHOLE, Stream

OWN_CLUSTER = os.environ.get("KAFKA_BOOTSTRAP", "")
BROKERS = ("cluster",) if OWN_CLUSTER else ("embedded", "apache")
RUN = uuid4().hex[:8]
_numbers = count(1)
HELD = "records held"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kafka: needs a broker; `make test-kafka` runs these alone")
    config.addinivalue_line(
        "markers", "any_broker: what it shows is not the broker's doing; against Apache Kafka it is slow"
    )


@pytest.hookimpl(tryfirst=True)  # before the marks are looked at
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"broker", "apache_kafka"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("kafka")
        if item.get_closest_marker("any_broker") and "apache" in item.name:
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """What streams came out whole goes with the test's report, from whichever process ran it."""
    yield
    item.user_properties += [(HELD, records) for records in WHOLE]
    WHOLE.clear()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.getreports("passed"):
        for name, records in report.user_properties:
            if name == HELD:
                told = f"{records:>9,} records, 0 lost, 0 doubled: {report.nodeid.rpartition('::')[2]}"
                terminalreporter.write_line(told)


@pytest.fixture(scope="session", params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """HOST:PORT of a broker."""
    address: str = request.getfixturevalue(f"{request.param}_broker")
    return address


@pytest.fixture(scope="session")
def apache_kafka(request: pytest.FixtureRequest) -> str:
    """HOST:PORT of Apache Kafka, for what the embedded broker cannot do."""
    address: str = request.getfixturevalue(f"{BROKERS[-1]}_broker")
    return address


@pytest.fixture(scope="session")
def embedded_broker() -> Iterator[str]:
    with EmbeddedBroker() as running:
        yield running.bootstrap


@pytest.fixture(scope="session")
def apache_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One node of Apache Kafka."""
    with had(lambda: ApacheKafka(tmp_path_factory.mktemp("apache-kafka"))) as running:
        yield running.bootstrap


@pytest.fixture(scope="session")
def cluster_broker() -> Iterator[str]:
    """A cluster that was there before; what this run put there is deleted at the end."""
    yield OWN_CLUSTER
    forget(OWN_CLUSTER, RUN)


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Postgres]:
    """A PostgreSQL that runs all the time; what stops one has a server of its own."""
    with servers.had() as running:
        yield running


@pytest.fixture
def database(postgres: servers.Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database of PostgreSQL that nobody used before, and the password for it in the environment."""
    monkeypatch.setenv("PGPASSWORD", servers.PASSWORD)
    name = f"cx{next(_numbers)}"
    postgres.run(f"create database {name}")
    return name


@pytest.fixture
def both(postgres: servers.Postgres, database: str, tmp_path: Path) -> Iterator[Mirrored]:
    """A database that can be mirrored into the other one."""
    with mirrored(tmp_path, postgres.url_of(servers.SUPERUSER, database)) as found:
        yield found


@pytest.fixture
def there(postgres: servers.Postgres, database: str) -> Iterator[Connection]:
    """The mirror as its readers see it."""
    with postgres.connect(database=database, options="-c search_path=firsthand") as con:
        yield con


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Simulated:
    """Events for streams that are disturbed."""
    return simulate(tmp_path_factory.mktemp("simulated"))


@pytest.fixture
def stream(apache_kafka: str, simulated: Simulated, topic: Callable[[str], str], tmp_path: Path) -> Stream:
    """Those events on their way through Apache Kafka: the embedded broker forgets its topics when it ends.

    It also acknowledges records for a topic that was deleted.
    """
    return simulated.onto(apache_kafka, topic("touchpoints"), tmp_path)


@pytest.fixture(scope="module")
def shared() -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory for all tests of a file; see `con`."""
    with in_memory() as con:
        yield con


@pytest.fixture
def con(shared: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """An empty database."""
    return emptied(shared)


@pytest.fixture
def topic() -> Callable[[str], str]:
    """Call it for a topic's name; every call gives a new one."""
    return lambda stem="topic": f"{stem}-{RUN}-{next(_numbers)}"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Callable:
    """Run a command in this process: (exit code, stdout, stderr)."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["firsthand", *map(str, words)])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = exit_.code
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return code, *capsys.readouterr()

    return run
