"""A ledger made again out of its journal and the records beside the objects, within one transaction of the caller."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from alembic import command
from sqlalchemy import Connection, String, bindparam, delete, func, insert, inspect, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from baosong.ledger import filing
from baosong.ledger.database import alembic
from baosong.ledger.models import Base, History, Page, Submission, Unwritten
from baosong.ledger.states import State
from baosong.ledger.submissions import note_fingerprints
from baosong.rules.findings import Finding

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""By table and key the fields of a row."""

TOLD = ("receipt", "submission", "history", "edition", "announcement", "custody")
"""The tables that the journal tells of, those first that others refer to."""
UNCHANGING = ("receipt", "edition", "announcement", "custody")
"""Those whose rows stand for themselves, so that a page can be used even if one before it is lost."""
DERIVED = ("indicator_value", "activity", "fingerprint")
"""The tables that follow from the figures of the sheets."""

_BATCH = 200
_ARRIVAL = ("campaign", "prefecture", "key", "identity", "arrival")
_TABLES = Base.metadata.tables
_OURS = {*_TABLES, "ledger_revision"}


def count(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table that is there, but for those that only serve the journal."""
    there = [name for name in (*TOLD, *DERIVED) if name in inspect(connection).get_table_names()]
    return {name: connection.scalar(select(func.count()).select_from(_TABLES[name])) or 0 for name in there}


def is_torn(connection: Connection) -> bool:
    """Return whether some of the tables are there and others are not."""
    there = set(inspect(connection).get_table_names()) & _OURS
    return bool(there) and not there >= set(_TABLES)


def strangers(connection: Connection) -> list[str]:
    """Return tables beside the ledger's that are somebody else's."""
    return sorted(set(inspect(connection).get_table_names()) - _OURS)


def put_aside(connection: Connection) -> str:
    """Move the present tables to a schema of their own and return its name; until the end nobody else can write."""
    there = ", ".join(f'"{name}"' for name in inspect(connection).get_table_names())
    name = f"before_rebuild_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    for statement in (f"LOCK TABLE {there}", f"ALTER SCHEMA public RENAME TO {name}", "CREATE SCHEMA public"):
        connection.execute(text(statement))
    return name


def begin(connection: Connection) -> None:
    """Make the tables where they are not; until the end nobody else can write to them."""
    if "public" not in inspect(connection).get_schema_names():
        connection.execute(text("CREATE SCHEMA public"))
    alembic(connection, command.upgrade, "head")
    connection.execute(text("LOCK TABLE submission, receipt, edition, announcement, custody, page"))


def merge(rows: Rows, lines: Iterable[Sequence[Any]], tables: Collection[str] = TOLD) -> None:
    """Bring rows of these tables up to date with a page's lines."""
    for _, table, row in lines:
        if table in tables:
            known, key = rows.setdefault(table, {}), tuple(row[name] for name in _key_of(table))
            known[key] = {**known.get(key, {}), **row}


def restore(connection: Connection, rows: Rows) -> None:
    """Put rows in as they were, with their ids."""
    for table in TOLD:
        in_order = [row for _, row in sorted(rows.get(table, {}).items())]
        for fields, same in groupby(in_order, key=sorted):
            alike = list(same)
            for start in range(0, len(alike), _BATCH):
                _put(connection, table, fields, alike[start : start + _BATCH])


def _key_of(table: str) -> list[str]:
    return [column.name for column in _TABLES[table].primary_key]


def _put(connection: Connection, table: str, fields: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Let PostgreSQL read the JSON that it wrote, so that every type comes back as it was."""
    names = ", ".join(f'"{name}"' for name in fields if name in _TABLES[table].columns)
    put = f'INSERT INTO "{table}" ({names}) SELECT {names} FROM jsonb_populate_recordset(NULL::"{table}", :rows)'  # noqa: S608 - our own names
    connection.execute(text(put).bindparams(bindparam("rows", list(rows), JSONB)))


def settle(session: Session, last_pages: Mapping[tuple[str, str], int]) -> None:
    """After all rows are in: lay out what follows from them, set the counters, and begin where the journal ends."""
    wanted = select(Submission).where(Submission.figures.is_not(None)).execution_options(yield_per=20)
    for row in session.scalars(wanted):
        been = set(session.scalars(select(History.after).where(History.submission_id == row.id)))
        if State.CHECKED in been:
            note_fingerprints(session, row)
        if State.ACCEPTED in been:
            filing.explode(session, row)
    session.flush()
    for table in TOLD:
        if _key_of(table) == ["id"]:
            top = f"SELECT setval(pg_get_serial_sequence(:name, 'id'), max(id)) FROM \"{table}\""  # noqa: S608
            session.execute(text(top).bindparams(bindparam("name", f'"{table}"', String)))
    places = [{"campaign": c, "prefecture": p, "number": number} for (c, p), number in last_pages.items()]
    if places:
        session.execute(insert(Page), places)
    session.execute(delete(Unwritten))


def arrivals(session: Session) -> set[tuple[Any, ...]]:
    """Return by what each submission is known."""
    return {tuple(row) for row in session.execute(select(*(getattr(Submission, name) for name in _ARRIVAL)))}


def arrival_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return by what a record's submission is known."""
    return tuple(record["origin" if name == "key" else name] for name in _ARRIVAL)


def salvage(
    session: Session, record: Mapping[str, Any], bucket: str, key: str, remark: Callable[[Submission], Finding]
) -> bool:
    """Take a filed object that the journal does not tell of from the record beside it: decided anew, to be answered.

    False for a file of a bundle that is not there itself: that lies in the intake still, with all that is in it.
    """
    bundle = record.get("bundle")
    if bundle is not None and session.get(Submission, bundle) is None:
        return False
    row = _row_of(record)
    if session.get(Submission, record["id"]) is not None:
        del row["id"]
    number = session.scalars(insert(Submission).returning(Submission.id), row).one()
    for at, before, after, note in (
        (row["received_at"], None, State.RECEIVED, "已收到"),
        (row["checked_at"], State.RECEIVED, State.CHECKED, "已校验"),
    ):
        session.add(History(submission_id=number, at=at, before=before, after=after, note=note))
    note_fingerprints(session, session.get_one(Submission, number))
    filing.file(session, number, filing.Filed(record["sha256"], bucket, key, _moment(record["filed"])), remark, None)
    session.execute(text("SELECT setval(pg_get_serial_sequence('submission', 'id'), max(id)) FROM submission"))
    return True


def _row_of(record: Mapping[str, Any]) -> dict[str, Any]:
    same = ("id", "kind", "slot", "folder", "name", "size", "etag", "version_id", "late")
    checked = ("verdict", "rules_version", "findings", "facts", "figures")
    row = {name: record[name] for name in (*same, *checked)}
    moments = {f"{name}_at": _moment(record[name]) for name in ("modified", "received", "checked")}
    row |= dict(zip(_ARRIVAL, arrival_of(record), strict=True))
    return {
        **row,
        **moments,
        "purged_at": _moment(record["purged"]) if "purged" in record else None,
        "bundle_id": record.get("bundle"),
        "member": record.get("member"),
        "state": State.CHECKED.value,
    }


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
