"""Every command that talks to Kafka, against one that asks who is there; passwords are never shown."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
from kafka.admin import ACLOperation, ResourceType
from pydantic import SecretStr

from pipeline import kafka
from pipeline.errors import BrokerError
from pipeline.security import Security
from pipeline.worker import run_worker
from tests.certificates import Authority
from tests.command import done, ended, firsthand, one_line, started, until
from tests.recording_store import RecordingStore
from tests.secured_kafka import PASSWORD, SecuredKafka, secured_kafka
from tests.test_transactions import printed
from tests.test_worker import NOON, Place, running

TOPIC, GROUP = ResourceType.TOPIC, ResourceType.GROUP
READ, WRITE, CREATE = ACLOperation.READ, ACLOperation.WRITE, ACLOperation.CREATE
TOPICS = tuple((TOPIC, "touchpoints-", each) for each in (READ, WRITE, CREATE))
GROUPS = ((GROUP, "group-of-", READ),)
CLIENT = "CN=client"
COMMANDS = {
    "send": "send e.jsonl --kafka {at}",
    "simulate": "simulate --events 10 --seed 1 --kafka {at}",
    "import": "import calls.csv --mapping pwc --kafka {at}",
    "replay": "replay kafka://{at}/{topic} --db r.duckdb",
    "audit": "audit --db x.duckdb --kafka {at}",
    "worker": "worker --db w.duckdb --kafka {at}",
}
CALLS = """Call Id,Agent,Date,Time,Topic,Answered (Y/N),Resolved,Speed of answer in seconds,AvgTalkDuration,\
Satisfaction rating
ID0001,Diane,2021-01-01,09:12:58,Contract related,Y,Y,109,00:02:23,3
"""
_numbers = count(1)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredKafka]:
    with secured_kafka(tmp_path_factory.mktemp("secured")) as running_one:
        for user in ("alice", CLIENT):
            running_one.allow(user, *TOPICS, *GROUPS)
        running_one.allow("ungrouped", *TOPICS)
        yield running_one


@pytest.fixture
def name() -> str:
    return f"touchpoints-{next(_numbers)}"


@pytest.fixture
def folder(secured: SecuredKafka, name: str, tmp_path: Path) -> Path:
    """The files that the commands ask for."""
    done("simulate", "--events", 30, "--seed", 1, "--to", "e.jsonl", cwd=tmp_path)
    done("replay", "e.jsonl", "--db", "x.duckdb", cwd=tmp_path)
    (tmp_path / "calls.csv").write_text(CALLS)
    topics = {name: 1, f"{name}-dlq": 1, f"{name}-alerts": 1}
    kafka.ensure_topics(secured.addresses["PLAINTEXT"], topics)
    return tmp_path


def named(name: str) -> dict[str, str]:
    return {
        "FIRSTHAND_TOPIC": name,
        "FIRSTHAND_DLQ_TOPIC": f"{name}-dlq",
        "FIRSTHAND_ALERTS_TOPIC": f"{name}-alerts",
        "FIRSTHAND_GROUP": f"group-of-{name}",
    }


def entries(secured: SecuredKafka) -> dict[str, tuple[str, Security]]:
    """Each way in: where, and how."""
    login = {"username": "alice", "password": SecretStr(PASSWORD)}
    trust = {"ca_file": secured.authority.file}
    certificate, key = secured.authority.sign("client", password=PASSWORD)
    own = {"certificate_file": certificate, "key_file": key, "key_password": SecretStr(PASSWORD)}
    at = secured.addresses
    return {
        "PLAIN over TLS": (at["SASL"], Security("SASL_SSL", mechanism="PLAIN", **trust, **login)),
        "SCRAM over TLS": (at["SASL"], Security("SASL_SSL", mechanism="SCRAM-SHA-512", **trust, **login)),
        "SCRAM in the clear": (
            at["OPEN_SASL"],
            Security("SASL_PLAINTEXT", mechanism="SCRAM-SHA-512", **login),
        ),
        "certificate": (at["MUTUAL"], Security("SSL", **trust, **own)),
    }


@pytest.mark.parametrize("entry", ["PLAIN over TLS", "SCRAM over TLS", "SCRAM in the clear", "certificate"])
def test_whoever_is_known_may_create_produce_consume_and_send_dead_letters(secured, name, entry):
    at, security = entries(secured)[entry]
    place = Place(at, name)
    kafka.ensure_topics(at, {name: 2}, security)
    kafka.produce(at, name, [(b"1", b"good"), (b"2", b"bad"), (b"3", b"good")], security=security)
    store = RecordingStore()
    with running(store, place.settings(security=security)):
        until(lambda: store.count() == 3 and not store.unsent_rejections(1))
    letters = kafka.read_batches(at, f"{name}-dlq", security=security)
    assert [value for batch in letters for value in batch.values] == [b"bad"]
    assert kafka.count_waiting(at, name, store_offsets(store), security) == {0: 0, 1: 0}


def store_offsets(store: RecordingStore) -> dict[int, int]:
    return dict(store.rows("select part, next from watermarks"))


def test_every_command_gets_in_by_the_settings_alone(secured, name, folder):
    at = secured.addresses["SASL"]
    env = os.environ | named(name) | secured.env("SCRAM-SHA-512")
    done("send", "e.jsonl", "--kafka", at, cwd=folder, env=env)
    done("simulate", "--events", 70, "--seed", 2, "--kafka", at, cwd=folder, env=env)

    def audited() -> dict:
        return json.loads(done("audit", "--db", "w.duckdb", "--kafka", at, "--json", cwd=folder, env=env))

    with started("worker", "--kafka", at, "--db", "w.duckdb", cwd=folder, env=env) as process:
        until((folder / "w.duckdb.worker").exists)
        until(lambda: audited()["remaining"] == 0)
        process.terminate()
        out, err = process.communicate(timeout=30)
    assert (process.returncode, audited()["consumed"]) == (0, 100)
    done("replay", f"kafka://{at}/{name}", "--db", "r.duckdb", cwd=folder, env=env)
    assert printed(folder / "w.duckdb") == printed(folder / "r.duckdb")
    assert PASSWORD not in out + err


def refused(
    secured: SecuredKafka, folder: Path, name: str, env: dict[str, str], *commands: str
) -> dict[str, str]:
    """What each command says; none of them may say more than a line, or leave a file."""
    asked = commands or tuple(COMMANDS)
    before = sorted(folder.iterdir())
    every = os.environ | named(name) | env

    def said(command: str) -> str:
        words = COMMANDS[command].format(at=secured.addresses["SASL"], topic=name).split()
        answer = firsthand(*words, cwd=folder, env=every)
        assert PASSWORD not in answer.stdout + answer.stderr
        return one_line(answer)

    with ThreadPoolExecutor(3) as pool:
        lines = dict(zip(asked, pool.map(said, asked), strict=True))
    assert sorted(folder.iterdir()) == before
    return lines


def test_a_wrong_password_is_one_line_of_every_command(secured, name, folder):
    env = secured.env("SCRAM-SHA-512") | {"FIRSTHAND_KAFKA_PASSWORD": "another"}
    for said in refused(secured, folder, name, env).values():
        assert said.startswith(f"the broker at {secured.addresses['SASL']} does not let alice in: check")


def test_a_wrong_authority_is_one_line_of_every_command(secured, name, folder):
    other = Authority(folder, "other")
    env = secured.env("PLAIN") | {"FIRSTHAND_KAFKA_CA_FILE": str(other.file)}
    for said in refused(secured, folder, name, env).values():
        assert said.startswith(f"the broker at {secured.addresses['SASL']} is not trusted (")
        assert "FIRSTHAND_KAFKA_CA_FILE" in said


def test_a_missing_acl_is_one_line_of_every_command(secured, name, folder):
    for said in refused(secured, folder, name, secured.env("PLAIN", "stranger")).values():
        assert "ACL" in said
        assert "stranger" in said
        assert name in said


def test_a_producer_that_may_only_read_is_told_so(secured, name, folder):
    secured.allow("stranger", (TOPIC, name, READ))
    said = refused(secured, folder, name, secured.env("PLAIN", "stranger"), "send", "worker")
    assert said["send"].endswith(f"lets stranger not WRITE {name}: add that ACL")
    assert said["worker"].endswith(f"lets stranger not WRITE {name}-dlq: add that ACL")


def test_a_group_that_is_not_allowed_ends_the_worker_with_one_line(secured, name):
    kafka.ensure_topics(secured.addresses["PLAINTEXT"], {name: 1, f"{name}-dlq": 1})
    at, security = entries(secured)["PLAIN over TLS"]
    settings = Place(at, name).settings(security=replace(security, username="ungrouped"))
    with pytest.raises(BrokerError, match=f"group-of-{name}.*ACL") as caught:
        run_worker(RecordingStore(), settings, lambda: NOON)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("right", [0, 1], ids=["the topic", "the dead letters"])
def test_an_acl_that_is_taken_away_ends_a_running_worker_with_one_line(secured, name, tmp_path, right):
    """Not a retry for ever; what was stored before stays, and what was not is there for the next start."""
    topic, open_door = f"{name}x", secured.addresses["PLAINTEXT"]
    rights = [(TOPIC, topic, READ), (TOPIC, f"{topic}-dlq", WRITE), (TOPIC, f"{topic}-alerts", WRITE)]
    kafka.ensure_topics(open_door, {topic: 1, f"{topic}-dlq": 1, f"{topic}-alerts": 1})
    secured.allow("stranger", *rights, *GROUPS)
    env = os.environ | named(topic) | secured.env("PLAIN", "stranger")
    words = ("worker", "--kafka", secured.addresses["SASL"], "--db", "w.duckdb")
    with started(*words, cwd=tmp_path, env=env) as process:
        kafka.produce(open_door, topic, [(b"k", b"rejected")])
        until(lambda: kafka.end_offsets(open_door, f"{topic}-dlq") == {0: 1}, "no dead letter came")
        secured.forbid("stranger", rights[right])
        kafka.produce(open_door, topic, [(b"k", b"rejected")])
        said = ended(process)
    assert said.returncode == 1
    *before, last = said.stderr.splitlines()
    assert last.startswith(f"firsthand: the broker at {secured.addresses['SASL']} forbids it ("), said.stderr
    assert last.endswith("add the ACL for stranger and start again")
    assert not [line for line in before if line.startswith(("firsthand:", "Traceback", "Exception"))], before
