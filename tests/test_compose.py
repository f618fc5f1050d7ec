"""What docker-compose.yml starts fits together, as far as that shows without an engine to start it."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer
import yaml
from jsonschema import Draft202012Validator

from pipeline.cli import app
from pipeline.mirror.target import Target
from pipeline.settings import Settings
from pipeline.simulate import simulate
from tests.mirrored import mirrored, step
from tests.postgres import PASSWORD, SUPERUSER, program

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES = COMPOSE["services"]
SCHEMA = json.loads((ROOT / "tests" / "vendor" / "compose-spec.json").read_text())
WORKER = SERVICES["worker"]
GRAFANA = ROOT / "grafana"
(SOURCE,) = yaml.safe_load((GRAFANA / "provisioning" / "datasources" / "firsthand.yaml").read_text())[
    "datasources"
]
(PROVIDER,) = yaml.safe_load((GRAFANA / "provisioning" / "dashboards" / "firsthand.yaml").read_text())[
    "providers"
]
DASHBOARD = json.loads((GRAFANA / "dashboards" / "firsthand.json").read_text())
VARIABLES = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
DEFAULT = re.compile(r"\$\{(\w+):-([^}]*)\}")


def test_it_is_what_the_compose_specification_calls_a_compose_file():
    Draft202012Validator.check_schema(SCHEMA)
    assert list(Draft202012Validator(SCHEMA).iter_errors(COMPOSE)) == []
    broken = COMPOSE | {"services": {"worker": WORKER | {"depend_on": ["kafka"]}}}
    assert list(Draft202012Validator(SCHEMA).iter_errors(broken)), "it sees what is wrong"


def test_every_command_of_firsthand_in_it_is_one_with_its_options():
    shown = re.findall(r"(?:worker|#  ) (firsthand [^(\n]*)", TEXT)
    assert len(shown) == 2
    for words in (WORKER["command"], *(line.split()[1:] for line in shown)):
        command = typer.main.get_command(app).commands[words[0]]
        command.make_context(words[0], list(words[1:]), resilient_parsing=False).close()


def test_every_variable_of_firsthand_in_it_is_a_setting_and_its_value_is_taken(monkeypatch):
    own = [name for each in SERVICES.values() for name in each.get("environment", {}) if "FIRSTHAND" in name]
    assert "FIRSTHAND_MIRROR" in own
    assert {name.removeprefix("FIRSTHAND_").lower() for name in own} <= set(Settings.model_fields)
    for name in own:
        monkeypatch.setenv(name, WORKER["environment"][name])
    assert Settings().mirrored


def test_the_worker_asks_for_the_broker_where_it_listens():
    broker = SERVICES["kafka"]["environment"]
    advertised = dict(each.split("://") for each in broker["KAFKA_ADVERTISED_LISTENERS"].split(","))
    listening = dict(each.split("://") for each in broker["KAFKA_LISTENERS"].split(","))
    asked = WORKER["command"][WORKER["command"].index("--kafka") + 1]
    assert asked == advertised["INSIDE"]
    assert asked.partition(":")[0] in SERVICES
    for name, address in advertised.items():
        assert listening[name] == ":" + address.partition(":")[2]
    assert SERVICES["kafka"]["ports"] == ["127.0.0.1:9092:9092"]
    assert advertised["OUTSIDE"] == "localhost:9092"
    protocols = dict(each.split(":") for each in broker["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(","))
    assert set(protocols) == set(listening)
    assert set(protocols.values()) == {"PLAINTEXT"}


def test_every_port_is_open_to_this_machine_only():
    published = [port for each in SERVICES.values() for port in each.get("ports", [])]
    assert len(published) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in published)


def test_every_image_is_of_one_version_and_the_worker_s_is_built_here():
    images = [each["image"] for each in SERVICES.values() if "image" in each]
    assert len(images) == 3
    assert all(re.fullmatch(r"[a-z]+(?:/[a-z]+)?:\d+\.\d+(?:\.\d+)?", image) for image in images)
    assert WORKER["build"] == "."
    assert (ROOT / "Dockerfile").is_file()


def test_no_secret_is_written_but_as_a_default_that_the_environment_replaces():
    secrets = {
        (name, value)
        for each in SERVICES.values()
        for name, value in each.get("environment", {}).items()
        if "PASSWORD" in name
    }
    assert len(secrets) == 5
    replaced = {DEFAULT.fullmatch(value)[1] for _, value in secrets}
    head = TEXT.partition("services:")[0]
    assert all(name in head for name in replaced), "the head of the file names them all"
    assert SOURCE["secureJsonData"] == {"password": "$READER_PASSWORD"}
    assert "READER_PASSWORD" in SERVICES["grafana"]["environment"]


def mounts() -> Iterator[tuple[str, str, str]]:
    for name, service in SERVICES.items():
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            yield name, source, target


def test_what_the_services_keep_is_in_declared_volumes_and_what_they_are_given_is_there():
    kept = {(name, target): source for name, source, target in mounts() if not source.startswith(".")}
    given = {(name, target): source for name, source, target in mounts() if source.startswith(".")}
    assert set(kept.values()) == set(COMPOSE["volumes"])
    assert len(kept) == len(COMPOSE["volumes"])
    assert all((ROOT / source).exists() for source in given.values())
    assert all(
        volume.endswith(":ro") for each in SERVICES.values() for volume in each["volumes"] if "./" in volume
    )
    database = Path(WORKER["command"][WORKER["command"].index("--db") + 1])
    assert ("worker", str(database.parent)) in kept
    assert "/data" in (ROOT / "Dockerfile").read_text()
    assert ("kafka", SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]) in kept
    assert ("postgres", "/var/lib/postgresql/data") in kept
    assert ("grafana", PROVIDER["options"]["path"]) in given
    assert ("grafana", "/etc/grafana/provisioning") in given
    home = Path(SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (ROOT / given["grafana", str(home.parent)] / home.name).is_file()


def test_who_waits_for_another_waits_until_that_one_says_that_it_is_well():
    for service in SERVICES.values():
        for name, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in SERVICES[name]


def test_worker_and_grafana_ask_for_the_database_that_postgresql_makes():
    assert WORKER["environment"]["FIRSTHAND_MIRROR"] == "postgresql://firsthand@postgres:5432/cx"
    assert Target(WORKER["environment"]["FIRSTHAND_MIRROR"]).name
    assert SERVICES["postgres"]["environment"]["POSTGRES_DB"] == SOURCE["jsonData"]["database"] == "cx"
    assert SOURCE["url"] == "postgres:5432"
    assert SOURCE["user"] == "grafana"
    assert WORKER["environment"]["PGPASSWORD"] == SERVICES["postgres"]["environment"]["MIRROR_PASSWORD"]
    for service in ("postgres", "grafana"):
        assert "READER_PASSWORD" in SERVICES[service]["environment"]


def test_the_dashboard_asks_the_data_source_that_is_provisioned():
    sources = [each["datasource"] for each in DASHBOARD["panels"]]
    sources += [target["datasource"] for each in DASHBOARD["panels"] for target in each["targets"]]
    assert sources == [{"type": SOURCE["type"], "uid": SOURCE["uid"]}] * len(sources)
    assert len({each["id"] for each in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


START = datetime(2026, 1, 5, tzinfo=UTC)
AT = START + timedelta(days=10, minutes=5)
LATE = json.dumps(
    {
        "specversion": "1.0",
        "id": "late",
        "source": "s",
        "type": "touchpoint.survey.v1",
        "time": (START + timedelta(days=9)).isoformat(),
        "data": {"customer_id": "late", "channel": "phone", "csat": 1},
    }
).encode()


@pytest.fixture(scope="module")
def composed(postgres, tmp_path_factory) -> Iterator[str]:
    """The database as PostgreSQL's container makes it, mirrored into by the worker's user: its name."""
    postgres.run("create database composed")
    given = os.environ | {"MIRROR_PASSWORD": PASSWORD, "READER_PASSWORD": PASSWORD, "PGPASSWORD": PASSWORD}
    url = postgres.url_of(SUPERUSER, "composed")
    # as the image's entrypoint does
    command = [
        program("psql"),
        "-v",
        "ON_ERROR_STOP=1",
        "--no-psqlrc",
        "-f",
        str(GRAFANA / "postgres.sql"),
        url,
    ]
    made = subprocess.run(command, env=given, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    with pytest.MonkeyPatch.context() as patch, mirrored(tmp_path_factory.mktemp("x"), url) as both:
        patch.setenv("PGPASSWORD", PASSWORD)
        both.url = postgres.url_of("firsthand", "composed")
        both.take([each.value for each in simulate(4000, 7, start=START)], AT)
        with both.kept(history="24h=1d") as mirror:
            both.take([LATE], AT + timedelta(minutes=1))
            step(mirror)
        assert both.said == []
    yield "composed"
    postgres.run("drop database composed; ")
    postgres.run("drop role firsthand; drop role grafana")


def as_grafana_asks(query: str, **chosen: str) -> str:
    """The query with what is picked and the time range put in, as Grafana's PostgreSQL data source does."""
    first, last = (
        "'" + at.isoformat().replace("+00:00", "Z") + "'" for at in (START, AT + timedelta(hours=1))
    )
    for name, variable in VARIABLES.items():
        picked = chosen.get(name, variable["current"]["value"])
        assert picked in variable["query"].split(",")
        query = re.sub(rf"\$(?:{name}\b|\{{{name}\}})", picked, query)
    query = re.sub(r"\$__timeFilter\(([^)]*)\)", rf"\1 BETWEEN {first} AND {last}", query)
    query = query.replace("$__timeFrom()", first).replace("$__timeTo()", last)
    assert "$" not in query, "there is something that Grafana would not know"
    return query


def rows(postgres, composed: str, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with postgres.connect("grafana", composed) as con:
        found = con.execute(query)
        return [column.name for column in found.description], found.fetchall()


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda each: each["title"])
def test_every_panel_has_rows_of_a_real_mirror_when_its_reader_asks(panel, postgres, composed):
    (target,) = panel["targets"]
    names, found = rows(postgres, composed, as_grafana_asks(target["rawSql"], least="1"))
    assert found
    if target["format"] == "time_series":
        assert names[0] == "time"
        assert len(found) > 5
    named = {each["matcher"]["options"] for each in panel["fieldConfig"]["overrides"]}
    for series in panel["options"].get("series", []):
        named |= {each["matcher"]["options"] for axis, each in series.items() if axis in {"x", "y", "size"}}
    assert named <= set(names), "what is styled is among its columns"


@pytest.mark.parametrize("dimension", VARIABLES["dimension"]["query"].split(","))
def test_every_dimension_that_can_be_picked_has_members(dimension, postgres, composed):
    (by,) = [each for each in DASHBOARD["panels"] if each["title"] == "By $dimension"]
    for span in VARIABLES["span"]["query"].split(",")[2:]:
        query = as_grafana_asks(by["targets"][0]["rawSql"], dimension=dimension, span=span)
        assert rows(postgres, composed, query)[1]


def test_grafana_s_reader_may_look_at_the_mirror_and_do_nothing_else(postgres, composed):
    with postgres.connect("grafana", composed) as con:
        for forbidden in (
            "delete from firsthand.metrics_history",
            "create table firsthand.mine (x int)",
            "create table public.mine (x int)",
            "create temporary table mine (x int)",
            "create schema mine",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                con.execute(forbidden)
