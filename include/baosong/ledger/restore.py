"""Rebuilding a ledger from its change log and the records beside the objects, within one transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, String, bindparam, delete, func, insert, inspect, select, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from baosong.ledger import filing, migrations
from baosong.ledger.models import Base, History, PendingChange, Segment, Submission
from baosong.ledger.states import State
from baosong.ledger.submissions import insert_digests, move

Rows = dict[str, dict[tuple[Any, ...], dict[str, Any]]]
"""By table and key the fields of a row."""

LOGGED = ("receipt", "submission", "history", "edition", "announcement", "closing", "extension", "custody")
"""The tables that the change log holds, those first that others refer to."""
INDEPENDENT = ("receipt", "edition", "announcement", "extension", "custody")
"""Those whose rows are complete in one line, so that a segment is of use even if one before it is lost."""
DERIVED = ("indicator_value", "activity", "fingerprint")
"""The tables that follow from the figures of the sheets."""

_BATCH = 200
_ARRIVAL = ("campaign", "prefecture", "key", "identity", "arrival")
_TABLES = Base.metadata.tables
_OURS = {*_TABLES, "ledger_revision"}


def count(connection: Connection) -> dict[str, int]:
    """Return the number of rows of each table that is there, except those that only serve the change log."""
    there = [name for name in (*LOGGED, *DERIVED) if name in inspect(connection).get_table_names()]
    return {name: connection.scalar(select(func.count()).select_from(_TABLES[name])) or 0 for name in there}


def is_partial(connection: Connection) -> bool:
    """Return whether some of the tables are there and others are not."""
    there = set(inspect(connection).get_table_names()) & _OURS
    return bool(there) and not there >= set(_TABLES)


def foreign_tables(connection: Connection) -> list[str]:
    """Return the tables in the same schema that are not the ledger's."""
    return sorted(set(inspect(connection).get_table_names()) - _OURS)


def put_aside(connection: Connection) -> str:
    """Move the present tables to a schema of their own and return its name; nobody else can write until the end."""
    there = ", ".join(f'"{name}"' for name in inspect(connection).get_table_names())
    name = f"before_rebuild_{datetime.now(UTC):%Y%m%d_%H%M%S}"
    for statement in (f"LOCK TABLE {there}", f"ALTER SCHEMA public RENAME TO {name}", "CREATE SCHEMA public"):
        connection.execute(text(statement))
    return name


def begin(connection: Connection) -> None:
    """Make the tables where there are none; nobody else can write to them until the end."""
    make_schema(connection)
    migrations.upgrade(connection)
    connection.execute(text("LOCK TABLE submission, receipt, edition, announcement, closing, extension, custody, page"))


def make_schema(connection: Connection) -> None:
    """Make the schema where it went with all that was in it."""
    if "public" not in inspect(connection).get_schema_names():
        connection.execute(text("CREATE SCHEMA public"))


def merge(rows: Rows, lines: Iterable[Sequence[Any]], tables: Collection[str] = LOGGED) -> None:
    """Bring rows of these tables up to date with a segment's lines."""
    for _, table, row in lines:
        if table in tables:
            known, key = rows.setdefault(table, {}), tuple(row[name] for name in _key_of(table))
            known[key] = {**known.get(key, {}), **row}


def insert_rows(connection: Connection, rows: Rows) -> None:
    """Insert rows as they were, with their ids."""
    for table in LOGGED:
        in_order = [row for _, row in sorted(rows.get(table, {}).items())]
        for start in range(0, len(in_order), _BATCH):
            _insert(connection, table, in_order[start : start + _BATCH])


def _key_of(table: str) -> list[str]:
    return [column.name for column in _TABLES[table].primary_key]


def _insert(connection: Connection, table: str, rows: list[dict[str, Any]]) -> None:
    # PostgreSQL reads the JSON that it wrote itself, so that every type comes back as it was.
    into = f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_recordset(NULL::"{table}", :rows)'  # noqa: S608
    connection.execute(text(into).bindparams(bindparam("rows", rows, JSONB)))


def finish(session: Session, last_segments: Mapping[tuple[str, str], int]) -> None:
    """After all rows are in, insert what follows from them, set the sequences, and go on where the change log ends."""
    wanted = select(Submission).where(Submission.figures.is_not(None)).execution_options(yield_per=20)
    for row in session.scalars(wanted):
        states = set(session.scalars(select(History.after).where(History.submission_id == row.id)))
        if State.CHECKED in states:
            insert_digests(session, row)
        if State.ACCEPTED in states:
            filing.insert_figures(session, row)
    session.flush()
    for table in LOGGED:
        set_sequence(session, table)
    segments = [{"campaign": c, "prefecture": p, "number": number} for (c, p), number in last_segments.items()]
    if segments:
        session.execute(insert(Segment), segments)
    session.execute(delete(PendingChange))  # the triggers recorded what the change log holds already


def set_sequence(session: Session | Connection, table: str) -> None:
    """Let a table's next id follow the greatest that is there, if it has an id of its own."""
    if _key_of(table) != ["id"]:
        return
    top = f"SELECT setval(pg_get_serial_sequence(:name, 'id'), max(id)) FROM \"{table}\""  # noqa: S608 - our own names
    session.execute(text(top).bindparams(bindparam("name", f'"{table}"', String)))


def arrivals(session: Session) -> set[tuple[Any, ...]]:
    """Return what identifies each submission."""
    return {tuple(row) for row in session.execute(select(*(getattr(Submission, name) for name in _ARRIVAL)))}


def arrival_of(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what identifies a record's submission."""
    return tuple(record["origin" if name == "key" else name] for name in _ARRIVAL)


def salvage(session: Session, record: Mapping[str, Any], bucket: str, key: str) -> bool:
    """Restore a filed object that the change log lacks from the record beside it: decided anew, to be answered.

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
    insert_digests(session, session.get_one(Submission, number))
    state = filing.file(session, number, filing.Filed(record["sha256"], bucket, key, _moment(record["filed"])))
    if record.get("withdrawn") and state == State.ACCEPTED:
        move(session, session.get_one(Submission, number), State.WITHDRAWN, "已撤回，见归档记录")
    set_sequence(session, "submission")
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
