"""The form's checks that look beyond the file, at what else was sent: only the ledger knows that.

They are asked of files that were found good, when they are put away; offline there is no ledger, and nothing is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from typing import Any, NamedTuple

from baosong.campaign import Campaign
from baosong.campaign.form import CrossCheck
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Kind, Where
from baosong.validation.documents.quotes import Quote
from baosong.validation.statistics.crosschecks import worded
from baosong.validation.statistics.numbers import format_decimal

FEWEST_OTHERS = 3  # a median of fewer sheets says nothing of a region
REPORT_DIFFERS, SAME_PICTURE = "report.sheet_differs", "photo.same_picture"


class Twin(NamedTuple):
    """A sheet elsewhere with the same content in one of the tables, and whose it is, in words."""

    table: str
    whose: str


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the ledger knows beside a sheet.

    `files` counts those of a kind that are accepted or still being checked, `quotes` are the report's, `means` the
    other prefectures' quotients by the check that asks, `twins` sheets elsewhere with the same content.
    """

    files: Mapping[Kind, int] = field(default_factory=dict)
    quotes: Sequence[Quote] = ()
    means: Mapping[str, Sequence[Decimal]] = field(default_factory=dict)
    twins: Sequence[Twin] = ()


class Sheet:
    """A good sheet as the ledger keeps it: its figures by code, and the names of the tables it was read from."""

    def __init__(self, figures: Mapping[str, Any], facts: Mapping[str, Any], campaign: Campaign) -> None:
        self.campaign, form = campaign, campaign.form
        self.rows = {row["code"]: row for row in figures.get("indicators", ()) if row["code"] in form.by_code}
        self.activities = figures.get("activities", ())
        tables = (form.indicators.sheet, form.activities.sheet)
        self.names = dict(zip(tables, facts.get("used") or tables, strict=False))

    def total(self, code: str | None) -> Decimal | None:
        """Return an indicator's 合计, None if the sheet has none."""
        row = self.rows.get(code or "")
        return None if row is None or row["total"] is None else Decimal(str(row["total"]))

    def where(self, code: str | None) -> Where:
        """Return the place of an indicator's 合计."""
        return Where(sheet=self.names[self.campaign.form.indicators.sheet], cell=self.rows[code or ""]["cell"])

    def table_where(self, table: str) -> Where:
        """Return where the content of a table begins."""
        if table == self.campaign.form.activities.sheet:
            return Where(sheet=self.names.get(table, table), cell=f"A{self.activities[0]['row']}")
        return self.where(next(iter(self.rows)))


Said = tuple[Where, dict[str, Any]]


def remarks(sheet: Sheet, neighbours: Neighbours) -> list[Finding]:
    """Return what a sheet's figures and all that came beside it say against each other."""
    found = []
    for check in (c for c in sheet.campaign.form.checks if c.test in TESTS):
        found += [worded(check, where, words) for where, words in TESTS[check.test](check, sheet, neighbours)]
    return found


def report_remarks(quotes: Sequence[Quote], sheet: Sheet) -> list[Finding]:
    """Return what a report tells otherwise than the sheet that was accepted before it came."""
    check = next((c for c in sheet.campaign.form.checks if c.test == "quoted"), None)
    if check is None:
        return []
    said = _quoted(check, sheet, Neighbours(quotes=quotes))
    return [
        finding(
            "report.sheet_differs",
            quote=words["other"],
            label=words["label"],
            figure=format_decimal(words["found"]),
            fix=check.fix,
        )
        for _, words in said
    ]


def is_remark(rule: str, campaign: Campaign) -> bool:
    """Return whether a finding's rule is one of those asked here: asked again, they replace what they said before."""
    return rule in (REPORT_DIFFERS, SAME_PICTURE) or rule in {c.rule for c in campaign.form.checks if c.test in TESTS}


def _files(check: CrossCheck, sheet: Sheet, neighbours: Neighbours) -> Iterator[Said]:
    """X12: the numbers of photos and videos are those that came; none at all have not been sent yet."""
    found = sheet.total(check.indicator)
    have = neighbours.files.get(check.deliverable, 0) if check.deliverable else 0
    if found is not None and have and found != have:
        label = sheet.campaign.form.by_code[check.indicator or ""].title
        yield sheet.where(check.indicator), {"label": label, "found": found, "expected": have}


def _quoted(check: CrossCheck, sheet: Sheet, neighbours: Neighbours) -> Iterator[Said]:
    """X14: what the report tells of an indicator is what the sheet says; one telling that agrees is enough."""
    for code in sheet.rows:
        found, told = sheet.total(code), [q for q in neighbours.quotes if q.code == code]
        if found is not None and told and not any(q.agrees(found) for q in told):
            label = sheet.campaign.form.by_code[code].title
            words = {"label": label, "found": found, "expected": told[0].value, "other": told[0].said}
            yield sheet.where(code), words


def _mean(check: CrossCheck, sheet: Sheet, neighbours: Neighbours) -> Iterator[Said]:
    """X08: an average activity is not many times larger than elsewhere in the region."""
    total, parts = sheet.total(check.indicator), sheet.total(check.per)
    others = neighbours.means.get(check.id, ())
    if not total or not parts or len(others) < FEWEST_OTHERS:
        return
    usual, limit = median(others), check.limit or Decimal(0)
    if total / parts > limit * usual:
        numbers = {"found": round(total / parts, 1), "expected": round(usual, 1), "limit": limit}
        yield sheet.where(check.indicator), numbers


def _alike(_: CrossCheck, sheet: Sheet, neighbours: Neighbours) -> Iterator[Said]:
    """X15: nobody else has sent the same table."""
    for table, whose in neighbours.twins:
        yield sheet.table_where(table), {"label": table, "found": phrase("same.as", whose=whose), "other": whose}


TESTS: dict[str, Callable[[CrossCheck, Sheet, Neighbours], Iterator[Said]]] = {
    "files": _files,
    "quoted": _quoted,
    "mean": _mean,
    "alike": _alike,
}
