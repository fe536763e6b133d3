"""Which rows of the activity list are activities, which are none, and which nobody can tell.

None are blanks, drop-downs dragged down, sections, repeated heads, totals (by their word or because they repeat the
list's sums), end marks, notes and signatures. A row that is none of these and has too little for an activity is
unclear.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from baosong.campaign.form import Form
from baosong.validation.statistics.aside_words import NUMBERING, AsideWords
from baosong.validation.statistics.numbers import NONES, NumberKind, Raw, as_text, fold, parse_number
from baosong.validation.statistics.tables import Table, key

LONGEST_HEADING = 12
LEAST_SUMMED = 2  # one row that equals another may be a second activity


@dataclass(frozen=True, slots=True)
class UnclearRow:
    """Rows, the first to the last, of which each may be an activity or not, and the labels of what they have and lack.

    `column` is where the first of them begins.
    """

    row: int
    last: int
    column: int
    filled: tuple[str, ...]
    missing: tuple[str, ...]


@dataclass(slots=True)
class ListRows:
    """The rows of a list, counted from 0: its activities, and what nobody can tell from one."""

    activities: list[int]
    unclear: list[UnclearRow]


@dataclass(frozen=True, slots=True)
class _Shape:
    """The form's fields by what they tell of a row: their columns from the left, the units of figures, and names.

    `solid` are those that nobody fills in unless there was an activity, `quick` those that nearly every activity has.
    """

    columns: dict[str, int]
    figures: dict[str, str]
    chosen: frozenset[str]
    solid: tuple[str, ...]
    quick: tuple[int, ...]


@dataclass(slots=True)
class _Row:
    """What stands in a row: texts by field, numbers above 0 by field, how many drop-downs, a section's number."""

    row: int
    words: dict[str, str]
    figures: dict[str, Decimal]
    chosen: int
    headed: bool

    @property
    def lead(self) -> str:
        """Return the first text, "" where there are only numbers and drop-downs."""
        return next(iter(self.words.values()), "")


def list_rows(table: Table, form: Form) -> ListRows:
    """Return what the rows below the list's header are."""
    judge = _Judge(table, form)
    found: list[int] = []
    doubtful: list[_Row] = []
    for row, cells in enumerate(
        table.sheet.rows[table.first - table.sheet.top : table.end - table.sheet.top], table.first
    ):
        if judge.is_plainly_one(cells):
            found.append(row)
        elif any(value not in (None, "") for value in cells):
            profile = judge.profile(row)
            if judge.is_activity(profile):
                found.append(row)
            else:
                doubtful.append(profile)
    return ListRows(found, judge.unclear_of(doubtful, found) if doubtful else [])


def _shape(table: Table, form: Form) -> _Shape:
    fields = {f.name: f for f in form.activities.fields if f.name in table.columns}
    quick = [table.columns.get(name, -1) for name in ("name", "category", "start", "offline")]
    return _Shape(
        columns=dict(sorted(((n, table.columns[n]) for n in fields), key=lambda item: item[1])),
        figures={n: f.unit for n, f in fields.items() if f.type in ("integer", "decimal")},
        chosen=frozenset(n for n, f in fields.items() if f.type in ("choice", "yes_no")),
        solid=tuple(n for n, f in fields.items() if f.required and f.type in ("text", "date") and n != "name"),
        quick=tuple(quick) if min(quick) >= 0 else (),
    )


def _name_spans(table: Table) -> dict[int, Raw]:
    """Return the name that each row shares with a row above it, where both are merged."""
    column = table.columns.get("name", -1)
    return {
        row: table.sheet.value(top, left)
        for (top, left), (bottom, right) in table.sheet.merged
        if left <= column <= right
        for row in range(max(top, table.first) + 1, min(bottom + 1, table.end))
    }


class _Judge:
    """Says what each row of a list is."""

    def __init__(self, table: Table, form: Form) -> None:
        self.table, self.form = table, form
        self.shape, self.words, self.spans = _shape(table, form), aside_words(form), _name_spans(table)
        self.names = {key(label) for label in form.by_field["name"].labels}
        sheet = table.sheet
        above = (v for row in sheet.rows[: table.first - sheet.top] for v in row if isinstance(v, str))
        labels = (label for f in form.activities.fields for label in f.labels)
        self.heads = {key(text) for text in (*above, *labels)} - {""}

    def is_plainly_one(self, cells: Sequence[Raw]) -> bool:
        """Return whether a row has name, category, day and figure, as nearly all have: the rest is for the others."""
        quick = self.shape.quick
        if not quick or max(quick) >= len(cells) or any(cells[c] is None or cells[c] == "" for c in quick):
            return False
        name = cells[quick[0]]
        if not isinstance(name, str) or len(name) > LONGEST_HEADING:
            return True
        return key(name) not in self.names and name not in NONES

    def profile(self, row: int) -> _Row:
        """Return what stands in a row; what only says that there is nothing does not count."""
        profile = _Row(row, {}, {}, 0, False)
        for name, column in self.shape.columns.items():
            value = self.table.sheet.value(row, column)
            if name == "name" and value is None:
                value = self.spans.get(row)
            text = as_text(value)
            if text and fold(text) not in NONES:
                self._add(profile, name, value, text)
        return profile

    def _add(self, profile: _Row, name: str, value: Raw, text: str) -> None:
        if name in self.shape.chosen and not self.words.is_total(text):
            profile.chosen += 1
        elif name == "number" and NUMBERING.fullmatch(fold(text[:20])):
            profile.headed = not any(c.isdecimal() for c in fold(text[:20]))
        elif name in self.shape.figures:
            number = parse_number(value, self.shape.figures[name])
            if number.kind is NumberKind.INVALID:
                profile.words[name] = text
            elif number.value:
                profile.figures[name] = number.value
        else:
            profile.words[name] = text

    def is_activity(self, row: _Row) -> bool:
        """Return whether a row has enough of what only an activity has, whatever its first word."""
        if self._is_head(row):
            return False
        solid = len(self._solid(row)) + bool(row.figures)
        if "name" not in row.words:
            return solid >= 3
        if self.words.is_fixed(row.words["name"]):
            return solid >= 2 and row.chosen >= 2
        return solid >= 2 or (solid == 1 and row.chosen >= 2)

    def unclear_of(self, rows: Iterable[_Row], activities: list[int]) -> list[UnclearRow]:
        """Return those of the rows that are no activities, but not plainly none either; neighbours alike are one."""
        sums = _Sums(self.table, self.shape.figures, activities)
        counties = {key(as_text(self.table.raw(row, "county"))) for row in activities}
        last, below = max(activities, default=-1), False
        unclear: list[UnclearRow] = []
        for row in rows:
            below = below or (row.row > last and self.words.ends_the_list(row.lead))
            if self._is_aside(row, counties, sums) or (below and not row.figures):
                continue
            found = self._unclear(row)
            if unclear and (unclear[-1].last, unclear[-1].filled) == (row.row - 1, found.filled):
                found = replace(unclear.pop(), last=row.row)
            unclear.append(found)
        return unclear

    def _solid(self, row: _Row) -> list[str]:
        return [n for n in self.shape.solid if n in row.words and not self.words.is_any(row.words[n])]

    def _is_head(self, row: _Row) -> bool:
        same = sum(key(text) in self.heads for text in row.words.values())
        return same > 0 and not row.figures and same * 3 >= len(row.words) * 2

    def _is_aside(self, row: _Row, counties: set[str], sums: _Sums) -> bool:
        if self._is_head(row) or self._is_told_by_its_words(row):
            return True
        heads = row.headed or self.words.is_section(row.lead) or key(row.lead) in counties
        if row.figures:
            return (heads or not row.words) and sums.repeat(row)
        if len(row.words) > 1:
            return False
        if "name" not in row.words:  # drop-downs dragged down, or a word beside the list
            return not (row.chosen and self._solid(row))
        return heads

    def _is_told_by_its_words(self, row: _Row) -> bool:
        """Return whether a row's words are a total's, a note's, a signature's, and nothing speaks for an activity."""
        if self.words.is_fixed(row.lead) and row.words:
            return True
        if self._solid(row):
            return False
        texts = list(row.words.values())
        return bool(texts) and (
            self.words.is_any(texts[0])
            or any(self.words.is_total(text) for text in texts)
            or (not row.figures and all(self.words.is_any(text) for text in texts))
        )

    def _unclear(self, row: _Row) -> UnclearRow:
        filled = [n for n in self.shape.columns if n in row.words or n in row.figures]
        fields = [f for f in self.form.activities.fields if f.name in self.shape.columns]
        return UnclearRow(
            row.row,
            row.row,
            self.shape.columns[filled[0]],
            tuple(f.label for f in fields if f.name in filled),
            tuple(f.label for f in fields if f.required and self.table.raw(row.row, f.name) is None),
        )


class _Sums:
    """The running sums of a list, to know a row that only repeats what stands above or below it."""

    def __init__(self, table: Table, figures: dict[str, str], activities: list[int]) -> None:
        self.table, self.units, self.activities = table, figures, activities
        self.known: dict[tuple[str, ...], list[tuple[Decimal, ...]]] = {}
        self.ends: dict[tuple[str, ...], dict[tuple[Decimal, ...], tuple[int, int]]] = {}

    def repeat(self, row: _Row) -> bool:
        """Return whether a row's figures are the sums of the activities just above it, or just below."""
        people: tuple[str, ...] = tuple(n for n in row.figures if n in ("offline", "online"))
        fields = people or tuple(row.figures)
        if not fields or not self.activities:
            return False
        running = self._running(fields)
        at, own = bisect_left(self.activities, row.row), [row.figures[n] for n in fields]
        least = min(LEAST_SUMMED, len(self.activities))
        ends = self.ends[fields]
        above = ends.get(tuple(a - b for a, b in zip(running[at], own, strict=True)))
        below = ends.get(tuple(a + b for a, b in zip(running[at], own, strict=True)))
        return bool((above and at - above[0] >= least) or (below and below[1] - at >= least))

    def _running(self, fields: tuple[str, ...]) -> list[tuple[Decimal, ...]]:
        """Return the sums of the first 0, 1, 2 ... activities; `ends` gets the first and last place of each."""
        if fields in self.known:
            return self.known[fields]
        total = (Decimal(0),) * len(fields)
        running = [total]
        for row in self.activities:
            figures = (parse_number(self.table.raw(row, n), self.units[n]).value or Decimal(0) for n in fields)
            total = tuple(a + b for a, b in zip(total, figures, strict=True))
            running.append(total)
        places = self.ends[fields] = {}
        for at, sums in enumerate(running):
            places[sums] = (places.get(sums, (at, at))[0], at)
        self.known[fields] = running
        return running


@lru_cache(maxsize=8)
def _compiled(*words: tuple[str, ...]) -> AsideWords:
    return AsideWords(*words)


def aside_words(form: Form) -> AsideWords:
    """Return the form's words for what stands in a list beside its activities."""
    aside, category = form.activities.aside, form.by_field["category"]
    signatures = (*aside.signatures, *(label for c in form.signatures for label in c.labels))
    sections = (*category.choices, *category.synonyms)
    return _compiled(aside.ends, aside.totals, aside.notes, signatures, aside.places, sections)
