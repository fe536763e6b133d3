"""Thumbnails of accepted photos, screenshots and videos, for operators; they lie in the reports bucket.

A thumbnail that cannot be drawn is logged and changes nothing else; a file that is not accepted has none.
"""

from __future__ import annotations

import logging
from base64 import b64decode
from typing import TYPE_CHECKING, Any, BinaryIO

from baosong.campaign import Campaign
from baosong.ledger.states import State
from baosong.receipts.view import render
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.rules.words import time_text

if TYPE_CHECKING:
    from baosong.ledger import Ledger, Submission
    from baosong.ledger.services import Services

_JPEG = b"\xff\xd8\xff"
log = logging.getLogger(__name__)


def preview_key(campaign_id: str, code: str, submission_id: int) -> str:
    """Return the key of a submission's thumbnail in the bucket `reports`."""
    return f"{campaign_id}/previews/{code}/{submission_id}.jpg"


def has_preview(row: Submission) -> bool:
    """Return whether a submission counts now and has a picture: its facts state a width."""
    return row.state == State.ACCEPTED and row.kind != Kind.STATISTICS and bool((row.facts or {}).get("width"))


def write_preview(services: Services, row: Submission, checked: Checked) -> None:
    """Store the thumbnail that the check of a picture drew, or remove it where there is none; safe to repeat."""
    if row.kind not in (Kind.PHOTO, Kind.PRESS):
        return
    if checked.verdict is Verdict.ACCEPTED and not checked.preview:
        return  # whoever checked these bytes before drew nothing either
    jpeg = b64decode(checked.preview) if checked.verdict is Verdict.ACCEPTED else b""
    _store(services, row, jpeg if jpeg.startswith(_JPEG) else b"")


def write_frame(services: Services, row: Submission, video: BinaryIO) -> None:
    """Store a frame of a video that is being archived as accepted; `video` is the local copy, a file or a spool."""
    if row.kind != Kind.VIDEO:
        return
    from baosong.validation.video.thumbnail import thumbnail

    jpeg = b""
    try:
        if rollover := getattr(video, "rollover", None):
            rollover()
        video.flush()
        jpeg = thumbnail(video, (row.facts or {})["container"])
    except Exception:  # any failure of the decoder: the file is accepted without a thumbnail
        log.exception("no preview of submission %s", row.id)
    _store(services, row, jpeg)


def drop_preview(services: Services, row: Submission) -> None:
    """Remove the thumbnail of a submission, if it has one."""
    _store(services, row, b"")


def render_gallery(ledger: Ledger, campaign: Campaign, code: str) -> str:
    """Return the page of a prefecture's thumbnails as HTML; KeyError if there is no such prefecture."""
    prefecture = campaign.prefecture(code)
    shown = [s for s in ledger.submissions(campaign.id, code) if has_preview(s)]
    sections = [(d.name, [_item(s, campaign) for s in shown if s.kind == d.kind]) for d in campaign.deliverables]
    return render("gallery.html", campaign=campaign, prefecture=prefecture, sections=[s for s in sections if s[1]])


def _item(row: Submission, campaign: Campaign) -> dict[str, Any]:
    facts = row.facts
    texts = [f"{facts['width']:.0f}×{facts['height']:.0f}"]
    if seconds := facts.get("duration"):
        texts.append(f"{float(seconds):.0f} 秒")
    return {
        "id": row.id,
        "name": row.name,
        "size": row.size,
        "facts": "　".join([*texts, time_text(row.received_at, campaign.zone)]),
        "remarks": [f["message"] for f in row.findings if f["severity"] == Severity.WARNING],
    }


def _store(services: Services, row: Submission, jpeg: bytes) -> None:
    key = preview_key(row.campaign, row.prefecture, row.id)
    if jpeg:
        services.storage.put("reports", key, jpeg, content_type="image/jpeg")
    else:
        services.storage.remove("reports", key)
