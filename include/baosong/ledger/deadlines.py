"""Until when a prefecture's files are in time: its campaign's deadline, or a later one that somebody granted it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from baosong.campaign import Campaign
from baosong.ledger.database import take_turns
from baosong.ledger.models import Extension

_UNMARK = text("""
UPDATE submission s SET late = false, findings = coalesce((
  SELECT jsonb_agg(f.told ORDER BY f.nth) FROM jsonb_array_elements(s.findings) WITH ORDINALITY AS f (told, nth)
  WHERE f.told ->> 'rule' <> 'file.late'), '[]')
FROM (SELECT campaign, prefecture, max(deadline) AS until FROM extension GROUP BY campaign, prefecture) e
WHERE (s.campaign, s.prefecture) = (e.campaign, e.prefecture) AND s.late AND s.received_at <= e.until
  AND (:campaign = '' OR (s.campaign, s.prefecture) = (:campaign, :code))
""")


def deadlines(session: Session, campaign: Campaign) -> dict[str, datetime]:
    """Each prefecture's deadline by its code: nobody else says until when a file is in time."""
    e = Extension
    latest = select(e.prefecture, func.max(e.deadline)).where(e.campaign == campaign.id).group_by(e.prefecture)
    granted = dict(session.execute(latest).all())
    due = campaign.deadline
    return {p.code: max(due, granted.get(p.code, due)).astimezone(campaign.zone) for p in campaign.prefectures}


def campaign_for(session: Session, campaign: Campaign, code: str) -> Campaign:
    """The campaign as one of its prefectures has it: with its own deadline."""
    return campaign.ending(deadlines(session, campaign)[code])


def take_turn(session: Session, campaign_id: str, code: str) -> None:
    """Have nobody else move this deadline, or record what came after it, until the transaction ends."""
    take_turns(session, f"deadline:{campaign_id}:{code}")


def unmark(session: Session, campaign_id: str = "", code: str = "") -> None:
    """Call no file late that came in the time granted since: a prefecture's files, or without one everybody's."""
    session.execute(_UNMARK, {"campaign": campaign_id, "code": code})
