"""Finds the form's tables in a book by the fingerprint of their headers, wherever they stand and in whatever order.

A header may take two rows (a merged 参与人次 over 线下 and 线上), stand below a preamble, have columns moved or added.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from baosong.campaign.form import Column, Form
from baosong.validation.statistics.cells import Sheet
from baosong.validation.statistics.numbers import Raw, fold

HEADER_ROWS = 200  # a header further down than this is not looked for
LEAST = {"indicators": 3, "activities": 5}
_MARKS = re.compile(r"[\W_]+|必填|选填")
_BRACKETS = re.compile(r"[(\[【][^()\[\]【】]*[)\]】]")


@dataclass(frozen=True, slots=True, order=True)
class Heading:
    """A column that a name of the form may mean; of two the lesser is meant.

    `hidden` as nobody sees it, `loose` if brackets were left out, `above` if only the row above says so, `alias` if it
    is not the form's own label.
    """

    hidden: bool
    loose: bool
    above: bool
    alias: bool
    column: int
    text: str

    def equals(self, other: Heading) -> bool:
        """Return whether nothing but its place tells it from another."""
        return (self.loose, self.above, self.alias) == (other.loose, other.above, other.alias)


@dataclass(slots=True)
class Table:
    """A table found: its header's first row, the rows of its data, and the column of each name of the form.

    `rivals` are the columns of a name that several could mean, the one that is taken first.
    """

    sheet: Sheet
    kind: str
    header: int
    first: int
    end: int
    columns: dict[str, int]
    labels: dict[str, str]
    rivals: dict[str, list[Heading]]

    def raw(self, row: int, name: str) -> Raw:
        """Return the raw value of a named column, None where the table has no such column."""
        column = self.columns.get(name)
        return None if column is None else self.sheet.value(row, column)


@dataclass(slots=True)
class Tables:
    """The tables chosen for the form's two parts, and those that looked the same and were left aside."""

    indicators: Table | None
    activities: Table | None
    spare: list[Table]


class Headings:
    """What the header of one kind of table may say: its spellings, and which of them are the form's own labels."""

    def __init__(self, kind: str, columns: Sequence[Column]) -> None:
        self.kind, self.size = kind, len(columns)
        self.own = {key(c.label) for c in columns}
        self.spelled = [
            (spell, {spell(label): c.name for c in reversed(columns) for label in reversed(c.labels)})
            for spell in (key, short_key)
        ]


@lru_cache(maxsize=20_000)
def key(text: str) -> str:
    """Return what two spellings of one label have in common: no width, spaces, punctuation or 必填 marks."""
    return _MARKS.sub("", fold(text)).lower()


@lru_cache(maxsize=20_000)
def short_key(text: str) -> str:
    """Return the key of a label without what stands in brackets: 经费（万元） and 经费 are one."""
    return key(_BRACKETS.sub("", fold(text)))


def find_tables(sheets: Sequence[Sheet], form: Form) -> Tables:
    """Return the best table for each part: on a visible sheet, on the sheet the form names, with the most rows."""
    kinds = [Headings("indicators", form.indicators.columns), Headings("activities", form.activities.fields)]
    found = [t for sheet in sheets for t in _tables_of(sheet, kinds)]
    indicators = _best(found, "indicators", form.indicators.sheet)
    activities = _best(found, "activities", form.activities.sheet)
    spare = [t for t in found if t is not indicators and t is not activities and t.end > t.first]
    return Tables(indicators, activities, spare)


def _best(found: Iterable[Table], kind: str, sheet: str) -> Table | None:
    candidates = [t for t in found if t.kind == kind]
    if not candidates:
        return None
    return max(candidates, key=lambda t: (not t.sheet.hidden, key(t.sheet.name) == key(sheet), t.end - t.first))


def _tables_of(sheet: Sheet, kinds: list[Headings]) -> list[Table]:
    tables: list[Table] = []
    row, end = sheet.top, min(sheet.end, sheet.top + HEADER_ROWS)
    while row < end:
        table = _table_at(sheet, row, kinds)
        if table is None or any(t.kind == table.kind for t in tables):
            row += 1  # the same header again is a page's repeated head: the reader skips it
            continue
        if tables:
            tables[-1].end = row
        tables.append(table)
        row = table.first
    return tables


def _table_at(sheet: Sheet, row: int, kinds: list[Headings]) -> Table | None:
    upper = _texts(sheet, row)
    if sum(bool(t) for t in upper) < 2:
        return None
    best: Table | None = None
    for headings in kinds:
        table = _match(sheet, row, headings, upper)
        if table and (best is None or len(table.columns) > len(best.columns)):
            best = table
    return best


def _match(sheet: Sheet, row: int, headings: Headings, upper: list[str]) -> Table | None:
    kind = headings.kind
    hidden = set(sheet.hidden_columns)
    one = _columns([[t] for t in upper], headings, hidden)
    two = _columns(_stacked(upper, _texts(sheet, row + 1)), headings, hidden) if "name" in one else {}
    height = 2 if len(two) > len(one) else 1
    found = two if height == 2 else one
    if len(found) < LEAST[kind] or ("name" not in found and len(found) < headings.size * 2 // 3):
        return None
    return _table(sheet, kind, row, row + height, found)


def _table(sheet: Sheet, kind: str, header: int, first: int, found: dict[str, list[Heading]]) -> Table:
    found = {name: _filled_first(sheet, first, those) for name, those in found.items()}
    labels = {name: those[0].text for name, those in found.items()}
    columns = {name: those[0].column for name, those in found.items()}
    rivals = {name: those for name, those in found.items() if those[1:]}
    return Table(sheet, kind, header, first, sheet.end, columns, labels, rivals)


def _filled_first(sheet: Sheet, first: int, those: list[Heading]) -> list[Heading]:
    """Return columns of one name with the blank ones last that nothing else tells from the others."""
    if not those[1:]:
        return those

    def is_blank(column: int) -> bool:
        return all(sheet.value(r, column) is None and (r, column) not in sheet.uncached_formulas for r in rows)

    rows = range(first, sheet.end)
    equal = [h for h in those if h.hidden == those[0].hidden and h.equals(those[0])]
    return [*sorted(equal, key=lambda h: (is_blank(h.column), h)), *those[len(equal) :]]


def _texts(sheet: Sheet, row: int) -> list[str]:
    if not sheet.top <= row < sheet.end:
        return []
    return [v if isinstance(v, str) else "" for v in sheet.rows[row - sheet.top]]


def _stacked(upper: list[str], lower: list[str]) -> list[list[str]]:
    """Return each column's possible labels where a second row of headings stands below the first."""
    width = max(len(upper), len(lower))
    upper, lower = upper + [""] * (width - len(upper)), lower + [""] * (width - len(lower))
    stacked, above = [], ""
    for top, below in zip(upper, lower, strict=True):
        above = top or above
        stacked.append([below, above + below, below + above, top] if below else [top])
    return stacked


def _columns(candidates: list[list[str]], headings: Headings, hidden: set[int]) -> dict[str, list[Heading]]:
    """Return the columns that each name may mean, the one that it means first.

    What a column says exactly it says before what is left of it without brackets.
    """
    found: dict[str, list[Heading]] = {}
    taken: set[int] = set()
    for loose, (spell, wanted) in enumerate(headings.spelled):
        for at, texts in enumerate(candidates):
            said = next(((i, t) for i, t in enumerate(texts) if t and spell(t) in wanted), None)
            if said is None or at in taken:
                continue
            taken.add(at)
            alias = key(said[1]) not in headings.own
            heading = Heading(at in hidden, bool(loose), said[0] > 2, alias, at, next(filter(None, texts)))
            found.setdefault(wanted[spell(said[1])], []).append(heading)
    return {name: sorted(those) for name, those in found.items()}
