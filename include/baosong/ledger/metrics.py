"""What monitoring asks of the ledger: counts over all campaigns, each read in one statement."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.orm import Session

from baosong.ledger.notifications import STALE

BUCKETS = (10, 30, 60, 120, 300, 900, 3600, 21600, 86400)
"""Upper bounds in seconds, within which a file goes through a stage."""

_FILES = text("""
SELECT campaign, coalesce(kind, ''), state, count(*), coalesce(sum(size), 0), count(*) FILTER (WHERE late)
FROM submission GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_FINDINGS = text("""
SELECT s.campaign, f ->> 'rule', f ->> 'severity', count(*)
FROM submission s, jsonb_array_elements(s.findings) f WHERE s.state <> 'withdrawn' GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
# `receipt` is the whole way, from the arrival in the intake.
_SECONDS = text("""
SELECT campaign, stage, width_bucket(seconds - 0.000001, CAST(:bounds AS numeric[])), count(*), sum(seconds)
FROM (
  SELECT s.campaign, stage, greatest(extract(epoch FROM till - since), 0) AS seconds
  FROM submission s, LATERAL (VALUES
    ('check', received_at, checked_at), ('archive', checked_at, filed_at),
    ('reply', filed_at, replied_at), ('receipt', received_at, replied_at)
  ) AS each (stage, since, till)
  WHERE till IS NOT NULL AND since IS NOT NULL
) AS taken GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
""")
_RECEIPTS = text("SELECT campaign, count(*) FROM receipt GROUP BY 1 ORDER BY 1")
_EDITIONS = text("SELECT campaign, edition, count(*) FROM edition GROUP BY 1, 2 ORDER BY 1, 2")
# Given up: too old to be sent still, or handed over without an answer, so that it may have arrived.
_MESSAGES = text("""
SELECT channel, CASE WHEN sent_at IS NOT NULL THEN 'sent'
  WHEN handed_over_at IS NOT NULL OR created_at <= now() - :stale THEN 'given_up' ELSE 'waiting' END AS state, count(*)
FROM notification GROUP BY 1, 2 ORDER BY 1, 2
""")
_FAULTS = text("SELECT bucket, count(*) FROM custody WHERE faults <> '[]' GROUP BY 1 ORDER BY 1")


class Files(NamedTuple):
    """How many files of a campaign and kind are in a state, their bytes, and how many of them came late."""

    campaign: str
    kind: str
    state: str
    files: int
    size: int
    late: int


class Taken(NamedTuple):
    """How many files took up to a bound, one of `BUCKETS` by its place, or longer; and their seconds together."""

    campaign: str
    stage: str
    bucket: int
    files: int
    seconds: float


class Counts(NamedTuple):
    """All counts. The short ones: campaign, rule, severity; campaign; campaign, edition; channel, state; bucket."""

    files: list[Files]
    taken: list[Taken]
    findings: list[tuple[str, str, str, int]]
    receipts: list[tuple[str, int]]
    editions: list[tuple[str, str, int]]
    messages: list[tuple[str, str, int]]
    faults: list[tuple[str, int]]


def counts(session: Session) -> Counts:
    """Count everything; it goes through all files, so it is for a scrape a minute, not for a page."""
    taken = session.execute(_SECONDS, {"bounds": [*BUCKETS]})
    messages = session.execute(_MESSAGES, {"stale": STALE})
    findings, receipts, editions, faults = (session.execute(q) for q in (_FINDINGS, _RECEIPTS, _EDITIONS, _FAULTS))
    return Counts(
        [Files(*row) for row in session.execute(_FILES)],
        [Taken(c, stage, bucket, files, float(seconds)) for c, stage, bucket, files, seconds in taken],
        *([tuple(row) for row in rows] for rows in (findings, receipts, editions, messages, faults)),
    )
