"""What is said of a file by opening it. All of this runs in a child process, which `sandbox` bounds.

Sheets and videos are opened elsewhere: of them only the outside is judged here, and a sheet's words.
"""

from __future__ import annotations

from dataclasses import replace

from baosong.campaign import Campaign, Prefecture
from baosong.rules.catalogue import finding
from baosong.rules.findings import Checked, Finding, Kind, has_error
from baosong.store.source import Source
from baosong.validation.common import active_content, file_safety, reader, zip_guard
from baosong.validation.common.filetypes import identify
from baosong.validation.common.reader import Document
from baosong.validation.documents import press, report
from baosong.validation.photo import photo
from baosong.validation.sandbox.client import LARGEST


def words(source: Source, actual: str | None) -> Checked:
    """Judge what a sheet's words betray: a classification mark, or that they cannot be read, as the facts then say."""
    document, found = _read(source, actual, file_safety.MARK_LETTER)
    if document and file_safety.is_marked(document):
        return file_safety.held_as_classified()
    if has_error(found):
        return Checked(found, {"unread": True})
    acting = active_content.findings(source, actual, sheet=True)
    return file_safety.with_unsearched(Checked([*found, *acting]), document)


def inside(source: Source, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Judge a file in full; of a video, what its outside says."""
    deliverable = next((d for d in campaign.deliverables if d.kind == kind), None)
    actual = identify(source)
    facts = {"size": source.size, "type": actual}
    if found := file_safety.container_findings(source, actual):
        return Checked(found, facts)
    document, found = _read(source, actual, "" if deliverable else file_safety.MARK_LETTER)
    if document and file_safety.is_marked(document):
        return file_safety.held_as_classified()
    if deliverable is None:
        folders = "、".join(f"“{d.folder}”" for d in campaign.deliverables)
        return Checked([*found, finding("file.unclassified", folders=folders)], facts)
    found += file_safety.type_findings(source, actual, deliverable)
    if source.size <= LARGEST and not has_error(found):
        found += active_content.findings(source, actual)
    if has_error(found):
        return Checked(found, facts)
    told = None if actual in reader.MARKS_ONLY else document
    checked = _by_kind(source, actual, told, deliverable.kind, campaign, prefecture)
    checked = replace(checked, findings=[*found, *checked.findings], facts=facts | checked.facts)
    return file_safety.with_unsearched(checked, document)


def _by_kind(
    source: Source,
    actual: str | None,
    document: Document | None,
    kind: Kind,
    campaign: Campaign,
    prefecture: Prefecture | None,
) -> Checked:
    match kind:
        case Kind.PHOTO:
            return photo.check(source, actual, campaign.photo)
        case Kind.PRESS:
            return press.check(source, actual, document, campaign)
        case Kind.REPORT:
            return report.check(document, actual, campaign, prefecture)
        case Kind.STATISTICS | Kind.VIDEO:  # judged outside this child
            return Checked()


def _read(source: Source, actual: str | None, only_with: str) -> tuple[Document | None, list[Finding]]:
    if source.size > LARGEST:
        return None, []
    try:
        return reader.read(source, actual, only_with), []
    except reader.Locked:
        return None, [finding("file.encrypted")]
    except reader.Unreadable as e:
        return None, [finding("file.unreadable", reason=str(e))]
    except zip_guard.Bomb as e:
        return None, [file_safety.bomb(e)]
