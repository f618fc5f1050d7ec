"""The embedded broker that the tests share, and names of topics nobody used before."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest

from pipeline.embedded_broker import EmbeddedBroker

_numbers = count(1)


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    with EmbeddedBroker() as running:
        yield running.bootstrap


@pytest.fixture
def topic() -> Callable[[str], str]:
    """Call it for a topic's name; every call gives a new one."""
    return lambda stem="topic": f"{stem}-{next(_numbers)}"
