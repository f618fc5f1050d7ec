"""What the tests run as Apache Kafka is Apache Kafka, and behaves as one that is killed and comes back."""

from pathlib import Path

import pytest
import yaml

from pipeline import kafka
from tests import apache_kafka
from tests.apache_kafka import ApacheKafka, had


@pytest.fixture
def unreachable(monkeypatch, tmp_path):
    """A machine without Java and Maven."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return lambda: ApacheKafka(tmp_path / "kafka")


def test_its_version_is_the_one_that_compose_starts():
    compose = yaml.safe_load((Path(__file__).parents[1] / "docker-compose.yml").read_text())
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{apache_kafka.version()}"


def test_where_it_cannot_be_had_tests_are_skipped_with_one_clear_reason(unreachable, monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no Apache Kafka on this machine: it needs Java 17"):
        had(unreachable)


def test_in_ci_its_absence_is_a_failure(unreachable, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no Apache Kafka on this machine: it needs Java 17"):
        had(unreachable)


def test_maven_that_cannot_fetch_is_a_reason_too(monkeypatch, tmp_path):
    monkeypatch.setattr(apache_kafka, "require_java", lambda: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(apache_kafka.NotHereError, match="Maven could not fetch it"):
        apache_kafka.artifacts()
    assert not list(tmp_path.glob("firsthand/*"))


def test_a_node_that_is_killed_comes_back_with_its_data(tmp_path):
    with had(lambda: ApacheKafka(tmp_path)) as running:
        kafka.ensure_topics(running.bootstrap, {"kept": 1})
        kafka.produce(running.bootstrap, "kept", [(b"k", b"v")] * 100)
        [node] = running.nodes
        node.kill()
        node.start()
        node.wait()
        assert kafka.end_offsets(running.bootstrap, "kept") == {0: 100}


@pytest.mark.slow
def test_of_three_nodes_one_may_die(tmp_path):
    with had(lambda: ApacheKafka(tmp_path, nodes=3)) as running:
        kafka.ensure_topics(running.bootstrap, {"kept": 3})
        kafka.produce(running.bootstrap, "kept", [(b"%d" % n, b"v") for n in range(100)])
        running.nodes[0].kill()
        kafka.produce(running.bootstrap, "kept", [(b"%d" % n, b"v") for n in range(100)])
        assert sum(kafka.end_offsets(running.bootstrap, "kept").values()) == 200
