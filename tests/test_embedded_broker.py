import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline import kafka
from pipeline.embedded_broker import EmbeddedBroker
from pipeline.errors import BrokerError

ORPHAN = """
import time
from pipeline.embedded_broker import EmbeddedBroker
broker = EmbeddedBroker()
broker.start()
print(broker.process.pid, flush=True)
time.sleep(600)
"""


def test_it_answers_on_the_port_that_was_asked_for_and_is_gone_afterwards():
    with EmbeddedBroker() as scout:
        port = scout.port
    with EmbeddedBroker(port) as running:
        assert running.bootstrap == f"127.0.0.1:{port}"
        kafka.require_broker(running.bootstrap)
        process = running.process
    assert process.poll() is not None
    with pytest.raises(BrokerError):
        kafka.require_broker(running.bootstrap, timeout_s=0.3)


def test_a_taken_port_is_named_with_what_to_do():
    with EmbeddedBroker() as first, pytest.raises(BrokerError) as caught:
        EmbeddedBroker(first.port).start()
    assert str(caught.value).startswith(f"port {first.port} is taken: ")
    assert "choose another with --port" in str(caught.value)


def test_stopping_twice_or_before_the_start_does_nothing():
    broker = EmbeddedBroker()
    broker.stop()
    broker.start()
    broker.stop()
    broker.stop()


def test_its_topics_end_with_it(topic):
    name = topic()
    with EmbeddedBroker() as first:
        kafka.ensure_topics(first.bootstrap, {name: 1})
        kafka.produce(first.bootstrap, name, [(b"k", b"v")])
    with EmbeddedBroker(first.port) as second:
        kafka.ensure_topics(second.bootstrap, {name: 1})
        assert kafka.end_offsets(second.bootstrap, name) == {0: 0}


@pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="only Linux tells a child of its parent's end"
)
def test_a_killed_parent_leaves_no_broker_behind():
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    try:
        pid = int(parent.stdout.readline())
        os.kill(pid, 0)
    finally:
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        parent.stdout.close()
    deadline = time.monotonic() + 10
    while runs(pid):
        assert time.monotonic() < deadline, "the broker outlived its parent"
        time.sleep(0.02)


def runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # a zombie that nobody has collected yet has ended, too
