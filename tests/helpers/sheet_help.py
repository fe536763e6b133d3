"""What the tests of sheets share: the campaign, a way to judge bytes through the front door, and one without it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from baosong.campaign import Campaign, Prefecture, load_campaign
from baosong.rules.findings import Checked, Finding, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.statistics import crosschecks
from baosong.validation.statistics.cells import Sheet, parse_address
from baosong.validation.statistics.gx import Failure, Validator
from baosong.validation.statistics.reader import read
from baosong.validation.statistics.structure import structure_findings
from baosong.validation.statistics.tables import find_tables
from baosong.validation.statistics.values import Values, normalise
from baosong_local.samples import dirt
from baosong_local.samples.sheets import SheetSample, make_sheet

CAMPAIGN = load_campaign(Path(__file__).parents[2] / "include" / "campaigns" / "2023.yaml")
URUMQI = CAMPAIGN.prefecture("6501")
TOTALS, LIST = CAMPAIGN.form.indicators.sheet, CAMPAIGN.form.activities.sheet
FIRST = 4  # the row of the first activity in the template

Edit = Callable[[dirt.Book], None]


@cache
def sample(code: str = "6501", seed: int = 1, activities: int | None = None) -> SheetSample:
    return make_sheet(CAMPAIGN, CAMPAIGN.prefecture(code), seed, activities=activities)


def judged(
    content: bytes, name: str = "统计表.xlsx", prefecture: Prefecture | None = URUMQI, campaign: Campaign = CAMPAIGN
) -> Checked:
    """Judge bytes as the pipeline does."""
    source = Source(name, len(content), lambda: io.BytesIO(content))
    return check(source, Kind.STATISTICS, campaign, prefecture)


def edited(*edits: Edit, base: SheetSample | None = None) -> dirt.Book:
    """Return the rows of a good sheet with edits made."""
    book = deepcopy(_rows((base or sample()).content))
    for edit in edits:
        edit(book)
    return book


@cache
def _rows(content: bytes) -> dirt.Book:
    return dirt.grids(content)


def put(sheet: str, cell: str, value: Any) -> Edit:
    """Return an edit that puts a value in a cell."""

    def edit(book: dirt.Book) -> None:
        row, column = parse_address(cell)
        rows = book[sheet]
        rows += [[] for _ in range(row + 1 - len(rows))]
        rows[row] += [None] * (column + 1 - len(rows[row]))
        rows[row][column] = value(rows[row][column]) if callable(value) else value

    return edit


def values_of(book: dirt.Book, campaign: Campaign = CAMPAIGN) -> Values:
    """Read rows without a file around them."""
    sheets = [Sheet(name, [list(row) for row in rows]) for name, rows in book.items()]
    tables = find_tables(sheets, campaign.form)
    return normalise(tables, read(tables, campaign.form), campaign)


def crossed(book: dirt.Book, prefecture: Prefecture | None = URUMQI) -> list[Finding]:
    """Return what reading, structure and cross checks say of rows, without file or expectations."""
    values = values_of(book)
    sheets = [t.sheet for t in (values.tables.indicators, values.tables.activities) if t]
    return [
        *structure_findings(b"", sheets, values, CAMPAIGN),
        *values.findings,
        *crosschecks.run(values, CAMPAIGN, prefecture),
    ]


def rules(findings: list[Finding]) -> list[tuple[str, str, str | None]]:
    """Return rule, severity and cell of each finding."""
    return [(f.rule.removeprefix("statistics."), f.severity.value, f.where.get("cell")) for f in findings]


def figures(checked: Checked) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Return the figures in a form that does not depend on where they stood."""
    assert checked.figures is not None, [f.message for f in checked.findings]
    indicators = {i["code"]: (i["total"], i["offline"], i["online"]) for i in checked.figures["indicators"]}
    keys = ("name", "category", "place", "start", "end", "form", "offline", "online", "funds", "major")
    return indicators, [tuple(a[k] for k in keys) for a in checked.figures["activities"]]


def read_back(book: dirt.Book) -> tuple[Any, ...]:
    """Return the values of rows in a form that does not depend on where they stood."""
    values = values_of(book)
    keys = ("name", "category", "place", "start", "end", "form", "offline", "online", "funds", "major")
    return values.indicators, list(zip(*(values.activities[k] for k in keys), strict=True))


def remembering(validator: type[Validator]) -> type[Validator]:
    """Return the validator with a memory: of equal columns and expectations it says again what it said."""
    known: dict[str, tuple[list[Failure], dict[str, Any]]] = {}

    class Remembering(validator):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            self.results = []

        def run(self, columns: dict[str, list[str | None]], expectations: Iterable[Any]) -> list[Failure]:
            asked = list(expectations)
            what = repr((columns, [(type(e).__name__, vars(e)) for e in asked]))
            if what not in known:
                judge = validator()
                known[what] = (judge.run(columns, asked), judge.results[-1])
            failures, results = known[what]
            self.results.append(dict(results))
            return list(failures)

    return Remembering
