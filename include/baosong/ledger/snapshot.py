"""The whole ledger as lines of JSON, exactly as PostgreSQL writes its rows, and back into empty tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby, islice

from sqlalchemy import Connection, Engine, delete, text

from baosong.ledger import migrations, restore
from baosong.ledger.models import UNFINISHED, Base, PendingChange

Line = tuple[str, str]
"""A table's name, and one of its rows in PostgreSQL's own JSON: read by Python its figures would lose digits."""

_BATCH = 200
_SAME = "etag = :etag, modified_at = :modified, version_id = :version"
_RELIST = (
    f"UPDATE submission SET identity = :identity, {_SAME} WHERE key = :key AND identity = :before AND {UNFINISHED}"  # noqa: S608
)
_RELIST_MEMBERS = f"""
    UPDATE submission SET identity = :identity || right(identity, -length(:before)), {_SAME},
        member = jsonb_set(member, '{{object,identity}}', to_jsonb(CAST(:identity AS text)))
    WHERE member #>> '{{object,key}}' = :key AND member #>> '{{object,identity}}' = :before AND {UNFINISHED}
"""  # noqa: S608 - our own words


def take(engine: Engine) -> Iterator[Line]:
    """Yield first the schema's revision under the name "revision", then all rows as they were at one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ", stream_results=True) as connection:
        yield "revision", connection.execute(text("SELECT version_num FROM ledger_revision")).scalar_one()
        for table in Base.metadata.sorted_tables:
            key = ", ".join(f'"{column.name}"' for column in table.primary_key)
            rows = f'SELECT to_jsonb(the_row)::text FROM "{table.name}" the_row ORDER BY {key}'  # noqa: S608 - our own names
            yield from ((table.name, row) for row in connection.execute(text(rows)).scalars())


def load(connection: Connection, lines: Iterable[Line]) -> int:
    """Put back what `take` gave into an empty or absent ledger and return the number of rows.

    The tables are made as they were then and brought up to date afterwards, so that a backup of an earlier version
    can be restored. Nobody else can write until the caller's transaction ends.
    """
    lines = iter(lines)
    _, revision = next(lines)
    restore.make_schema(connection)
    migrations.downgrade(connection)
    migrations.upgrade(connection, revision)
    pending: list[Line] = []
    rows = 0
    for table, of_table in groupby(lines, key=lambda line: line[0]):
        if table == PendingChange.__tablename__:
            pending = list(of_table)
            continue
        rows += _insert(connection, table, of_table)
    connection.execute(delete(PendingChange))  # the triggers noted as new what the change log holds already
    rows += _insert(connection, PendingChange.__tablename__, pending)
    migrations.upgrade(connection)
    return rows


def relist(connection: Connection, key: str, before: str, now: tuple[str, str, datetime, str | None]) -> None:
    """Let what waits for an object mean the same bytes that were put back: `now` is its identity, ETag, time, version.

    Files of a bundle wait for the bundle. When they were received does not change.
    """
    names = ("identity", "etag", "modified", "version")
    values = {"key": key, "before": before, **dict(zip(names, now, strict=True))}
    for statement in (_RELIST, _RELIST_MEMBERS):
        connection.execute(text(statement), values)


def _insert(connection: Connection, table: str, lines: Iterable[Line]) -> int:
    lines, inserted = iter(lines), 0
    into = f'INSERT INTO "{table}" SELECT * FROM jsonb_populate_recordset(NULL::"{table}", CAST(:rows AS jsonb))'  # noqa: S608
    while batch := [row for _, row in islice(lines, _BATCH)]:
        connection.execute(text(into), {"rows": f"[{','.join(batch)}]"})
        inserted += len(batch)
    if inserted:
        restore.set_sequence(connection, table)
    return inserted
