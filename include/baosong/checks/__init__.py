"""Checks: what a file is, whether it may pass, and everything that is wrong with it in one go.

`check` is the one door for the pipeline and the command line. It raises on no file: only an ill system raises.
"""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from baosong.campaign import Campaign, Deliverable, Prefecture
from baosong.checks import documents, hostile, zips
from baosong.checks.classifier import classify
from baosong.checks.documents import Document
from baosong.checks.filetypes import identify, video_type
from baosong.findings import Checked, Finding, Kind, error, has_error
from baosong.source import Source

LARGEST_DOCUMENT = 128 << 20  # no larger file is read for its words
__all__ = ["check", "classify"]


def check(source: Source, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Judge one file as a deliverable; with no kind it is classified first."""
    if hostile.is_marked_name(source.name):
        return hostile.held_as_classified()
    kind = kind or classify(source, campaign)
    deliverable = next((d for d in campaign.deliverables if d.kind == kind), None)
    limit = deliverable.max_size if deliverable else max(d.max_size for d in campaign.deliverables)
    if found := hostile.size_findings(source, limit):
        return Checked(found, {"size": source.size})
    return _check_content(_in_memory(source), deliverable, campaign, prefecture)


def _check_content(
    source: Source, deliverable: Deliverable | None, campaign: Campaign, prefecture: Prefecture | None
) -> Checked:
    actual = identify(source)
    facts = {"size": source.size, "type": actual}
    if found := hostile.container_findings(source, actual):
        return Checked(found, facts)
    if deliverable and deliverable.kind is Kind.STATISTICS:
        return _check_sheet(source, actual, deliverable, campaign, prefecture)
    document, found = _read(source, actual, "" if deliverable else hostile.MARK_LETTER)
    if document and hostile.is_marked(document):
        return hostile.held_as_classified()
    if deliverable is None:
        return Checked([*found, _unclassified(campaign)], facts)
    found += hostile.type_findings(source, actual, deliverable)
    if has_error(found):
        return Checked(found, facts)
    checked = _by_kind(source, actual, document, deliverable.kind, campaign, prefecture)
    return replace(checked, findings=[*found, *checked.findings], facts=facts | checked.facts)


def _check_sheet(
    source: Source, actual: str | None, deliverable: Deliverable, campaign: Campaign, prefecture: Prefecture | None
) -> Checked:
    """Judge a sheet while its words are searched for marks: its cells are read in another process meanwhile."""
    facts = {"size": source.size, "type": actual}
    typed = hostile.type_findings(source, actual, deliverable)
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(_read, source, actual, hostile.MARK_LETTER)
        fits = not has_error(typed)
        checked = _by_kind(source, actual, None, Kind.STATISTICS, campaign, prefecture) if fits else Checked([])
        document, found = reading.result()
    if document and hostile.is_marked(document):
        return hostile.held_as_classified()
    if has_error(found):
        return Checked([*found, *typed], facts)
    return replace(checked, findings=[*found, *typed, *checked.findings], facts=facts | checked.facts)


def _by_kind(
    source: Source,
    actual: str | None,
    document: Document | None,
    kind: Kind,
    campaign: Campaign,
    prefecture: Prefecture | None,
) -> Checked:
    from baosong.checks import photo, press, report, video  # late: each brings its own heavy parser

    match kind:
        case Kind.VIDEO:
            return video.check(source, campaign.video)
        case Kind.PHOTO:
            return photo.check(source, actual, campaign.photo)
        case Kind.PRESS:
            return press.check(source, actual, document, campaign)
        case Kind.REPORT:
            return report.check(document, actual, campaign, prefecture)
        case Kind.STATISTICS:
            from baosong.checks import statistics  # the heaviest: pandas

            return statistics.check(source, campaign, prefecture)


def _read(source: Source, actual: str | None, only_with: str) -> tuple[Document | None, list[Finding]]:
    if source.size > LARGEST_DOCUMENT:
        return None, []
    try:
        return documents.read(source, actual, only_with), []
    except documents.Locked:
        return None, [hostile.encrypted("文件")]
    except documents.Unreadable as e:
        return None, [hostile.unreadable(str(e))]
    except zips.Bomb as e:
        return None, [hostile.bomb(str(e))]


def _in_memory(source: Source) -> Source:
    """Return a source that reads the store once; a video, or what is as large as one, stays where it is.

    What fails after this is the parser's word on the bytes, never the store's.
    """
    if source.size > LARGEST_DOCUMENT or video_type(source.head()):
        return source
    data = source.read()
    return Source(source.name, len(data), lambda: io.BytesIO(data))


def _unclassified(campaign: Campaign) -> Finding:
    folders = "、".join(f"“{d.folder}”" for d in campaign.deliverables)
    return error(
        "file.unclassified",
        "看不出这是哪一项材料，没有登记。",
        observed="不在任何文件夹里，内容和名字也对不上",
        expected=f"放在这些文件夹之一：{folders}",
        fix=f"请把文件放进对应的文件夹再上传：{folders}。",
    )
