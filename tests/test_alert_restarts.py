"""Whatever ends a worker, no alert is lost, and what is told twice has the same key and the same content."""

import os
import random
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from alerted import Written, alerted
from deliveries import NOON

from tests.command import started, until
from tests.receiver import HANG, Receiver

PROGRAM = (sys.executable, str(Path(__file__).with_name("delivering_process.py")))
ROOT = Path(__file__).parents[1]


def test_a_worker_killed_before_it_knew_the_answer_tells_it_again_under_the_same_key(tmp_path):
    with Receiver() as receiver:
        database = tmp_path / "w.duckdb"
        with alerted(database) as written:
            written.courier(receiver.url)
            for alert in ("a", "b", "c"):
                written.flip(alert, "firing")
        env = os.environ | {"HOOK": receiver.url, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}"}
        receiver.answers = [200, HANG]
        with started(database, program=PROGRAM, cwd=tmp_path, env=env):
            until(lambda: len(receiver.came) == 2, "the second message did not come")
        with started(database, program=PROGRAM, cwd=tmp_path, env=env):
            until(lambda: len(receiver.taken) == 3, "the rest did not come")
        keys = [each.key for each in receiver.came]
        assert sorted(keys) == ["a-firing", "b-firing", "b-firing", "c-firing"]
        assert len({each.body for each in receiver.came if each.key == "b-firing"}) == 1


def disturb(written: Written, receiver: Receiver, draw: random.Random, states: dict[str, list[str]]) -> None:
    """One alert begins, some end, and the receiver stumbles now and then."""
    receiver.answers = draw.choices([200, 500, 429, 503], [6, 1, 1, 1], k=5)
    for alert, so_far in draw.sample(sorted(states.items()), min(2, len(states))):
        if so_far[-1] == "firing":
            so_far.append(draw.choice(["resolved", "retracted"]))
            written.flip(alert, so_far[-1])
    alert = f"a{len(states)}"
    states[alert] = ["firing"]
    written.flip(alert, "firing")
    if draw.random() < 0.1:
        written.flip(alert, "firing", flip=f"{alert}-moved", revises=f"{alert}-firing")


@pytest.mark.parametrize("seed", range(2))
def test_through_failures_and_restarts_every_alert_is_told_to_its_end_and_in_order(tmp_path, seed):
    draw = random.Random(seed)  # noqa: S311 - no secret
    states: dict[str, list[str]] = {}
    later = NOON
    with Receiver() as receiver:
        for _ in range(4):  # each a store and a courier of its own, as after a restart
            with alerted(tmp_path / "w.duckdb") as written:
                written.now = later
                courier = written.courier(receiver.url, group_by=draw.choice([["member"], ["rule"]]))
                for _ in range(8):
                    disturb(written, receiver, draw, states)
                    courier.step()
                    written.pass_(seconds=draw.choice([1, 5, 70]))
                later = written.now
        receiver.answers = []
        with alerted(tmp_path / "w.duckdb") as written:
            written.now = later
            courier = written.courier(receiver.url)
            while written.rows("select 1 from internal.outbox limit 1"):
                written.pass_(seconds=30)
                courier.step()
        assert_told(receiver, states)


def assert_told(receiver: Receiver, states: dict[str, list[str]]) -> None:
    told = defaultdict(list)
    for alert, state in receiver.states():
        if told[alert][-1:] != [state]:  # one that still fires is listed with others of its group
            told[alert].append(state)
    assert set(told) == set(states)
    for alert, expected in states.items():
        # one that came and went while the receiver was away is told once
        assert told[alert] in (expected, expected[-1:]), alert
    bodies = defaultdict(set)
    for each in receiver.came:
        bodies[each.key].add(each.body)
    assert all(len(each) == 1 for each in bodies.values())
    assert len(receiver.keys) == len(set(receiver.keys))
