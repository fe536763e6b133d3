"""What a case of the corpus is, and the shortest ways to write one down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from baosong.rules.findings import Finding, Verdict
from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book, column_of, row_of
from sheet_help import Edit, put

Make = Callable[[], bytes]
Written = Callable[[dirt.Book], bytes]


@dataclass(frozen=True)
class Case:
    """A sheet and all that must be said of it: `found` holds `severity rule sheet!cell`, nothing more and nothing less.

    Of an accepted sheet `changed` and `activities` say where its figures differ from the good sheet's: by code, a
    total or (合计, 线下, 线上), () for a row that is gone; by the good sheet's row and the field. `check` names the
    cross check whose limit the case tries.
    """

    name: str
    make: Make
    found: tuple[str, ...] = ()
    verdict: Verdict = Verdict.ACCEPTED
    file: str = "统计表.xlsx"
    changed: dict[str, Any] = field(default_factory=dict)
    activities: dict[tuple[int, str], Any] = field(default_factory=dict)
    prefecture: str = "6501"
    check: str = ""


def accepted(name: str, make: Make, *found: str, **more: Any) -> Case:
    """Return a case that is accepted, with these remarks."""
    return Case(name, make, found, **more)


def rejected(name: str, make: Make, *found: str, **more: Any) -> Case:
    """Return a case that is sent back, with these findings."""
    return Case(name, make, found, Verdict.REJECTED, **more)


def held(name: str, make: Make, **more: Any) -> Case:
    """Return a case that waits for a human for its classification mark."""
    return Case(name, make, ("error file.classified",), Verdict.HELD, **more)


def sheet(*edits: Edit, write: Written = dirt.written) -> Make:
    """Return a maker of the good sheet with edits made, written as plain xlsx or by another writer."""
    return lambda: write(base_book(*edits))


def total(code: str, *amounts: Any) -> Edit:
    """Return an edit that gives an indicator its 合计, or 合计, 线下 and 线上."""

    def edit(book: dirt.Book) -> None:
        for column, amount in zip("DEF", amounts, strict=False):
            put(TOTALS, f"{column}{row_of(code)}", amount)(book)

    return edit


def cell(name: str, row: int, value: Any) -> Edit:
    """Return an edit that puts a value in a field of the list, by the sheet's row."""
    return put(LIST, f"{column_of(name)}{row}", value)


def said(finding: Finding) -> str:
    """Return a finding as cases spell it."""
    rule = finding.rule.removeprefix("statistics.")
    where = finding.where
    place = f" {where['sheet']}" + (f"!{where['cell']}" if "cell" in where else "") if "sheet" in where else ""
    return f"{finding.severity.value} {rule}{place}"
