"""Previews: a small picture of each accepted photo, screenshot and film, for operators, beside the reports.

Drawing one that fails is logged and harms nothing; of a file that is not accepted none is kept.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from typing import TYPE_CHECKING, Any, BinaryIO

from baosong.campaign import Campaign
from baosong.ledger.states import State
from baosong.receipts.page import render
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.rules.words import moment

if TYPE_CHECKING:
    from baosong.ledger import Ledger, Submission
    from baosong.ledger.services import Services

_JPEG = b"\xff\xd8\xff"
log = logging.getLogger(__name__)


def preview_key(campaign_id: str, code: str, submission_id: int) -> str:
    """Return where the preview of a submission lies in the bucket `reports`."""
    return f"{campaign_id}/previews/{code}/{submission_id}.jpg"


def has_preview(row: Submission) -> bool:
    """Return whether a submission counts now and shows something: its facts say how wide."""
    return row.state == State.ACCEPTED and row.kind != Kind.STATISTICS and bool((row.facts or {}).get("width"))


def write_preview(services: Services, row: Submission, checked: Checked) -> None:
    """Keep the preview that a picture's check has drawn, or see that there is none; repeated, it does the same."""
    if row.kind not in (Kind.PHOTO, Kind.PRESS):
        return
    drawn = b64decode(checked.preview) if checked.verdict is Verdict.ACCEPTED else b""
    _keep(services, row, drawn if drawn.startswith(_JPEG) else b"")


def write_frame(services: Services, row: Submission, film: BinaryIO) -> None:
    """Keep a frame of a film that is being filed as accepted; `film` is the local copy, a real file or a spool."""
    if row.kind != Kind.VIDEO:
        return
    from baosong.validation.video.thumbnail import thumbnail

    drawn = b""
    try:
        if rollover := getattr(film, "rollover", None):
            rollover()
        film.flush()
        drawn = thumbnail(film, (row.facts or {})["container"])
    except Exception:  # whatever a drawer did not foresee
        log.exception("no preview of submission %s", row.id)
    _keep(services, row, drawn)


def drop_preview(services: Services, row: Submission) -> None:
    """See that there is no preview of a submission."""
    _keep(services, row, b"")


def render_gallery(ledger: Ledger, campaign: Campaign, code: str) -> str:
    """Return the page with all of a prefecture's previews as one HTML text; KeyError if there is no such prefecture."""
    prefecture = campaign.prefecture(code)
    shown = [s for s in ledger.submissions(campaign.id, code) if has_preview(s)]
    sections = [(d.name, [_item(s, campaign) for s in shown if s.kind == d.kind]) for d in campaign.deliverables]
    return render("gallery.html", campaign=campaign, prefecture=prefecture, sections=[s for s in sections if s[1]])


def _item(row: Submission, campaign: Campaign) -> dict[str, Any]:
    facts = row.facts
    said = [f"{facts['width']:.0f}×{facts['height']:.0f}"]
    if seconds := facts.get("duration"):
        said.append(f"{float(seconds):.0f} 秒")
    return {
        "id": row.id,
        "name": row.name,
        "size": row.size,
        "facts": "　".join([*said, moment(row.received_at, campaign.zone)]),
        "remarks": [f["message"] for f in row.findings if f["severity"] == Severity.WARNING],
    }


def _keep(services: Services, row: Submission, drawn: bytes) -> None:
    key = preview_key(row.campaign, row.prefecture, row.id)
    if drawn:
        services.storage.put("reports", key, drawn, content_type="image/jpeg")
    else:
        services.storage.remove("reports", key)
