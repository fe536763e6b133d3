"""The sums of a campaign's accepted sheets. Figures are exact decimals, each with the cell that it comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from string import ascii_uppercase
from typing import TYPE_CHECKING

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import Indicator
from baosong.report.coverage import Coverage, coverage
from baosong.report.listed import Counts, count
from baosong.report.printable import Remark, is_about_figures, public_activity, public_remark, without_numbers
from baosong.rules.findings import Kind

if TYPE_CHECKING:
    from baosong.ledger import ActivityRow, Cell, IndicatorRow, Ledger, Submission


@dataclass(frozen=True, slots=True)
class Figure:
    """The value of an indicator in its unit; None where it was not stated."""

    total: Decimal | None = None
    offline: Decimal | None = None
    online: Decimal | None = None

    def __add__(self, other: Figure) -> Figure:
        return Figure(
            _plus(self.total, other.total), _plus(self.offline, other.offline), _plus(self.online, other.online)
        )


@dataclass(frozen=True, slots=True)
class AcceptedFile:
    """All that an edition may draw on of an accepted file.

    Of a sheet, `used` names the sheets of the workbook with the indicators and the activities, `columns` the columns
    of the indicators' parts; of a photograph, `taken` is its camera's time, "" where unknown.
    """

    id: int
    prefecture: str
    kind: str
    name: str
    sha256: str
    archive_key: str
    used: tuple[str, ...]
    columns: Mapping[str, str]
    taken: str


@dataclass(frozen=True, slots=True)
class PrefectureFigures:
    """The figures of a prefecture's accepted sheet; `sheet` is None where none was accepted."""

    prefecture: Prefecture
    sheet: AcceptedFile | None
    values: dict[str, Figure]
    cells: dict[str, str]

    def cell(self, code: str, part: str) -> str:
        """Return the cell of a part of an indicator, or only its row where the check did not record the column."""
        row, columns = self.cells[code].lstrip(ascii_uppercase), self.sheet.columns if self.sheet else {}
        return f"{columns[part]}{row}" if part in columns else f"第{row}行"


class Activities:
    """The activities of the counted sheets, in the campaign's order; read from the ledger one sheet at a time.

    A sheet's rows never change, so every iteration yields the same, even if the sheet is replaced meanwhile, and the
    numbers of the sheets stand for them all.
    """

    def __init__(self, ledger: Ledger, campaign: Campaign, sheets: tuple[int, ...], number: int) -> None:
        self._ledger, self._campaign, self.sheets, self._count = ledger, campaign, sheets, number
        fields = campaign.form.activities.fields
        self._texts = [f.name for f in fields if f.type == "text" and not f.private]
        self._private = {f.name for f in fields if f.private}

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[ActivityRow]:
        for sheet in self.sheets:
            yield from self.of(sheet)

    @cached_property
    def counts(self) -> Counts:
        """All that is counted in them, by one reading."""
        return count(self._campaign, self)

    def of(self, sheet: int) -> Iterator[ActivityRow]:
        """Yield the activities of one of the sheets."""
        for row in self._ledger.activities(self._campaign.id, sheet):
            yield public_activity(row, self._texts, self._private)


@dataclass(frozen=True, slots=True)
class Punctuality:
    """The punctuality of a prefecture, with the state of each deliverable and how many files of it were accepted.

    `on_time`: it sent enough of every required deliverable before its deadline, which is `extended` if it was granted
    more time than the campaign gives.
    """

    prefecture: Prefecture
    states: dict[Kind, tuple[str, int]]
    complete: bool
    on_time: bool
    rejected: int
    replaced: int
    late: int
    last_receipt: datetime | None
    extended: datetime | None = None


@dataclass(frozen=True, slots=True)
class RegionFigures:
    """The figures of the region at a point in time: with last year's, all that the renderers of an edition are given.

    `identity` digests all of it but the time. `missing` are the prefectures that are not complete, in the campaign's
    order; `accepted` all accepted files that count for a deliverable, `coverage` what those of the press tell.
    `closed_at`, in a final edition alone, is when somebody decided to wait for the missing ones no longer.
    """

    campaign: Campaign
    as_of: datetime
    prefectures: list[PrefectureFigures]
    totals: dict[str, Figure]
    activities: Activities
    punctuality: list[Punctuality]
    remarks: list[Remark]
    missing: list[Prefecture]
    accepted: list[AcceptedFile]
    coverage: Coverage
    closed_at: datetime | None = None

    @property
    def sheets(self) -> list[AcceptedFile]:
        """Return the accepted sheets that the totals include."""
        return [p.sheet for p in self.prefectures if p.sheet is not None]


def region_figures(ledger: Ledger, campaign: Campaign, now: datetime) -> RegionFigures:
    """Return the region's figures, all as the ledger had them at one moment."""
    seen = ledger.region(campaign)
    complete, submissions = set(seen.complete), seen.submissions
    known = {p.code for p in campaign.prefectures}
    listed = {sheet: n for code, sheet, n in seen.activity_counts if code in known}
    prefectures = _by_prefecture(campaign, submissions, [r for r in seen.indicators if r.prefecture in known])
    extended = {code: due for code, due in seen.deadlines.items() if due > campaign.deadline}
    counted = tuple(p.sheet.id for p in prefectures if p.sheet)
    return RegionFigures(
        campaign=campaign,
        as_of=now,
        prefectures=prefectures,
        totals=_totals(campaign, prefectures),
        activities=Activities(ledger, campaign, counted, sum(listed.get(sheet, 0) for sheet in counted)),
        punctuality=_punctuality(campaign, submissions, seen.cells, complete, extended),
        remarks=[
            public_remark(s, finding)
            for s in submissions
            for finding in s.findings or ()
            if s.state == "accepted" and s.prefecture in known and is_about_figures(finding)
        ],
        missing=[p for p in campaign.prefectures if p.code not in complete],
        accepted=[_file(s) for s in submissions if s.state == "accepted" and s.kind and s.prefecture in known],
        coverage=coverage(campaign, submissions),
    )


def _file(s: Submission) -> AcceptedFile:
    used = tuple(map(without_numbers, s.facts.get("used") or ()))
    columns, taken = s.facts.get("columns", {}), s.facts.get("taken", "")
    key, sha256 = s.archive_key or "", s.sha256 or ""
    return AcceptedFile(s.id, s.prefecture, s.kind or "", s.name, sha256, key, used, columns, taken)


def _by_prefecture(
    campaign: Campaign, submissions: Iterable[Submission], rows: Iterable[IndicatorRow]
) -> list[PrefectureFigures]:
    sheets = {s.prefecture: _file(s) for s in submissions if s.kind == Kind.STATISTICS and s.state == "accepted"}
    stated: dict[str, list[IndicatorRow]] = {p.code: [] for p in campaign.prefectures}
    for row in rows:
        stated[row.prefecture].append(row)
    return [
        PrefectureFigures(
            prefecture=p,
            sheet=sheets.get(p.code),
            values={r.code: Figure(r.total, r.offline, r.online) for r in stated[p.code]},
            cells={r.code: r.cell for r in stated[p.code]},
        )
        for p in campaign.prefectures
    ]


def _totals(campaign: Campaign, prefectures: Iterable[PrefectureFigures]) -> dict[str, Figure]:
    nothing = Figure()
    totals = {i.code: nothing for i in campaign.form.indicators.rows}
    for p in prefectures:
        totals = {code: figure + p.values.get(code, nothing) for code, figure in totals.items()}
    return totals


def _plus(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _punctuality(
    campaign: Campaign,
    submissions: Iterable[Submission],
    cells: Mapping[str, Mapping[Kind, Cell]],
    complete: set[str],
    extended: Mapping[str, datetime],
) -> list[Punctuality]:
    sent: dict[str, list[Submission]] = {p.code: [] for p in campaign.prefectures}
    for s in submissions:
        if not s.facts.get("bundle"):  # the members of a package count, not the package
            sent.get(s.prefecture, []).append(s)
    return [
        Punctuality(
            prefecture=p,
            states={kind: (cell.state, cell.accepted) for kind, cell in cells.get(p.code, {}).items()},
            complete=p.code in complete,
            on_time=p.code in complete and _was_on_time(campaign, sent[p.code]),
            rejected=sum(s.state == "rejected" for s in sent[p.code]),
            replaced=sum(s.state == "superseded" for s in sent[p.code]),
            late=sum(bool(s.late) for s in sent[p.code]),
            last_receipt=max((s.replied_at for s in sent[p.code] if s.replied_at), default=None),
            extended=extended.get(p.code),
        )
        for p in campaign.prefectures
    ]


def _was_on_time(campaign: Campaign, sent: list[Submission]) -> bool:
    """Whether enough acceptable files came before the deadline; a later correction does not change that."""
    in_time = [s.kind for s in sent if s.state in ("accepted", "superseded") and not s.late]
    return all(in_time.count(d.kind.value) >= d.min for d in campaign.deliverables if d.required)


def exact(value: Decimal | None, indicator: Indicator) -> Decimal | int | None:
    """Return a value as the form writes it: whole numbers as int, others with the indicator's digits, never rounded."""
    if value is None:
        return None
    if indicator.type == "integer":
        return int(value) if value == value.to_integral_value() else value
    shown = value.quantize(Decimal(1).scaleb(-indicator.scale))
    return shown if shown == value else value
