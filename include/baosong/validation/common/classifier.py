"""Which deliverable a file outside the folders is: by its content first, then by its name, then by its words."""

from __future__ import annotations

import io
import re

from baosong.campaign import Campaign
from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.common import reader, zip_guard
from baosong.validation.common.filetypes import DOCUMENTS, PICTURES, SHEETS, TEXTS, VIDEOS, canonical, identify

CHEAP = 20 << 20  # no larger document is read just to find out what it is
PRESS = re.compile(r"报道|报导|新闻|媒体|宣传|链接|截图|剪报")
REPORT = re.compile(r"总结|工作报告|情况报告|情况汇报")
_OPENING = 600  # characters: a title and the first paragraphs


def classify(source: Source, campaign: Campaign) -> Kind | None:
    """Return the deliverable that a file is, or None when it cannot be told or the campaign does not ask for it."""
    kind = _classify(source)
    return kind if any(d.kind == kind for d in campaign.deliverables) else None


def _classify(source: Source) -> Kind | None:
    actual = identify(source) if source.size else None
    if actual in (None, "encrypted", "ole"):
        actual = canonical(source.suffix)
    if actual in VIDEOS:
        return Kind.VIDEO
    if actual in PICTURES:
        return Kind.PRESS if PRESS.search(source.name) else Kind.PHOTO
    if actual in SHEETS or source.suffix == "csv":
        return Kind.PRESS if PRESS.search(source.name) and "统计" not in source.name else Kind.STATISTICS
    if actual in DOCUMENTS or actual in TEXTS:
        return _by_words(source.name) or _by_words(_opening(source, actual))
    return None


def _by_words(text: str) -> Kind | None:
    """Return what the words speak of, the one that comes first where both do."""
    report, press = REPORT.search(text), PRESS.search(text)
    if report and press:
        return Kind.REPORT if report.start() < press.start() else Kind.PRESS
    if report:
        return Kind.REPORT
    return Kind.PRESS if press else None


def _opening(source: Source, actual: str | None) -> str:
    if not 0 < source.size <= CHEAP:
        return ""
    data = source.read()
    try:
        document = reader.read(Source(source.name, len(data), lambda: io.BytesIO(data)), actual)
    except (reader.Unreadable, reader.Locked, zip_guard.Bomb):
        return ""
    return reader.squeeze(document.text)[:_OPENING] if document else ""
