"""Checks: what a file is, whether it may pass, and everything that is wrong with it in one go.

`check` is the one door for the pipeline and the command line. It raises on no file: only an ill system raises. What is
inside a file is looked at in a child process (`judge` says what, `sandbox` how, `sheet_child` reads the sheets); what
is done here, the judging of a sheet's cells above all, has the same limit of processor time (`patience`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from baosong.campaign import Campaign, Deliverable, Prefecture
from baosong.rules.catalogue import can_be_taken, finding, phrase
from baosong.rules.findings import Checked, Kind, has_error
from baosong.store.source import Source
from baosong.validation import inspection
from baosong.validation.common import classifier, file_safety
from baosong.validation.common.filetypes import identify, video_type
from baosong.validation.sandbox import client
from baosong.validation.sandbox.time_limit import OwnTimeIsUp, processor_time

SECONDS_TO_CLASSIFY = 4  # all prefectures wait for it
SHEETS = (".xlsx", ".xls", ".xlsm", ".et", ".ods")
__all__ = ["check", "classify", "prepare"]

_CHECKED: TypeAdapter[Checked] = TypeAdapter(Checked)
_CLASSIFIED: TypeAdapter[str | None] = TypeAdapter(str | None)


def prepare(kind: Kind | None, names: Iterable[str]) -> None:
    """Where a file of these names may be a sheet, import what judges it while the sandbox starts in its own process."""
    if kind is Kind.STATISTICS or (kind is None and any(name.lower().endswith(SHEETS) for name in names)):
        from baosong.validation.statistics.gx import great_expectations

        client.start()
        great_expectations()


def check(source: Source, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Judge one file as a deliverable; with no kind it is classified first."""
    if file_safety.is_marked_name(source.name):
        return file_safety.held_as_classified()
    try:
        with processor_time(client.SECONDS):
            return _check(source, kind or _classify(source, campaign), campaign, prefecture)
    except OwnTimeIsUp:
        return Checked([finding("file.too_costly", "judging")], {"size": source.size}, held=True)
    except client.ResourceLimitExceeded as what:
        return Checked([finding("file.too_costly", "opening", what=str(what))], {"size": source.size})
    except client.WorkerCrashed as how:
        return Checked([finding("file.crash", how=str(how))], {"size": source.size})


def classify(source: Source, campaign: Campaign) -> Kind | None:
    """Return the deliverable that a file is, or None when it cannot be told or the campaign does not ask for it."""
    try:
        return _classify(source, campaign)
    except (client.ResourceLimitExceeded, client.WorkerCrashed):
        return None


def _check(source: Source, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    deliverable = next((d for d in campaign.deliverables if d.kind == kind), None)
    limit = deliverable.max_size if deliverable else max(d.max_size for d in campaign.deliverables)
    if found := file_safety.size_findings(source, limit):
        return Checked(found, {"size": source.size})
    source = _in_memory(source)
    if deliverable and deliverable.kind is Kind.STATISTICS:
        return _check_sheet(source, deliverable, campaign, prefecture)
    inside = _inside(source, kind, campaign, prefecture)
    if kind is not Kind.VIDEO or deliverable is None or inside.held or has_error(inside.findings):
        return inside
    from baosong.validation.video import video

    film = video.check(source, campaign.video)
    return Checked([*inside.findings, *film.findings], inside.facts | film.facts, held=film.held)


def _check_sheet(
    source: Source, deliverable: Deliverable, campaign: Campaign, prefecture: Prefecture | None
) -> Checked:
    """Judge a sheet while its words are searched for marks: its cells are read in another process meanwhile.

    Its container's directory is read here: that is bounded, and another child would cost a small sheet its share.
    """
    actual = identify(source)
    facts = {"size": source.size, "type": actual}
    if found := file_safety.container_findings(source, actual):
        return Checked(found, facts)
    from baosong.validation.statistics import statistics

    typed = file_safety.type_findings(source, actual, deliverable)
    with ThreadPoolExecutor(1) as beside:
        reading = beside.submit(client.run, inspection.words, source, actual)
        checked = Checked([]) if has_error(typed) else statistics.check(source, campaign, prefecture)
        words: Checked = _believed(_CHECKED, reading.result())
    if words.held and any(f.rule == "file.classified" for f in words.findings):
        return words
    if "unread" in words.facts:
        return Checked([*words.findings, *typed], facts)
    found = [*words.findings, *typed, *checked.findings]
    if has_error(found):  # it is sent back, so that it waits for nobody to search the rest of it
        searched = [f for f in found if f.rule != "file.not_searched"]
        facts |= {"unsearched": True} if len(searched) < len(found) else {}
        figures = checked.figures if can_be_taken(found) else None
        return replace(checked, findings=searched, facts=facts | checked.facts, figures=figures)
    return replace(checked, findings=found, facts=facts | checked.facts, held=checked.held or words.held)


def _inside(source: Source, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    if video_type(source.head()):  # known by its first bytes: no parser is asked
        return inspection.inside(source, kind, campaign, prefecture)
    told: Checked = _believed(_CHECKED, client.run(inspection.inside, source, kind, campaign, prefecture))
    return told


def _classify(source: Source, campaign: Campaign) -> Kind | None:
    if not source.size or video_type(source.head()):
        return classifier.classify(source, campaign)
    told = client.run(classifier.classify, source, campaign, seconds=SECONDS_TO_CLASSIFY)
    return Kind(found) if (found := _believed(_CLASSIFIED, told)) else None


def _believed(of: TypeAdapter[Any], told: bytes) -> Any:
    """Return a child's answer if it is of its type and fit for a database; else it was no child of ours that spoke."""
    try:
        if b"\\u0000" in told:
            raise ValueError("NUL")
        return of.validate_json(told)
    except ValueError as e:
        raise client.WorkerCrashed(phrase("sandbox.garbled")) from e


def _in_memory(source: Source) -> Source:
    """Return a source that reads the store once; a video, or what is as large as one, stays where it is.

    What fails after this is the parser's word on the bytes, never the store's.
    """
    if source.size > client.LARGEST or video_type(source.head()):
        return source
    data = source.read()
    return Source(source.name, len(data), lambda: io.BytesIO(data))
