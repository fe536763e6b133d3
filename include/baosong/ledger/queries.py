"""Completeness, current figures, report editions and announcements."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from typing import Any, Literal

from sqlalchemy import Select, delete, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger.database import take_turns
from baosong.ledger.deadlines import deadlines
from baosong.ledger.models import Activity, Announcement, Edition, Expected, IndicatorValue, Submission
from baosong.ledger.states import State
from baosong.ledger.submissions import storable
from baosong.rules.findings import Kind

CellState = Literal["missing", "accepted", "rejected", "held", "checking"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One deliverable of one prefecture: `accepted` counts current files, `rejected` those not corrected since.

    `state` is accepted once there are as many as the campaign asks for; `last` is when the newest file came. `pending`
    names some of the files that are still being checked.
    """

    state: CellState
    accepted: int = 0
    rejected: int = 0
    last: datetime | None = None
    pending: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the cell as JSON values."""
        return {**asdict(self), "last": self.last.isoformat() if self.last else None, "pending": list(self.pending)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Cell:
        """Rebuild a cell from `as_json`."""
        last = datetime.fromisoformat(data["last"]) if data["last"] else None
        return cls(**{**data, "last": last, "pending": tuple(data.get("pending", ()))})


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """One indicator of a prefecture's current sheet; figures are exact, None where the sheet says none."""

    prefecture: str
    code: str
    total: Decimal | None
    offline: Decimal | None
    online: Decimal | None
    cell: str
    submission_id: int


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One activity of a prefecture's current sheet; `fields` holds all fields of the form by their names."""

    prefecture: str
    row: int
    name: str
    category: str | None
    start: date | None
    end: date | None
    form: str | None
    offline: Decimal | None
    online: Decimal | None
    fields: dict[str, Any]
    submission_id: int


_HERE = "(s.campaign, s.prefecture, s.kind) = (:campaign, each.prefecture, each.kind)"
_LAST = """NOT EXISTS (SELECT FROM submission later WHERE later.id > s.id AND later.state <> 'withdrawn'
    AND (later.campaign, later.prefecture, later.kind, later.slot) = (s.campaign, s.prefecture, s.kind, s.slot))"""
_EACH = "unnest(CAST(:prefectures AS text[]), CAST(:kinds AS text[]))"
# A rejected or held file counts only while it is the last of its slot. One subquery per figure, because each is then
# answered by a narrow index; the many files that were accepted long ago are read only to count them.
_COUNTS = text(f"""
SELECT prefecture, kind,
  (SELECT count(*) FROM submission s WHERE {_HERE} AND s.state = 'accepted') AS accepted,
  (SELECT count(*) FROM submission s WHERE {_HERE} AND s.state = 'rejected' AND {_LAST}) AS rejected,
  EXISTS (SELECT FROM submission s WHERE {_HERE} AND s.state = 'held' AND {_LAST}) AS held,
  ARRAY(SELECT s.name FROM submission s WHERE {_HERE} AND s.state IN ('received', 'checked') ORDER BY s.id LIMIT 5)
    AS pending,
  (SELECT max(s.received_at) FROM submission s WHERE {_HERE} AND s.state <> 'withdrawn') AS last
FROM {_EACH} AS each (prefecture, kind)
""")  # noqa: S608 - our own words
_LACKING = text(f"""
SELECT prefecture FROM {_EACH[:-1]}, CAST(:least AS integer[])) AS each (prefecture, kind, least) WHERE NOT EXISTS (
  SELECT FROM submission s WHERE {_HERE} AND s.state = 'accepted' OFFSET least - 1)
""")  # noqa: S608 - our own words


def completeness(
    session: Session, campaign: Campaign, codes: Collection[str] | None = None
) -> dict[str, dict[Kind, Cell]]:
    """A cell for every prefecture (or those named) and every deliverable."""
    wanted = [p.code for p in campaign.prefectures if codes is None or p.code in codes]
    places = list(product(wanted, [d.kind.value for d in campaign.deliverables]))
    asked = {
        "campaign": campaign.id,
        "prefectures": [code for code, _ in places],
        "kinds": [kind for _, kind in places],
    }
    found = {(row.prefecture, row.kind): row for row in session.execute(_COUNTS, asked)}
    return {code: {d.kind: _cell(found[code, d.kind.value], d.min) for d in campaign.deliverables} for code in wanted}


def _cell(row: Any, least: int) -> Cell:
    if not row.last:
        return Cell("missing")
    return Cell(_state(row, least), row.accepted, row.rejected, row.last, tuple(row.pending))


def _state(row: Any, least: int) -> CellState:
    if row.accepted >= max(least, 1):
        return "accepted"
    if row.pending:
        return "checking"
    if row.held:
        return "held"
    return "rejected" if row.rejected else "missing"


def complete_prefectures(session: Session, campaign: Campaign, codes: Collection[str] | None = None) -> list[str]:
    """The prefectures (of those named) that have enough accepted files of every required deliverable."""
    wanted = [p.code for p in campaign.prefectures if codes is None or p.code in codes]
    needed = [(code, d) for code in wanted for d in campaign.deliverables if d.required and d.min]
    asked = {
        "campaign": campaign.id,
        "prefectures": [code for code, _ in needed],
        "kinds": [d.kind.value for _, d in needed],
        "least": [d.min for _, d in needed],
    }
    lacking = set(session.scalars(_LACKING, asked))
    return [code for code in wanted if code not in lacking]


def indicators(session: Session, campaign_id: str) -> list[IndicatorRow]:
    """The indicators of all current sheets, by prefecture and code."""
    value = IndicatorValue
    columns = (value.code, value.total, value.offline, value.online, value.cell, value.submission_id)
    wanted = _of_current(select(Submission.prefecture, *columns), value.submission_id, campaign_id)
    return [IndicatorRow(*row) for row in session.execute(wanted.order_by(Submission.prefecture, value.code))]


def activities(session: Session, campaign_id: str, submission_id: int | None = None) -> list[ActivityRow]:
    """The activities of all current sheets, by prefecture and row; or those of one sheet, also a replaced one."""
    a = Activity
    dates, people = (a.start, a.end), (a.offline, a.online)
    columns = (a.row, a.name, a.category, *dates, a.form, *people, a.fields, a.submission_id)
    rows = select(Submission.prefecture, *columns)
    if submission_id is None:
        wanted = _of_current(rows, a.submission_id, campaign_id)
    else:
        wanted = rows.join(Submission, Submission.id == a.submission_id).where(a.submission_id == submission_id)
    return [ActivityRow(*row) for row in session.execute(wanted.order_by(Submission.prefecture, a.row))]


def activity_counts(session: Session, campaign_id: str) -> list[tuple[str, int, int]]:
    """Prefecture, submission and number of activities of every current sheet that lists any."""
    counted = select(Submission.prefecture, Activity.submission_id, func.count())
    wanted = _of_current(counted, Activity.submission_id, campaign_id)
    grouped = wanted.group_by(Submission.prefecture, Activity.submission_id)
    return [(prefecture, submission, n) for prefecture, submission, n in session.execute(grouped)]


def _of_current(wanted: Select[*tuple[Any, ...]], submission_id: Any, campaign_id: str) -> Select[*tuple[Any, ...]]:
    joined = wanted.join(Submission, Submission.id == submission_id)
    return joined.where(Submission.campaign == campaign_id, Submission.state == State.ACCEPTED)


def editions(session: Session, campaign_id: str) -> list[Edition]:
    """A campaign's written reports, oldest first."""
    return list(session.scalars(select(Edition).where(Edition.campaign == campaign_id).order_by(Edition.id)))


def current_editions(session: Session, campaign_id: str | None) -> list[Edition]:
    """The newest edition of each folder, of a campaign or (None) of all: a day's interim ones share a folder."""
    e = Edition
    newest = select(e).ext(distinct_on(e.prefix)).order_by(e.prefix, e.version.desc())
    return list(session.scalars(newest if campaign_id is None else newest.where(e.campaign == campaign_id)))


def add_edition(
    session: Session,
    campaign_id: str,
    edition: Literal["final", "interim"],
    version: int,
    prefix: str,
    inputs_sha: str,
    figures: dict[str, Any],
) -> bool:
    """Record a written report; False if this version of it is there already."""
    identity = {"campaign": campaign_id, "edition": edition, "version": version, "prefix": prefix}
    content = {"inputs_sha": inputs_sha, "figures": storable(figures), "created_at": datetime.now(UTC)}
    new = insert(Edition).values({**identity, **content}).on_conflict_do_nothing()
    return session.scalar(new.returning(Edition.id)) is not None


def announced(session: Session, campaign_id: str) -> set[str]:
    """The prefectures whose completeness was announced."""
    return set(session.scalars(select(Announcement.prefecture).where(Announcement.campaign == campaign_id)))


def mark_announced(session: Session, campaign_id: str, codes: Collection[str]) -> None:
    """Record that the completeness of these prefectures was announced."""
    rows = [{"campaign": campaign_id, "prefecture": code, "at": datetime.now(UTC)} for code in codes]
    if rows:
        session.execute(insert(Announcement).values(rows).on_conflict_do_nothing())


def expect(session: Session, campaign: Campaign) -> None:
    """Copy what a campaign expects of each prefecture to the table that the views read, in place of the last copy."""
    take_turns(session, f"expect:{campaign.id}")
    session.execute(delete(Expected).where(Expected.campaign == campaign.id))
    due = deadlines(session, campaign)
    rows = [
        {
            "campaign": campaign.id,
            "prefecture": prefecture.code,
            "kind": deliverable.kind.value,
            "unit": prefecture.name,
            "title": deliverable.name,
            "required": deliverable.required,
            "least": deliverable.min,
            "most": deliverable.max,
            "deadline": due[prefecture.code],
        }
        for prefecture in campaign.prefectures
        for deliverable in campaign.deliverables
    ]
    session.execute(insert(Expected), rows)
