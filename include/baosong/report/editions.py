"""The editions of the region's report: their versions, folders and files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from tenacity import retry, retry_if_exception_type, stop_after_delay, wait_fixed

from baosong.report.changes import Changes, changes_since
from baosong.report.consolidation import RegionFigures, region_figures
from baosong.report.edition_copies import restore, store_copies
from baosong.report.files import (
    CHANGES,
    DOCUMENT,
    FIGURES,
    ONE_PAGE,
    PAGE,
    PDFS,
    SLIDES,
    TEMPLATES,
    TYPES,
    WORKBOOK,
    json_bytes,
)
from baosong.report.identity import inputs_sha
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Kind

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from baosong.ledger import Edition, Ledger
    from baosong.ledger.services import Services
    from baosong.report.material import Sources
    from baosong.report.year_over_year import Comparison


class ReportBusy(BaosongError):
    """Another run is writing this edition, and has been for longer than a report takes."""


@retry(retry=retry_if_exception_type(ReportBusy), wait=wait_fixed(0.5), stop=stop_after_delay(300), reraise=True)
def write_report(
    services: Services, campaign_id: str, edition: Literal["final", "interim"], now: datetime
) -> dict[str, Any]:
    """Write an edition to the reports bucket and record it; inputs that have not changed write nothing.

    Returns `{"edition", "version", "prefix", "totals": {code: text}, "missing": [codes], "new": bool}`. Repeating it
    after a crash writes the same version again: an edition exists once the ledger has it. Files of the last edition
    that another writer has overwritten are restored first. ReportBusy if another run is writing the same edition and
    does not finish; TemplateRefused if the report's template is faulty.
    """
    with edition_lock(services.ledger, campaign_id, edition) as mine:
        if not mine:
            raise ReportBusy(f"another run is writing the {edition} report of {campaign_id}")
        return _write(services, campaign_id, edition, now)


def edition_lock(ledger: Ledger, campaign_id: str, edition: str) -> AbstractContextManager[bool]:
    """Yield whether this run alone may write the edition; others are kept out until the context ends."""
    return ledger.advisory_lock(f"report:{campaign_id}:{edition}")


def _write(services: Services, campaign_id: str, edition: Literal["final", "interim"], now: datetime) -> dict[str, Any]:
    from baosong.report.docx.document import template_of

    campaign = services.campaigns.get(campaign_id)
    last = _last(services.ledger, campaign_id, edition)  # read before the figures, so that a later overtaking shows
    figures = region_figures(services.ledger, campaign, now.astimezone(campaign.zone))
    if edition == "final" and figures.missing and (closing := services.ledger.closure(campaign_id)):
        figures = replace(figures, closed_at=closing.decided_at)
    folders = services.settings.campaign_dirs
    templates = {name: template_of(name, campaign_id, folders).read_bytes() for name in TEMPLATES}
    draft = _Draft(services, figures, edition, last, templates)
    if last is not None and (draft.is_unchanged or last.prefix != draft.prefix):  # a new version would overwrite it
        intact = restore(services.storage, last)
        draft.refuse_if_overtaken()
        if draft.is_unchanged and intact:
            return _summary(edition, last.version, last.prefix, last.figures, new=False)
    stated = draft.figures_json()
    draft.put_files(stated)
    if not services.ledger.add_edition(campaign_id, edition, draft.version, draft.prefix, draft.inputs_sha, stated):
        raise ReportBusy(f"another run has written {draft.prefix} meanwhile")
    return _summary(edition, draft.version, draft.prefix, stated, new=True)


@dataclass(frozen=True)
class _Draft:
    """The edition that is to follow `last`, from its inputs to the files in its folder."""

    services: Services
    figures: RegionFigures
    edition: Literal["final", "interim"]
    last: Edition | None
    templates: dict[str, bytes]

    @property
    def version(self) -> int:
        return self.last.version + 1 if self.last else 1

    @property
    def prefix(self) -> str:
        """The folder: every final version has its own; the interim editions of one day overwrite each other."""
        part = f"v{self.version}" if self.edition == "final" else self.figures.as_of.date().isoformat()
        return f"{self.figures.campaign.id}/{self.edition}/{part}/"

    @cached_property
    def inputs_sha(self) -> str:
        return inputs_sha(self.figures, self.last_year, tuple(self.templates.values()))

    @cached_property
    def last_year(self) -> Comparison | None:
        """The figures of the campaign before, as they are now."""
        from baosong.report.year_over_year import compare_years

        return compare_years(self.services, self.figures)

    @cached_property
    def sources(self) -> Sources:
        """The files to quote and to show; who has nothing to write need not choose."""
        from baosong.report.material import sources

        return sources(self.figures)

    @property
    def is_unchanged(self) -> bool:
        return self.last is not None and self.last.inputs_sha == self.inputs_sha

    def figures_json(self) -> dict[str, Any]:
        from baosong.report.figures import figures_json

        press = [s for s in self.figures.accepted if s.kind == Kind.PRESS]
        sources = (*self.sources.reports, *(photo for photo, _ in self.sources.photos), *press)
        return figures_json(self.figures, self.edition, self.version) | {
            "inputs_sha": self.inputs_sha,
            "template": hashlib.sha256(self.templates[DOCUMENT]).hexdigest(),
            "one_page_template": hashlib.sha256(self.templates[ONE_PAGE]).hexdigest(),
            "sources": [
                {"kind": s.kind, "prefecture": s.prefecture, "submission": s.id, "file": s.name, "sha256": s.sha256}
                for s in sources
            ],
        }

    def put_files(self, stated: dict[str, Any]) -> None:
        """Write the folder, the figures last, and add to them the sha256 of all other files."""
        storage, changes = self.services.storage, changes_since(self.last.figures, stated) if self.last else None
        contents = self._documents(changes)
        contents[CHANGES] = json_bytes(changes.as_json() if changes else {"against": None, "figures": [], "texts": []})
        stated["files"] = store_copies(storage, self.figures.campaign.id, contents)
        contents[FIGURES] = json_bytes(stated)
        for name in (FIGURES, *PDFS):  # of an earlier edition of the same day
            storage.remove("reports", f"{self.prefix}{name}")
        for name, kind in TYPES.items():
            self.refuse_if_overtaken()
            storage.put("reports", f"{self.prefix}{name}", contents[name], kind)

    def _documents(self, changes: Changes | None) -> dict[str, bytes]:
        from baosong.report.docx.document import make_document
        from baosong.report.html import make_page
        from baosong.report.material import passages, pictures
        from baosong.report.slides import make_slides
        from baosong.report.template_context import Material, template_context
        from baosong.report.xlsx.workbook import make_workbook

        storage, figures = self.services.storage, self.figures
        material = Material(
            passages(storage, figures, self.sources.reports),
            pictures(storage, figures, self.sources.photos),
            self.last_year,
            changes,
        )
        context = template_context(figures, self.edition, self.version, material)
        made = {
            name: make_document(template, context, figures.as_of, name) for name, template in self.templates.items()
        }
        workbook = make_workbook(figures, self.edition, changes)
        page = make_page(made[DOCUMENT]).encode()
        return {**made, WORKBOOK: workbook, PAGE: page, SLIDES: make_slides(figures, context)}

    def refuse_if_overtaken(self) -> None:
        """Raise ReportBusy where the ledger has this version by now: our lock was lost with its connection."""
        newest = _last(self.services.ledger, self.figures.campaign.id, self.edition)
        if newest is not None and newest.version >= self.version:
            raise ReportBusy(f"another run has written {newest.prefix} meanwhile")


def _last(ledger: Ledger, campaign_id: str, edition: str) -> Edition | None:
    written = [e for e in ledger.editions(campaign_id) if e.edition == edition]
    return max(written, key=lambda e: e.version, default=None)


def _summary(edition: str, version: int, prefix: str, stated: dict[str, Any], *, new: bool) -> dict[str, Any]:
    return {
        "edition": edition,
        "version": version,
        "prefix": prefix,
        "totals": stated["totals"],
        "missing": [p["code"] for p in stated["missing"]],
        "new": new,
    }
