"""Writes docs/ledger.md from the ledger's models and states: `python -m baosong_local.tools.ledger_doc`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql

from baosong.ledger import TRANSITIONS
from baosong.ledger.models import Base
from baosong.ledger.schema import versions

_ROOT = Path(__file__).parents[3]
_TYPES = {"TIMESTAMP WITH TIME ZONE": "timestamptz", "NUMERIC(18, 2)": "numeric"}
_HEAD = """\
# The ledger

The PostgreSQL database that records every arrival: its state, findings, figures and receipts. This page is made by
`python -m baosong_local.tools.ledger_doc` from `include/baosong/ledger/models.py`, `states.py` and
`schema/versions/initial.sql`; do not edit it. [Decisions](decisions.md) says why it is built so.
"""
_STATES = """\
Of a submission. A held file is checked again when an operator has decided; a duplicate counts once the file that it
repeats is replaced. The database refuses every other way by itself.
"""
_TABLES = """\
`?` marks columns that may be empty. `slot` is the replacement key: a later file replaces the one with the same.
"""


def document() -> str:
    """Return the page as Markdown, with its pictures as Mermaid text."""
    mapped = [mapper.class_ for mapper in Base.registry.mappers]
    named = sorted((str(model.__tablename__), model.__name__, _first_sentence(model)) for model in mapped)
    rows = [f"| `{table}` | `{model}` | {meaning} |" for table, model, meaning in named]
    views = re.findall(r"^CREATE VIEW (\w+)", (_versions() / "initial.sql").read_text(encoding="utf-8"), re.M)
    return "\n".join(
        [
            *(_HEAD, "## States", "", _STATES, *_picture(_states()), ""),
            *("## Tables", "", "| Table | In the code | Holds |", "| --- | --- | --- |", *rows, ""),
            *(_TABLES, *_picture(_entities()), ""),
            *("## Views", "", f"For people's own queries: {', '.join(f'`{view}`' for view in views)}.", ""),
        ]
    )


def _versions() -> Path:
    return Path(inspect.getfile(versions)).parent


def _first_sentence(model: type[Base]) -> str:
    text = " ".join((inspect.getdoc(model) or "").split())
    return re.split(r"(?<=[^.]\.) (?=[A-Z`])", text)[0]


def _picture(lines: Iterator[str]) -> list[str]:
    return ["```mermaid", *lines, "```"]


def _states() -> Iterator[str]:
    yield "stateDiagram-v2"
    for before, ways in TRANSITIONS.items():
        for after in sorted(ways):
            yield f"    {before or '[*]'} --> {after}"
        if not ways:
            yield f"    {before} --> [*]"


def _entities() -> Iterator[str]:
    yield "erDiagram"
    tables = sorted(Base.metadata.tables.items())
    for name, table in tables:
        yield f"    {name} {{"
        yield from (f"        {_attribute(column)}" for column in table.columns)
        yield "    }"
    for _, table in tables:
        yield from _relations(table)


def _attribute(column: Column[object]) -> str:
    compiled = column.type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    keys = ["PK"] * column.primary_key + ["FK"] * bool(column.foreign_keys)
    mark = ' "?"' if column.nullable else ""
    return f"{_TYPES.get(compiled, compiled.lower())} {column.name} {', '.join(keys)}".rstrip() + mark


def _relations(table: Table) -> Iterator[str]:
    """Yield the arrows to what a table's rows refer to, at most one each; many rows may refer to the same."""
    for column in table.columns:
        for key in column.foreign_keys:
            one = "|o" if column.nullable else "||"
            yield f"    {key.column.table.name} {one}--o{{ {table.name} : {column.name}"


def main() -> None:
    """Write docs/ledger.md."""
    (_ROOT / "docs" / "ledger.md").write_text(document(), encoding="utf-8")


if __name__ == "__main__":
    main()
