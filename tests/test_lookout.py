"""The look at the broker that a worker takes every few seconds."""

import asyncio
import socket

import pytest

from pipeline import kafka
from pipeline.errors import BrokerError
from pipeline.handshake import answers
from pipeline.lookout import watch_topic
from pipeline.security import OPEN
from pipeline.worker_settings import WorkerSettings
from tests.administrator import delete_topic


def test_a_broker_that_takes_connections_and_says_nothing_does_not_answer():
    with socket.create_server(("127.0.0.1", 0)) as frozen:
        assert not asyncio.run(answers(f"127.0.0.1:{frozen.getsockname()[1]}", OPEN, 0.2))


def test_one_server_that_answers_is_enough(broker):
    assert asyncio.run(answers(f"127.0.0.1:1,{broker}", OPEN, 5.0))


def test_a_topic_that_is_not_the_database_s_own_any_more_is_told_at_the_next_look(broker, topic):
    name = topic("touchpoints")
    kafka.ensure_topics(broker, {name: 1})

    async def recognises(asked: str, _topic_id: str) -> bool:
        return asked != name

    with pytest.raises(BrokerError, match="was deleted and made again"):
        asyncio.run(watch_topic(WorkerSettings(broker, name, look_s=0.05), recognises))


def test_a_topic_that_is_gone_is_told_once_it_stays_away(broker, topic):
    async def recognises(_topic: str, _topic_id: str) -> bool:
        return True

    settings = WorkerSettings(broker, topic("gone"), look_s=0.5, patience_s=2.0)
    with pytest.raises(BrokerError, match="has had no topic gone"):
        asyncio.run(watch_topic(settings, recognises))


def test_a_topic_made_again_has_another_id(broker, topic):
    name = topic("touchpoints")
    ids = []
    for _ in range(2):
        kafka.ensure_topics(broker, {name: 1})
        ids.append(kafka.topic_id(broker, name))
        delete_topic(broker, name)
    assert all(ids)
    assert ids[0] != ids[1]
