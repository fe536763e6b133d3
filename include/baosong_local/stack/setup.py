"""Migrate both databases; skipped when nothing has changed since the last time, because it costs seconds."""

from __future__ import annotations

import hashlib
import logging
import subprocess
import sys
from collections.abc import Mapping

import psycopg2

from baosong.store.settings import PROJECT
from baosong_local.stack import airflow, process
from baosong_local.stack.layout import Layout
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import Program
from baosong_local.stack.state import StackError

_LOG = logging.getLogger(__name__)
_LEDGER = "import os; from baosong.ledger import Ledger; Ledger(os.environ['BAOSONG_LEDGER_URL']).migrate()"
_TIMEOUT = 180.0


def prepare_databases(layout: Layout, postgres: Postgres, env: Mapping[str, str], *, with_airflow: bool = True) -> None:
    """Make and migrate the databases, and Airflow's pools. StackError if a migration fails."""
    postgres.ensure_databases()
    due = {name: mark for name, mark in _marks(with_airflow).items() if _mark_of(postgres, name) != mark}
    running = {name: (p := _migration(name, layout, env), process.start(p)) for name in due}
    for name, (program, child) in running.items():
        try:
            failed = child.wait(_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.stop(child, program.stop, 1)
            failed = 1
        if failed:
            raise StackError(f"数据库 {name} 升级失败，原因见 {program.log}。")
        if name == "airflow":
            _make_pools(postgres)
            # Airflow's own bookkeeping may lose its last half second in a power cut; the ledger never does.
            postgres.execute("ALTER DATABASE airflow SET synchronous_commit = off")
        postgres.execute(f"COMMENT ON DATABASE {name} IS '{due[name]}'")


def _marks(with_airflow: bool) -> dict[str, str]:
    """Return, for each database, a word that changes whenever its tables must."""
    schema = (PROJECT / "include/baosong/ledger/schema").rglob("*")
    revisions = sorted(p.read_bytes() for p in schema if p.suffix in (".py", ".sql"))
    ledger = hashlib.sha256(b"\0".join(revisions)).hexdigest()[:16]
    return {"ledger": ledger, **({"airflow": airflow.version()} if with_airflow else {})}


def _mark_of(postgres: Postgres, database: str) -> object:
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    return postgres.execute(query, database)[0][0]


def _migration(name: str, layout: Layout, env: Mapping[str, str]) -> Program:
    if name == "airflow":
        return airflow.migration(layout, env)
    return Program("migration", [sys.executable, "-c", _LEDGER], layout.home, layout.log("migration"), env)


def _make_pools(postgres: Postgres) -> None:
    """Make the pools that do not exist; an operator's own sizes stay."""
    statement = (
        "INSERT INTO slot_pool (pool, slots, description, include_deferred) "
        "VALUES (%s, %s, %s, false) ON CONFLICT (pool) DO NOTHING"
    )
    for name, (slots, description) in airflow.POOLS.items():
        postgres.execute(statement, name, slots, description, database="airflow")


def mark_job_dead(postgres: Postgres, component: str) -> None:
    """Mark a component's last job as failed in Airflow's database, so that the next one takes over its work at once.

    By itself Airflow notices a killed process only when its heartbeat is 20 s old, and looks every 15 s; until then
    the tasks that it ran count as running, and their DAG run blocks every later one.
    """
    job = airflow.JOBS.get(component)
    if job is None:
        return
    ended = "UPDATE job SET state = 'failed', end_date = now() WHERE state = 'running' AND job_type = %s"
    try:
        postgres.execute(ended, job, database="airflow")
    except psycopg2.Error as error:  # then Airflow finds out by itself, later
        _LOG.warning("the last job of %s is not marked as failed: %s", component, error)
