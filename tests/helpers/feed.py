"""Files that went through the ledger without the checks: for tests of what is shown and reported."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from baosong.campaign import Campaign
from baosong.ledger import Arrival, Filed, Ledger, Submission
from baosong.rules.findings import Checked, Finding, Kind, Verdict, error

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)
WRONG = error("photo.unreadable", "照片无法打开", fix="请重新导出")


def feed(
    ledger: Ledger,
    campaign: Campaign,
    code: str,
    kind: Kind | None,
    name: str,
    *,
    verdict: Verdict = Verdict.ACCEPTED,
    findings: list[Finding] | None = None,
    figures: dict[str, Any] | None = None,
    facts: dict[str, Any] | None = None,
    at: datetime = NOW,
    content: str = "",
    replied: bool = True,
) -> Submission:
    """Record one file from its arrival to its receipt and return it as the ledger has it."""
    deliverable = campaign.deliverable(kind) if kind else None
    folder = deliverable.folder if deliverable else ""
    single = deliverable is not None and deliverable.single
    prefix = f"{campaign.id}/{campaign.prefecture(code).folder}/{folder}"
    sha = hashlib.sha256((content or f"{code} {kind} {name} {at}").encode()).hexdigest()
    late = at >= campaign.deadline
    arrival = Arrival(
        campaign=campaign.id,
        prefecture=code,
        kind=kind.value if kind else None,
        slot="" if single else name,
        key=f"{prefix}/{name}",
        name=name,
        folder=folder,
        size=4096,
        identity=f"{sha}|{at}",
        etag=sha,
        modified_at=at,
        version_id=None,
        received_at=at,
        late=late,
    )
    ledger.receive([arrival])
    newest = select(func.max(Submission.id)).where(Submission.campaign == campaign.id, Submission.prefecture == code)
    number = ledger.run(lambda s: s.scalars(newest).one())
    wrong = [WRONG] if verdict is Verdict.REJECTED else []
    checked = Checked(findings or wrong, facts or {}, figures=figures, held=verdict is Verdict.HELD)
    ledger.record_check(number, checked, campaign.rules_version)
    bucket = "archive" if verdict is Verdict.ACCEPTED else "quarantine"
    filed = Filed(sha256=sha, bucket=bucket, key=f"{campaign.id}/{code}/{kind}/{sha[:12]}-{name}", at=at)
    ledger.file(number, filed)
    if replied:
        ledger.allot_receipt(campaign.id, code, {})
        ledger.mark_replied([number])
    return ledger.submission(number)


def feed_all(ledger: Ledger, campaign: Campaign, code: str, figures: dict[str, Any] | None = None, **more: Any) -> None:
    """Feed one accepted file of each deliverable; the sheet carries these figures."""
    for kind in Kind:
        carried = figures if kind is Kind.STATISTICS else None
        feed(ledger, campaign, code, kind, f"{kind.value}.x", figures=carried, **more)
