"""The report's material besides figures: passages of prefectures' reports, and their photographs."""

from __future__ import annotations

import base64
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from baosong.report import excerpt
from baosong.report.captions import called_after, caption
from baosong.report.consolidation import AcceptedFile, RegionFigures
from baosong.report.excerpt import Passages, lot
from baosong.report.parts import Picture, ranked
from baosong.rules.findings import Kind
from baosong.store.source import Source
from baosong.validation.sandbox import client

if TYPE_CHECKING:
    from baosong.ledger import ActivityRow
    from baosong.store.storage import Storage

log = logging.getLogger(__name__)

MOST_REPORTS = 20
PHOTOS_EACH, ENOUGH_PHOTOS = 2, 8


@dataclass(frozen=True, slots=True)
class Sources:
    """The files to quote and to show, chosen from the ledger alone, so that the same ledger gives the same choice."""

    reports: list[AcceptedFile]
    photos: list[tuple[AcceptedFile, ActivityRow | None]]
    """With each the activity that it shows, where its file's name tells that."""


def sources(figures: RegionFigures) -> Sources:
    """Return each prefecture's report and first photographs; of many prefectures only those with most participants."""
    place = {p.code: n for n, p in enumerate(figures.campaign.prefectures)}
    if len(place) > MOST_REPORTS:
        required = [i.code for i in figures.campaign.form.indicators.rows if i.required]
        most = sorted(
            ranked(figures, required[-1]), key=lambda r: (r[0], lot(figures.campaign.id, r[1].prefecture.code))
        )
        place = {p.prefecture.code: n for n, (_, p, _) in enumerate(most[:MOST_REPORTS])}
    files = sorted(
        (s for s in figures.accepted if s.prefecture in place), key=lambda s: (place[s.prefecture], s.name, s.id)
    )
    return Sources([s for s in files if s.kind == Kind.REPORT], _photos(figures, files, place))


def _photos(
    figures: RegionFigures, files: list[AcceptedFile], places: Iterable[str]
) -> list[tuple[AcceptedFile, ActivityRow | None]]:
    """Return one photograph of each prefecture, or two where so few prefectures have any.

    One that can be told what it shows goes first, then one of a category that has been shown least.
    """
    by_place = {code: [s for s in files if s.prefecture == code and s.kind == Kind.PHOTO] for code in places}
    each = 1 if sum(map(bool, by_place.values())) >= ENOUGH_PHOTOS else PHOTOS_EACH
    sheets = {s.prefecture: s.id for s in figures.sheets}
    shown, categories = list[tuple[AcceptedFile, "ActivityRow | None"]](), Counter[str | None]()
    for code, photos in by_place.items():
        listed = list(figures.activities.of(sheets[code])) if photos and code in sheets else []
        left = [(photo, called_after(photo, listed)) for photo in photos]
        for _ in left[:each]:
            best = min(left, key=lambda one: (one[1] is None, categories[one[1].category] if one[1] else 0))
            left.remove(best)
            categories.update([best[1].category] if best[1] else [])
            shown.append(best)
    return shown


def passages(storage: Storage, figures: RegionFigures, reports: list[AcceptedFile]) -> dict[str, Passages]:
    """Return by prefecture what may be used of its report, where that has text: no scans and no .doc files."""
    found: dict[str, Passages] = {}
    for report in reports:
        if report.name.rpartition(".")[2].lower() in ("docx", "pdf"):
            read: Passages | None = _run_sandboxed(storage, report, excerpt.passages)
            found |= {report.prefecture: read} if read else {}
    return found


def pictures(
    storage: Storage, figures: RegionFigures, photos: list[tuple[AcceptedFile, ActivityRow | None]]
) -> list[Picture]:
    """Return the photographs made small; unreadable ones are left out."""
    shown: list[Picture] = []
    for photo, activity in photos:
        if made := _run_sandboxed(storage, photo, excerpt.small_photo):
            said = caption(figures.campaign, photo, activity)
            jpeg, size = base64.b64decode(made["jpeg"]), (int(made["width"]), int(made["height"]))
            shown.append(Picture(jpeg, *size, f"图{len(shown) + 1}　{said}"))
    return shown


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
