"""The roles of production's databases: each reaches its own alone, and the running services may change rows alone.

That they may do all that their work needs is shown by each test that uses the ledger: its fixture is that role.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from baosong.ledger import Ledger
from baosong.ledger.models import Base
from baosong.ledger.privileges import require_owner
from baosong.rules.errors import CallError
from baosong_local import env_file
from ledger_help import arrival, received
from production_databases import Databases, production_databases

OWNERS = {"airflow": "airflow", "celery": "celery", "ledger": "ledger_owner"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases]:
    with production_databases(tmp_path_factory.mktemp("production")) as databases:
        databases.apply()
        migrate(databases)
        yield databases


def migrate(databases: Databases) -> None:
    """Do what airflow-init does."""
    url = databases.url("ledger_owner", databases.password("ledger_owner_db_password"))
    with closing(Ledger(url, retry_timeout=1)) as ledger:
        ledger.migrate()


def runtime(databases: Databases) -> Ledger:
    return Ledger(databases.url("ledger", databases.password("ledger_db_password")), retry_timeout=1)


FORBIDDEN = [
    *("DROP TABLE history", "DROP DATABASE ledger", "DROP SCHEMA public CASCADE", "DROP OWNED BY ledger_owner"),
    *("CREATE TABLE t ()", "CREATE SCHEMA s", "CREATE TEMP TABLE t ()", "CREATE DATABASE d", "CREATE ROLE r"),
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    *("ALTER TABLE submission DISABLE TRIGGER ALL", "ALTER TABLE submission OWNER TO ledger"),
    *("ALTER ROLE ledger SUPERUSER", "ALTER ROLE ledger_owner PASSWORD 'x'", "ALTER SYSTEM SET fsync = off"),
    *("SET ROLE ledger_owner", "SET session_replication_role = replica", "BEGIN; LOCK TABLE history"),
    *(f"TRUNCATE {table}" for table in Base.metadata.tables),
    *("UPDATE history SET note = ''", "DELETE FROM history", "DELETE FROM submission", "DELETE FROM receipt"),
    *("UPDATE extension SET deadline = now()", "UPDATE edition SET figures = '{}'", "DELETE FROM announcement"),
    *("UPDATE ledger_revision SET version_num = 'x'", "SELECT setval('submission_id_seq', 1)"),
    *("SELECT pg_read_file('/etc/passwd')", "SELECT pg_ls_dir('/')", "SELECT lo_import('/etc/passwd')"),
    *("COPY submission FROM '/etc/passwd'", "COPY submission TO '/tmp/x'", "COPY submission TO PROGRAM 'id'"),
    "SELECT rolpassword FROM pg_authid",
]


@pytest.mark.parametrize("role", ["airflow", "celery", "ledger_owner", "ledger"])
def test_a_role_reaches_its_own_database_and_no_other(made: Databases, role: str) -> None:
    databases = ("airflow", "celery", "ledger", "postgres", "template1")
    said = {name: made.refusal(role, made.password(f"{role}_db_password"), name) for name in databases}
    assert {name for name, why in said.items() if not why} == {role.removesuffix("_owner")}
    assert [why for why in said.values() if why and "does not have CONNECT privilege" not in why] == []


@pytest.mark.parametrize("role", sorted(OWNERS.values()))
def test_an_owner_makes_tables_in_its_database(made: Databases, role: str) -> None:
    (database,) = (name for name, owner in OWNERS.items() if owner == role)
    said = made.refusal(role, made.password(f"{role}_db_password"), database, "CREATE TABLE t (); DROP TABLE t")
    assert said == ""


def test_the_running_services_are_refused_whatever_is_not_a_row_of_their_work(made: Databases) -> None:
    said = {statement: refusal(made, statement) for statement in FORBIDDEN}
    refused = {s for s, why in said.items() if re.search("permission denied|must be (super|)(user|owner)", why)}
    assert {s: why for s, why in said.items() if s not in refused} == {}


def test_what_makes_tables_is_refused_to_the_services_in_words_that_name_the_container_and_not_to_the_owner(
    made: Databases,
) -> None:
    said = pytest.raises(CallError, match=r"没有改动.*docker compose run --rm airflow-init python -m baosong")
    with closing(runtime(made)) as ledger, ledger.engine.connect() as connection, said:
        require_owner(connection)
    url = made.url("ledger_owner", made.password("ledger_owner_db_password"))
    with closing(Ledger(url)) as ledger, ledger.engine.connect() as connection:
        require_owner(connection)


@pytest.mark.parametrize("role", ["airflow", "celery"])
def test_an_owner_owns_nothing_outside_its_database_and_rules_nobody(made: Databases, role: str) -> None:
    asked = [
        *("ALTER ROLE ledger PASSWORD 'x'", "CREATE DATABASE d", "CREATE ROLE r", "SET ROLE ledger_owner"),
        *("ALTER DATABASE ledger OWNER TO airflow", "SELECT rolpassword FROM pg_authid"),
        "COPY (SELECT 1) TO PROGRAM 'id'",
    ]
    said = {statement: made.refusal(role, made.password(f"{role}_db_password"), role, statement) for statement in asked}
    assert {s: why for s, why in said.items() if not re.search("permission denied|must be owner", why)} == {}
    owned = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = '{}'"
    assert [row[0] for row in made.server.execute(owned.format(role))] == [role]


def refusal(databases: Databases, statement: str) -> str:
    return databases.refusal("ledger", databases.password("ledger_db_password"), "ledger", statement)


def test_what_the_services_may_do_is_done_by_the_role_that_holds_their_password(made: Databases) -> None:
    with closing(runtime(made)) as ledger:
        number = received(ledger, arrival())
        ledger.withdraw(number, "x")
        assert [row.after for row in ledger.history(number)] == ["received", "withdrawn"]


def test_an_installation_whose_services_owned_the_ledger_goes_on_after_the_script_and_an_init(tmp_path: Path) -> None:
    with production_databases(tmp_path) as old:
        for statement in (
            f"CREATE ROLE ledger LOGIN PASSWORD '{old.password('ledger_db_password')}'",
            "CREATE DATABASE ledger OWNER ledger",
            "REVOKE CONNECT ON DATABASE ledger FROM PUBLIC",
        ):
            old.server.execute(statement)
        with closing(runtime(old)) as ledger:
            ledger.migrate()
            number = received(ledger, arrival())
        assert refusal(old, "CREATE TABLE t ()") == ""

        old.apply()
        migrate(old)

        with closing(runtime(old)) as ledger:
            assert ledger.submission(number).name == "a.jpg"
            assert received(ledger, arrival("b.jpg")) > number
            with ledger.engine.connect() as connection:
                owners = connection.execute(
                    text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
                )
                assert owners.scalars().all() == ["ledger_owner"]
        assert "permission denied" in refusal(old, "CREATE TABLE u ()")
        old.apply()  # and again, to no effect
        with closing(runtime(old)) as ledger:
            assert received(ledger, arrival("c.jpg")) > number


@pytest.mark.parametrize(
    ("role", "database"),
    [("airflow", "airflow"), ("celery", "celery"), ("ledger_owner", "ledger"), ("ledger", "ledger")],
)
def test_after_a_database_password_was_changed_the_new_one_opens_and_the_old_one_does_not(
    made: Databases, role: str, database: str
) -> None:
    secret = f"{role}_db_password"
    before = made.password(secret)
    env_file.rotate(made.env, secret)
    made.apply()

    assert made.refusal(role, made.password(secret), database) == ""
    assert "password authentication failed" in made.refusal(role, before, database)


def test_after_the_superusers_password_was_changed_the_new_one_opens_and_the_old_one_does_not(made: Databases) -> None:
    """Where it is asked for one: over the network, in production; here, in Airflow's database."""
    before = made.password("postgres_password")
    made.apply()
    assert made.refusal("postgres", before, "airflow") == ""
    env_file.rotate(made.env, "postgres_password")
    made.apply()

    assert made.refusal("postgres", made.password("postgres_password"), "airflow") == ""
    assert "password authentication failed" in made.refusal("postgres", before, "airflow")
