"""Whom the mirror lets in, and who lets it in: every refusal is one line, and no password is in any."""

import sys

import psycopg
import pytest

from pipeline.commands.mirror import reached
from pipeline.errors import MirrorError
from pipeline.mirror.target import Target
from pipeline.settings import Settings
from tests.mirrored import mirrored, step
from tests.postgres import PASSWORD, QUOTED, SUPERUSER
from tests.test_mirror import HALF, START
from tests.test_readme import blocks

NOBODY_HEARS = "127.0.0.1:1"


@pytest.fixture
def refused(said):
    """What the worker says of a mirror, in one line, before it looks for a broker."""

    def ask(url: str, code: int = 1) -> str:
        ended = said("worker", "--kafka", NOBODY_HEARS, "--db", "x.duckdb", "--mirror", url)
        assert ended[0] == code
        assert ended[2].count("\n") == 1
        assert PASSWORD not in ended[2]
        assert "never" not in ended[2], "no part of it either"
        return ended[2]

    return ask


def test_a_wrong_password_ends_the_worker_before_it_begins(refused, postgres, database, tmp_path):
    line = refused(postgres.url_of(SUPERUSER, database, "never%20this"))
    assert "password authentication failed" in line
    assert f"postgresql://{SUPERUSER}@127.0.0.1:{postgres.port}/{database} lets us not in" in line
    assert not list(tmp_path.iterdir()), "no database is made for nothing"


def test_so_does_a_missing_password(refused, postgres, database, monkeypatch):
    monkeypatch.delenv("PGPASSWORD")
    assert "no password supplied" in refused(postgres.url_of(SUPERUSER, database))


@pytest.mark.usefixtures("database")  # and the password for it
def test_so_does_a_missing_database(refused, postgres):
    assert 'database "elsewhere" does not exist' in refused(postgres.url_of(SUPERUSER, "elsewhere"))


def test_so_does_a_service_that_libpq_does_not_know(refused):
    assert 'definition of service "cx" not found' in refused("postgresql:///?service=cx")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:never@to@db/cx",
        "postgresql://ann:never/to@db/cx",
        "postgresql://ann:12/never@db/cx",
        "postgresql://ann:never?to@db/cx",
        "postgresql://ann:never/cx",
        "postgresql://ann:never@db/cx?sslnever=1",
        "ann:never@db/cx",
        "host=db password=never",
        "mysql://ann:never@db/cx",
        "",
    ],
)
def test_a_url_that_cannot_be_read_is_bad_usage_and_nothing_of_it_is_repeated(refused, url):
    assert "write postgresql://USER@HOST:PORT/DATABASE" in refused(url, code=2)


@pytest.mark.parametrize("url", ["postgresql://ann:never@to@db/cx", "never"])
def test_likewise_as_a_setting(said, monkeypatch, url):
    monkeypatch.setenv("FIRSTHAND_MIRROR", url)
    code, _, line = said("worker", "--kafka", NOBODY_HEARS, "--db", "x.duckdb")
    assert (code, "never" in line) == (1, False)
    assert "write postgresql://USER@HOST:PORT/DATABASE" in line


def test_without_its_extra_it_says_what_to_install_and_who_wants_no_mirror_needs_nothing(
    refused, monkeypatch
):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "pip install 'firsthand[mirror]'" in refused("postgresql://ann@db/cx")
    assert reached(None, Settings()) is None


def test_a_password_in_the_url_works_and_is_in_no_name(postgres, database, monkeypatch):
    monkeypatch.delenv("PGPASSWORD")
    target = Target(postgres.url_of(SUPERUSER, database, QUOTED))
    with target.connect() as con:
        assert con.info.dbname == database
    assert target.name == postgres.url_of(SUPERUSER, database)


def test_a_password_file_of_libpq_s_works(postgres, database, monkeypatch, tmp_path):
    monkeypatch.delenv("PGPASSWORD")
    file = tmp_path / "pgpass"
    file.write_text("*:*:*:*:" + PASSWORD.replace(":", "\\:"))
    file.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(file))
    Target(postgres.url_of(SUPERUSER, database)).connect().close()


def rights(postgres, database: str, *grants: str) -> str:
    """The URL of a new user, with these rights and no others."""
    user = f"user_of_{database}"
    postgres.run(f"create role {user} login password '{PASSWORD}'")
    for grant in grants:
        postgres.run(grant.format(user=user, database=database), database=database)
    return postgres.url_of(user, database)


def test_the_right_to_make_a_schema_is_all_that_its_user_needs(both, postgres, database):
    both.url = rights(postgres, database, "grant create on database {database} to {user}")
    both.take(HALF, START)
    both.bring_up_to_date()
    assert both.said == []


def test_or_a_schema_of_its_own(both, postgres, database):
    both.url = rights(postgres, database, "create schema firsthand authorization {user}")
    both.take(HALF, START)
    both.bring_up_to_date()
    assert both.said == []


@pytest.mark.parametrize(
    ("grants", "why"),
    [
        ((), "permission denied for database"),
        (("create schema firsthand",), "no schema has been selected"),
        (
            ("create schema firsthand", "grant usage on schema firsthand to {user}"),
            "permission denied for schema",
        ),
    ],
)
def test_without_either_it_ends_with_what_is_needed(both, postgres, database, grants, why):
    both.url = rights(postgres, database, *grants)
    with pytest.raises(MirrorError, match=f"{why}.*; let its user make schema firsthand"):
        both.mirror().start()


def test_a_user_who_may_only_read_the_mirror_cannot_keep_it(both, postgres, database):
    both.bring_up_to_date()
    grants = ("usage on schema firsthand", "select on all tables in schema firsthand")
    both.url = rights(postgres, database, *(f"grant {each} to {{user}}" for each in grants))
    with pytest.raises(MirrorError, match="permission denied for table mirror_state"):
        both.mirror().start()


def test_a_schema_with_other_tables_of_these_names_is_left_alone(both, postgres, database):
    postgres.run("create schema firsthand; create table firsthand.metrics (x int)", database=database)
    with pytest.raises(MirrorError, match=r'schema firsthand .* cannot be used .*"metrics" already exists'):
        both.mirror().start()
    with postgres.connect(database=database) as con:
        tables = con.execute("select count(*) from pg_class where relnamespace = 'firsthand'::regnamespace")
        assert tables.fetchone() == (1,)


def test_another_database_is_refused_and_the_same_one_goes_on(both, tmp_path):
    both.take(HALF, START)
    both.bring_up_to_date(history="")
    (tmp_path / "other").mkdir()
    with both.kept(history=""), mirrored(tmp_path / "other", both.url) as other:
        with pytest.raises(
            MirrorError, match=r"schema firsthand of .* mirrors another database: name another"
        ):
            other.mirror().start()
        other.take(HALF[:10], START)
        other.bring_up_to_date(history="", schema="another_one")
        assert other.said == []


def test_a_mirror_made_by_another_version_is_refused(both, postgres, database):
    both.bring_up_to_date()
    postgres.run("update firsthand.mirror_state set version = 2", database=database)
    with pytest.raises(MirrorError, match="was made by another version of firsthand: drop it"):
        both.mirror().start()


def test_a_database_in_another_encoding_is_refused(both, postgres, database):
    postgres.run(f"create database {database}_latin encoding 'LATIN1' template template0")
    both.url = postgres.url_of(SUPERUSER, f"{database}_latin")
    with pytest.raises(MirrorError, match="is not in UTF8"):
        both.mirror().start()


def test_two_never_write_at_once_and_the_second_goes_on_when_the_first_has_gone(both):
    both.take(HALF, START)
    with both.kept(history=""):
        second = both.mirror(history="")
        for _ in range(3):
            second.step()
        (line,) = both.said
        assert line.endswith(
            "is lost, and tried again until it is back: another worker writes to schema firsthand"
        )
    step(second)
    second._close()
    assert both.said[1:] == [f"the mirror {Target(both.url).name} is back"]


def test_the_recipe_of_the_readme_makes_a_reader_who_can_select_and_nothing_else(both, postgres, database):
    both.take(HALF, START)
    both.bring_up_to_date()
    (recipe,) = [block for block in blocks("postgresql") if "create role" in block]
    postgres.run(f"drop role if exists reader; {recipe.replace('...', PASSWORD)}", database=database)
    with postgres.connect("reader", database) as con:
        for view in ("metrics", "metrics_history", "metrics_over_time", "history_moments", "mirrored"):
            assert con.execute(f"select count(*) from firsthand.{view}").fetchone() is not None
        for forbidden in (
            "insert into firsthand.history_moments values ('7d', '2026-01-01', '2026-01-01', false)",
            "update firsthand.metrics_history set value = 1",
            "delete from firsthand.metrics_history",
            "truncate firsthand.metrics_history",
            "drop view firsthand.metrics",
            "create table firsthand.mine (x int)",
            "alter table firsthand.metrics_history add x int",
        ):
            with pytest.raises(
                (psycopg.errors.InsufficientPrivilege, psycopg.errors.ObjectNotInPrerequisiteState)
            ):
                con.execute(forbidden)
    postgres.run("drop owned by reader; drop role reader", database=database)
