"""The report's material besides figures: sentences from prefectures' reports, and their photographs."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baosong.report import excerpt
from baosong.report.captions import caption
from baosong.report.consolidation import AcceptedFile, RegionFigures
from baosong.report.excerpt import clean_line
from baosong.report.parts import Picture, ranked
from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.sandbox import client

if TYPE_CHECKING:
    from baosong.store.s3 import Storage

log = logging.getLogger(__name__)

MOST_REPORTS = 20
PHOTOS_EACH, ENOUGH_PHOTOS = 2, 8


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to quote and to show, chosen from the ledger alone, so that the same ledger gives the same choice."""

    reports: list[AcceptedFile]
    photos: list[AcceptedFile]


@dataclass(frozen=True, slots=True)
class Highlight:
    """A sentence of a prefecture's own report, and what the report is called; its file may have any name."""

    prefecture: str
    sentence: str
    source: str


def sources(figures: RegionFigures) -> Sources:
    """Return each prefecture's report and first photographs; of many prefectures only those with most participants."""
    place = {p.code: n for n, p in enumerate(figures.campaign.prefectures)}
    if len(place) > MOST_REPORTS:
        required = [i.code for i in figures.campaign.form.indicators.rows if i.required]
        place = {p.prefecture.code: n for n, (_, p, _) in enumerate(ranked(figures, required[-1])[:MOST_REPORTS])}
    files = sorted(
        (s for s in figures.accepted if s.prefecture in place), key=lambda s: (place[s.prefecture], s.name, s.id)
    )
    return Sources([s for s in files if s.kind == Kind.REPORT], _photos(files, place))


def _photos(files: list[AcceptedFile], places: Iterable[str]) -> list[AcceptedFile]:
    """Return one photograph of each prefecture, or two where so few prefectures have any."""
    by_place = [[s for s in files if s.prefecture == code and s.kind == Kind.PHOTO] for code in places]
    each = 1 if sum(map(bool, by_place)) >= ENOUGH_PHOTOS else PHOTOS_EACH
    return [photo for some in by_place for photo in some[:each]]


def highlights(storage: Storage, figures: RegionFigures, reports: list[AcceptedFile]) -> list[Highlight]:
    """Return one sentence of each report that has text: no scans and no .doc files."""
    names = {p.code: p.name for p in figures.campaign.prefectures}
    found = []
    for report in reports:
        suffix = report.name.rpartition(".")[2]
        sentence = _run_sandboxed(storage, report, excerpt.sentence) if suffix.lower() in ("docx", "pdf") else ""
        if isinstance(sentence, str) and sentence:
            name, kind = names[report.prefecture], figures.campaign.deliverable(Kind.REPORT).name
            found.append(Highlight(name, clean_line(sentence), f"{name}{kind}"))
    return found


def pictures(storage: Storage, figures: RegionFigures, photos: list[AcceptedFile]) -> list[Picture]:
    """Return the photographs made small; unreadable ones are left out."""
    listed = {s.prefecture: list(figures.activities.of(s.id)) for s in figures.sheets if s.prefecture in _of(photos)}
    shown: list[Picture] = []
    for photo in photos:
        if made := _run_sandboxed(storage, photo, excerpt.small_photo):
            said = caption(figures.campaign, photo, listed.get(photo.prefecture, ()))
            jpeg, size = base64.b64decode(made["jpeg"]), (int(made["width"]), int(made["height"]))
            shown.append(Picture(jpeg, *size, f"图{len(shown) + 1}　{said}"))
    return shown


def _of(files: list[AcceptedFile]) -> set[str]:
    return {f.prefecture for f in files}


def _run_sandboxed(storage: Storage, row: AcceptedFile, what: Callable[[Source], Any]) -> Any:
    """Return the result of a sandboxed function on an archived file; None without a file or without a result."""
    stored = storage.head("archive", row.archive_key or "")
    try:
        made = json.loads(client.run(what, storage.source("archive", stored))) if stored else None
    except (client.ResourceLimitExceeded, client.WorkerCrashed) as how:
        log.warning("%s: %s", row.archive_key, how)
        return None
    if not made:
        log.warning("nothing to show of %s", row.archive_key)
    return made
