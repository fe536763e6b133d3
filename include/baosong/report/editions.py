"""The region's report: its editions, their versions and where they lie."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from baosong.report.consolidation import RegionFigures, region_figures
from baosong.report.files import CHANGES, DOCUMENT, FIGURES, PAGE, PDF, TYPES, WORKBOOK, json_bytes

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from baosong.ledger import Edition, Ledger
    from baosong.ledger.services import Services
    from baosong.report.material import Sources


class ReportBusy(RuntimeError):
    """Somebody else is writing this edition, and has been for longer than a report takes."""


@retry(retry=retry_if_exception_type(ReportBusy), wait=wait_fixed(0.5), stop=stop_after_delay(300), reraise=True)
def write_report(
    services: Services, campaign_id: str, edition: Literal["final", "interim"], now: datetime
) -> dict[str, Any]:
    """Write an edition to the reports bucket and record it; the same inputs as the last one's write nothing.

    Returns `{"edition", "version", "prefix", "totals": {code: text}, "missing": [codes], "new": bool}`. Repeating it
    after a crash writes the same version again: an edition exists once the ledger has it. What another writer left in
    the last edition's folder is put right first. ReportBusy if another run is writing the same edition and does not
    finish; TemplateRefused if the report's template is wrong.
    """
    with edition_lock(services.ledger, campaign_id, edition) as mine:
        if not mine:
            raise ReportBusy(f"another run is writing the {edition} report of {campaign_id}")
        return _write(services, campaign_id, edition, now)


def edition_lock(ledger: Ledger, campaign_id: str, edition: str) -> AbstractContextManager[bool]:
    """Give whether nobody else is writing this edition now, and keep others from it."""
    return ledger.advisory_lock(f"report:{campaign_id}:{edition}")


def _write(services: Services, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    from baosong.report.docx.document import template_of
    from baosong.report.edition_copies import made_whole
    from baosong.report.figures import figures_json
    from baosong.report.material import sources

    campaign = services.campaigns.get(campaign_id)
    last = _last(services.ledger, campaign_id, edition)  # before the figures: who is overtaken in between must notice
    figures = region_figures(services.ledger, campaign, now.astimezone(campaign.zone))
    chosen, template = sources(figures), template_of(campaign_id, services.settings.campaign_dirs).read_bytes()
    inputs_sha = _inputs_sha(figures, chosen, template)
    version = last.version + 1 if last else 1
    prefix = _prefix(figures, edition, version)
    unchanged = last is not None and last.inputs_sha == inputs_sha
    if last is not None and (unchanged or last.prefix != prefix):  # nothing else will be written over it
        whole = made_whole(services.storage, last)
        _refuse_if_overtaken(services, campaign_id, edition, version)
        if unchanged and whole:
            return _told(edition, last.version, last.prefix, last.figures, new=False)
    stated = figures_json(figures, edition, version)
    stated |= {
        "inputs_sha": inputs_sha,
        "template": hashlib.sha256(template).hexdigest(),
        "sources": [
            {"kind": s.kind, "prefecture": s.prefecture, "submission": s.id, "file": s.name, "sha256": s.sha256}
            for s in (*chosen.reports, *chosen.photos)
        ],
    }
    _put_files(services, figures, edition, chosen, template, stated, last, prefix)
    if not services.ledger.add_edition(campaign_id, edition, version, prefix, inputs_sha, stated):
        raise ReportBusy(f"another run has written {prefix} meanwhile")
    return _told(edition, version, prefix, stated, new=True)


def _put_files(
    services: Services,
    figures: RegionFigures,
    edition: str,
    chosen: Sources,
    template: bytes,
    stated: dict[str, Any],
    last: Edition | None,
    prefix: str,
) -> None:
    from baosong.report.changes import changes_since
    from baosong.report.docx.document import make_document
    from baosong.report.edition_copies import lay_by
    from baosong.report.html import make_page
    from baosong.report.material import highlights, pictures
    from baosong.report.narrative import Material, words
    from baosong.report.xlsx.workbook import make_workbook
    from baosong.report.year_over_year import compared

    changes = changes_since(last.figures, stated) if last else None
    material = Material(
        highlights(services.storage, figures, chosen.reports),
        pictures(services.storage, figures, chosen.photos),
        compared(services, figures),
        changes,
    )
    said = words(figures, edition, stated["version"], material)
    document = make_document(template, said, figures.as_of)
    contents = {
        WORKBOOK: make_workbook(figures, edition, changes),
        DOCUMENT: document,
        PAGE: make_page(document).encode(),
        CHANGES: json_bytes(changes.as_json() if changes else {"against": None, "figures": [], "texts": []}),
    }
    stated["files"] = lay_by(services.storage, figures.campaign.id, contents)
    contents[FIGURES] = json_bytes(stated)
    for name in (FIGURES, PDF):  # of an earlier edition of the day
        services.storage.remove("reports", f"{prefix}{name}")
    for name, kind in TYPES.items():
        _refuse_if_overtaken(services, figures.campaign.id, edition, stated["version"])
        services.storage.put("reports", f"{prefix}{name}", contents[name], kind)


def _refuse_if_overtaken(services: Services, campaign_id: str, edition: str, version: int) -> None:
    """Raise ReportBusy where the ledger has this version by now: our claim was lost with its connection."""
    last = _last(services.ledger, campaign_id, edition)
    if last is not None and last.version >= version:
        raise ReportBusy(f"another run has written {last.prefix} meanwhile")


def _inputs_sha(figures: RegionFigures, chosen: Sources, template: bytes) -> str:
    """Return a sha256 that changes with anything that the documents are made of."""
    digest = hashlib.sha256(f"{figures.inputs_sha}\n".encode())
    for s in (*chosen.reports, *chosen.photos):
        digest.update(f"{s.prefecture} {s.kind} {s.sha256}\n".encode())
    digest.update(template)
    return digest.hexdigest()


def _last(ledger: Ledger, campaign_id: str, edition: str) -> Edition | None:
    written = [e for e in ledger.editions(campaign_id) if e.edition == edition]
    return max(written, key=lambda e: e.version, default=None)


def _prefix(figures: RegionFigures, edition: str, version: int) -> str:
    """Return the folder: a final edition has its own for ever, a day has one interim edition, its latest."""
    part = f"v{version}" if edition == "final" else figures.as_of.date().isoformat()
    return f"{figures.campaign.id}/{edition}/{part}/"


def _told(edition: str, version: int, prefix: str, stated: dict[str, Any], *, new: bool) -> dict[str, Any]:
    missing = [p["code"] for p in stated["missing"]]
    return {
        "edition": edition,
        "version": version,
        "prefix": prefix,
        "totals": stated["totals"],
        "missing": missing,
        "new": new,
    }
