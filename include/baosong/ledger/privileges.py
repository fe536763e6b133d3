"""What the running services may do in a ledger whose tables belong to another role: to rows, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, inspect, text

from baosong.ledger.models import Base
from baosong.rules.errors import CallError

ROLE = "ledger"
"""The role of the running services in production (include/production/databases.sql)."""

# All tables can be read and added to. What happened stays as it was written, but in these:
_CHANGED = (
    "submission", "receipt", "work_queue", "expected", "closing", "page", "custody", "intake_limit", "notification",
)  # fmt: skip
_EMPTIED = ("work_queue", "expected", "unwritten", "notification")

_MAY_DEFINE = "SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()"

_NOT_THE_OWNER = (
    "这个命令要新建台账的表，而这里的数据库账号只能读写台账里的行，没有改动。"
    "正式部署请运行：docker compose run --rm airflow-init python -m baosong 命令"
)


def grant(connection: Connection) -> None:
    """Give `ROLE` what the services need, where there is such a role and the tables are not its own."""
    other = "SELECT FROM pg_roles WHERE rolname = :role AND rolname <> current_user"
    if connection.execute(text(other), {"role": ROLE}).first() is None:
        return
    there = [*inspect(connection).get_table_names(), *inspect(connection).get_view_names()]
    here = "IN SCHEMA public"
    for statement in (
        f"REVOKE ALL ON ALL TABLES {here} FROM {ROLE}",
        f"GRANT USAGE ON SCHEMA public TO {ROLE}",
        f"GRANT SELECT ON ALL TABLES {here} TO {ROLE}",
        f"GRANT USAGE ON ALL SEQUENCES {here} TO {ROLE}",
        *_on("INSERT", Base.metadata.tables, there),
        *_on("UPDATE", _CHANGED, there),
        *_on("DELETE", _EMPTIED, there),
    ):
        connection.execute(text(statement))


def require_owner(connection: Connection) -> None:
    """Raise CallError unless the connection's role may make and drop the ledger's tables."""
    if not connection.scalar(text(_MAY_DEFINE)):
        raise CallError(_NOT_THE_OWNER)


def _on(privilege: str, tables: Iterable[str], there: list[str]) -> Iterable[str]:
    """Yield the statement for those that there are at the schema's present revision."""
    if named := ", ".join(f'"{table}"' for table in tables if table in there):
        yield f"GRANT {privilege} ON {named} TO {ROLE}"
