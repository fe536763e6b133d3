"""The few of a campaign's files that a page shows, however many there are; full rows, but without `figures`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from itertools import product
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, defer

from baosong.campaign import Campaign
from baosong.ledger.models import Edition, History, Submission
from baosong.ledger.states import State
from baosong.rules.findings import Kind

MOST_TO_FOLLOW_UP = 500
MOST_MARKED = 500
_GOOD = (State.ACCEPTED.value, State.DUPLICATE.value)

# Both use indexes alone, however many files there are. Unclassified files form a group of their own: NULL = NULL is
# not true, hence the second half of each.
_HERE = "s.campaign = :campaign AND s.prefecture = each.prefecture AND s.state = each.state"
_NEWEST = text(f"""
SELECT each.prefecture, each.kind, newest.id
FROM unnest(CAST(:prefectures AS text[]), CAST(:kinds AS text[]), CAST(:states AS text[]))
  AS each (prefecture, kind, state),
LATERAL (
  (SELECT s.id FROM submission s WHERE {_HERE} AND s.kind = each.kind ORDER BY s.id DESC LIMIT :most)
  UNION ALL
  (SELECT s.id FROM submission s WHERE {_HERE} AND s.kind IS NULL AND each.kind IS NULL ORDER BY s.id DESC LIMIT :most)
) AS newest ORDER BY newest.id
""")  # noqa: S608 - our own words
_LATER = "later.campaign = s.campaign AND later.prefecture = s.prefecture AND later.slot = s.slot AND later.id > s.id"
_WAITING = text(f"""
SELECT s.id, s.prefecture, s.kind FROM submission s
WHERE s.campaign = :campaign AND s.state IN ('rejected', 'held')
  AND NOT EXISTS (SELECT FROM submission later WHERE {_LATER} AND later.kind = s.kind)
  AND NOT EXISTS (SELECT FROM submission later WHERE {_LATER} AND later.kind IS NULL AND s.kind IS NULL)
ORDER BY s.id DESC LIMIT :most
""")  # noqa: S608 - our own words
# Of a cell's newest files alone: no campaign asks for more, and an archive may hold any number.
_MARKS = text(f"""
SELECT each.prefecture, each.kind, count(*) FILTER (WHERE late), count(*) FILTER (WHERE remark)
FROM unnest(CAST(:prefectures AS text[]), CAST(:kinds AS text[]), CAST(:states AS text[]))
  AS each (prefecture, kind, state),
LATERAL (
  SELECT s.late, s.findings @? '$[*] ? (@.severity == "warning" && @.rule != "file.late")' AS remark FROM submission s
  WHERE {_HERE} AND s.kind = each.kind ORDER BY s.id DESC LIMIT :most
) AS newest GROUP BY each.prefecture, each.kind
""")  # noqa: S608 - our own words
# Read as often as somebody asks, and not by a page that renews itself: they go through all files of the campaign.
_DAYS = text("""
SELECT CAST(received_at AT TIME ZONE :zone AS date) AS day, count(*), count(*) FILTER (WHERE state = 'rejected')
FROM submission WHERE campaign = :campaign AND state <> 'withdrawn' GROUP BY day ORDER BY day
""")
_RANKING = text("""
SELECT f ->> 'rule', f ->> 'severity', count(*) AS found, count(DISTINCT s.id), count(DISTINCT s.prefecture)
FROM submission s, jsonb_array_elements(s.findings) f
WHERE s.campaign = :campaign AND s.state <> 'withdrawn' AND :code IN ('', s.prefecture)
  AND (:kind = '' OR s.kind = :kind) AND :severity IN ('', f ->> 'severity')
GROUP BY 1, 2 ORDER BY found DESC, 1 LIMIT 100
""")


class Day(NamedTuple):
    """How many files came on a day, and how many of them were rejected."""

    day: date
    files: int
    rejected: int


class Broken(NamedTuple):
    """How often a rule was broken at a severity, in how many files of how many prefectures."""

    rule: str
    severity: str
    times: int
    files: int
    prefectures: int


class Marks(NamedTuple):
    """How many of a cell's accepted files came late, and how many were accepted with remarks."""

    late: int = 0
    remarks: int = 0


class Done(NamedTuple):
    """What an operator did about a file: when, who, and in words what and why."""

    at: datetime
    who: str
    note: str
    submission_id: int
    file: str


class EditionLine(NamedTuple):
    """A written report as the board lists it; `missing` is how many prefectures it has to do without.

    `files` are the names of its files but for PDFs and figures; None of an edition that did not state them.
    """

    edition: str
    version: int
    prefix: str
    created_at: datetime
    missing: int
    files: dict[str, str] | None


class Excerpt(NamedTuple):
    """Some of a prefecture's files, oldest first, and how many there are in all."""

    files: list[Submission]
    of: int


def newest(session: Session, campaign_id: str, most: int) -> list[Submission]:
    """The arrivals that came last, the newest first."""
    wanted = select(Submission).where(Submission.campaign == campaign_id)
    return _rows(session, wanted.order_by(Submission.received_at.desc(), Submission.id.desc()).limit(most))


def newest_of_each(session: Session, campaign_id: str, code: str, most: int) -> Excerpt:
    """A prefecture's newest files of each kind and state, at most so many of each, and how many it sent in all."""
    each = [(code, kind, state.value) for kind in (*(k.value for k in Kind), None) for state in State]
    ids = [row.id for row in _newest(session, campaign_id, each, most)]
    sent = select(func.count()).where(Submission.campaign == campaign_id, Submission.prefecture == code)
    return Excerpt(_by_id(session, ids), session.scalar(sent) or 0)


def marks(session: Session, campaign: Campaign) -> dict[tuple[str, str], Marks]:
    """What is to be said of the accepted files of each prefecture and kind; nothing where there are none."""
    places = product((p.code for p in campaign.prefectures), (d.kind.value for d in campaign.deliverables))
    each = [(code, kind, State.ACCEPTED.value) for code, kind in places]
    rows = session.execute(_MARKS, {"campaign": campaign.id, "most": MOST_MARKED, **_columns(each)})
    return {(code, kind): Marks(late, remarks) for code, kind, late, remarks in rows}


def days(session: Session, campaign_id: str, zone: str) -> list[Day]:
    """How many files came on each day, by a zone's calendar; days without any are left out."""
    return [Day(*row) for row in session.execute(_DAYS, {"campaign": campaign_id, "zone": zone})]


def ranking(session: Session, campaign_id: str, code: str, kind: str, severity: str) -> list[Broken]:
    """The rules that were broken most, of a prefecture, a kind and a severity, or (empty) of all."""
    asked = {"campaign": campaign_id, "code": code, "kind": kind, "severity": severity}
    return [Broken(*row) for row in session.execute(_RANKING, asked)]


def _newest(
    session: Session, campaign_id: str, each: Sequence[tuple[str, str | None, str]], most: int
) -> Sequence[Any]:
    """Return prefecture, kind and id of the newest files per prefecture, kind (or None) and state, by id."""
    return session.execute(_NEWEST, {"campaign": campaign_id, "most": most, **_columns(each)}).all()


def _columns(each: Sequence[tuple[str, str | None, str]]) -> dict[str, list[str | None]]:
    return {name: [one[n] for one in each] for n, name in enumerate(("prefectures", "kinds", "states"))}


def newest_sheets(session: Session, campaign_id: str) -> list[Submission]:
    """Each prefecture's newest sheet in each state whose tables were found."""
    sheets = select(Submission.id).ext(distinct_on(Submission.prefecture, Submission.state))
    sheets = sheets.where(Submission.campaign == campaign_id, Submission.kind == Kind.STATISTICS.value)
    sheets = sheets.where(Submission.facts["used"].astext.not_in(("", "{}", "[]")))
    ordered = sheets.order_by(Submission.prefecture, Submission.state, Submission.id.desc())
    return _by_id(session, session.scalars(ordered).all())


def to_follow_up(session: Session, campaign_id: str) -> list[Submission]:
    """The newest held and rejected files that are the last of their slots, and what may have corrected them.

    The latter is the newest good file of their prefecture and kind. All together, the newest first.
    """
    waiting = session.execute(_WAITING, {"campaign": campaign_id, "most": MOST_TO_FOLLOW_UP}).all()
    good = [(*group, state) for group in {(row.prefecture, row.kind) for row in waiting} for state in _GOOD]
    corrected = {(row.prefecture, row.kind): row.id for row in _newest(session, campaign_id, good, 1)}
    files = _by_id(session, [*(row.id for row in waiting), *corrected.values()])
    return sorted(files, key=lambda row: (row.received_at, row.id), reverse=True)


def _by_id(session: Session, ids: Collection[int]) -> list[Submission]:
    return _rows(session, select(Submission).where(Submission.id.in_(ids)).order_by(Submission.id)) if ids else []


def _rows(session: Session, wanted: Select[Submission]) -> list[Submission]:
    return list(session.scalars(wanted.options(defer(Submission.figures))))


def with_content(session: Session, campaign: str, sha256: str) -> list[Submission]:
    """A campaign's submissions of these very bytes, whoever sent them and under whatever name."""
    same = select(Submission).where(Submission.campaign == campaign, Submission.sha256 == sha256)
    return list(session.scalars(same.order_by(Submission.id)))


def newest_editions(session: Session, campaign_id: str, most: int) -> list[EditionLine]:
    """The last edition of each folder, the newest first: a day's interim ones overwrite each other.

    Their figures stay in the database: a page that renews itself would read every night's again.
    """
    e, missing = Edition, func.coalesce(func.jsonb_array_length(Edition.figures["missing"]), 0).label("missing")
    files = Edition.figures["files"].label("files")
    last = select(e.id, e.edition, e.version, e.prefix, e.created_at, missing, files).where(e.campaign == campaign_id)
    lines = last.ext(distinct_on(e.prefix)).order_by(e.prefix, e.id.desc()).subquery()
    newest = select(*(lines.c[name] for name in EditionLine._fields)).order_by(lines.c.id.desc()).limit(most)
    return [EditionLine(*row) for row in session.execute(newest)]


def done_by_people(session: Session, campaign_id: str, code: str, most: int) -> list[Done]:
    """What operators did about a prefecture's files last, the newest first."""
    h, s = History, Submission
    acts = (
        select(h.at, func.coalesce(h.who, ""), h.note, s.id, s.name)
        .join(s, s.id == h.submission_id)
        .where(h.who.is_not(None))
    )
    acts = acts.where(s.campaign == campaign_id, s.prefecture == code).order_by(h.id.desc()).limit(most)
    return [Done(*row) for row in session.execute(acts)]
