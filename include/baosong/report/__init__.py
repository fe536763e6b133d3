"""The region's report: its editions, their versions and where they lie."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from baosong.consolidate import RegionFigures, region_figures

if TYPE_CHECKING:
    from baosong.ledger import Edition, Ledger
    from baosong.report.material import Sources
    from baosong.workdesk import Desk

WORKBOOK = "汇总表.xlsx"
DOCUMENT = "汇总总结报告.docx"
PAGE = "汇总总结报告.html"
PDF = "汇总总结报告.pdf"
FIGURES = "figures.json"
CHANGES = "changes.json"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


class ReportBusy(RuntimeError):
    """Somebody else is writing this edition, and has been for longer than a report takes."""


class TemplateRefused(Exception):
    """A report's template that cannot be used; the text is Chinese, and names the place in it."""


@retry(retry=retry_if_exception_type(ReportBusy), wait=wait_fixed(0.5), stop=stop_after_delay(300), reraise=True)
def write_report(desk: Desk, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    """Write an edition to the reports bucket and record it; the same inputs as the last one's write nothing.

    Returns `{"edition", "version", "prefix", "totals": {code: text}, "missing": [codes], "new": bool}`. Repeating it
    after a crash writes the same version again: an edition exists once the ledger has it. ReportBusy if another run
    is writing the same edition and does not finish; TemplateRefused if the report's template is wrong.
    """
    with desk.ledger.claim(f"report:{campaign_id}:{edition}") as mine:
        if not mine:
            raise ReportBusy(f"another run is writing the {edition} report of {campaign_id}")
        return _write(desk, campaign_id, edition, now)


def _write(desk: Desk, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    from baosong import journal
    from baosong.report.document import template_of
    from baosong.report.figures import figures_json
    from baosong.report.material import sources

    campaign = desk.campaigns.get(campaign_id)
    last = _last(desk.ledger, campaign_id, edition)  # before the figures: who is overtaken in between must notice
    figures = region_figures(desk.ledger, campaign, now.astimezone(campaign.zone))
    chosen, template = sources(figures), template_of(campaign_id, desk.settings.campaign_dirs).read_bytes()
    inputs_sha = _inputs_sha(figures, chosen, template)
    if last is not None and last.inputs_sha == inputs_sha and _stands(desk, last):
        return _told(edition, last.version, last.prefix, last.figures, new=False)
    version = last.version + 1 if last else 1
    prefix = _prefix(figures, edition, version)
    stated = figures_json(figures, edition, version)
    stated |= {
        "inputs_sha": inputs_sha,
        "template": hashlib.sha256(template).hexdigest(),
        "sources": [
            {"kind": s.kind, "prefecture": s.prefecture, "submission": s.id, "file": s.name, "sha256": s.sha256}
            for s in (*chosen.reports, *chosen.photos)
        ],
    }
    _put_files(desk, figures, edition, chosen, template, stated, last, prefix)
    if not desk.ledger.add_edition(campaign_id, edition, version, prefix, inputs_sha, stated):
        raise ReportBusy(f"another run has written {prefix} meanwhile")
    journal.write(desk, campaign_id, "")
    return _told(edition, version, prefix, stated, new=True)


def _put_files(
    desk: Desk,
    figures: RegionFigures,
    edition: str,
    chosen: Sources,
    template: bytes,
    stated: dict[str, Any],
    last: Edition | None,
    prefix: str,
) -> None:
    from baosong.report.changes import changes_since
    from baosong.report.document import make_document
    from baosong.report.lastyear import compared
    from baosong.report.material import highlights, pictures
    from baosong.report.narrative import Material, words
    from baosong.report.page import make_page
    from baosong.report.workbook import make_workbook

    changes = changes_since(last.figures, stated) if last else None
    material = Material(
        highlights(desk.storage, figures, chosen.reports),
        pictures(desk.storage, figures, chosen.photos),
        compared(desk, figures),
        changes,
    )
    said = words(figures, edition, stated["version"], material)
    document = make_document(template, said, figures.as_of)
    for name in (FIGURES, PDF):  # of an earlier edition of the day: the figures stand there once all else does
        desk.storage.remove("reports", f"{prefix}{name}")
    told = changes.as_json() if changes else {"against": None, "figures": [], "texts": []}
    for name, content, kind in (
        (WORKBOOK, make_workbook(figures, edition, changes), XLSX),
        (DOCUMENT, document, DOCX),
        (PAGE, make_page(document).encode(), "text/html; charset=utf-8"),
        (CHANGES, _json(told), "application/json"),
        (FIGURES, _json(stated), "application/json"),
    ):
        now_last = _last(desk.ledger, figures.campaign.id, edition)
        if now_last is not None and now_last.version >= stated["version"]:  # our claim was lost with its connection
            raise ReportBusy(f"another run has written {now_last.prefix} meanwhile")
        desk.storage.put("reports", f"{prefix}{name}", content, kind)


def _stands(desk: Desk, last: Edition) -> bool:
    """Return whether an edition's folder holds that edition: a later one of the day may have died over it."""
    key = f"{last.prefix}{FIGURES}"
    if desk.storage.head("reports", key) is None:
        return False
    there = json.loads(desk.storage.read("reports", key))
    return (there["inputs_sha"], there["version"]) == (last.inputs_sha, last.version)


def _json(told: dict[str, Any]) -> bytes:
    return json.dumps(told, ensure_ascii=False, indent=1).encode()


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
