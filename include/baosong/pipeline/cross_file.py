"""The checks that compare a file with related ones, made when all of a prefecture's files are checked.

Checks of one prefecture run side by side and do not see each other's findings; whoever archives the files sees them
all. Of two prefectures that send the same sheet at the same time at least one gets the finding, since each asks after
its own is checked.
"""

from __future__ import annotations

from collections.abc import Sequence

from baosong.campaign import Campaign, CampaignError
from baosong.ledger import Submission, verdict_of
from baosong.ledger.services import Services
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Kind, Verdict
from baosong.validation.cross_file.context import (
    Neighbours,
    Sheet,
    Twin,
    is_remark,
    remarks,
    report_remarks,
)
from baosong.validation.documents.quotes import Quote
from baosong.validation.photo.perceptual_hash import MOST_BITS, alike
from baosong.validation.statistics.statistics import in_reading_order


def check_related(services: Services, rows: Sequence[Submission], campaign: Campaign) -> bool:
    """Add to a prefecture's checked files what they and related files contradict each other in; True if anything."""
    good = [row for row in rows if verdict_of(row) is Verdict.ACCEPTED]
    sheets = [row for row in good if row.kind == Kind.STATISTICS and row.figures]
    reports = [row for row in good if row.kind == Kind.REPORT]
    found = [(row, _of_sheet(services, row, campaign)) for row in sheets]
    if not sheets:  # a sheet that came along was held against the report already
        found += [(row, _of_report(services, row, campaign)) for row in reports]
    found += _of_photos(services, [row for row in good if row.kind == Kind.PHOTO])
    changed = [_record(services, row, findings, campaign) for row, findings in found]
    return any(changed)


def _record(services: Services, row: Submission, new: list[Finding], campaign: Campaign) -> bool:
    """Replace what these checks found before among a file's findings; False if there is nothing to change."""
    before = [Finding.from_json(f) for f in row.findings]
    others = [f for f in before if not is_remark(f.rule, campaign)]
    if len(others) == len(before) and not new:
        return False
    return services.ledger.remark(row.id, in_reading_order([*others, *new], (row.facts or {}).get("sheets", ())))


def _of_sheet(services: Services, row: Submission, campaign: Campaign) -> list[Finding]:
    ratios = {c.id: (c.indicator, c.per) for c in campaign.form.checks if c.test == "mean" and c.indicator and c.per}
    related = services.ledger.related(row, ratios, [c for c in (row.campaign, campaign.previous) if c])
    names = {"indicators": campaign.form.indicators.sheet, "activities": campaign.form.activities.sheet}
    neighbours = Neighbours(
        files=related.files,
        quotes=_quotes(related.report) if related.report else [],
        means=related.ratios,
        twins=[Twin(names[table], _whose(services, row, other, code)) for table, other, code in related.alike],
    )
    return remarks(Sheet(row.figures or {}, row.facts, campaign), neighbours)


def _of_report(services: Services, row: Submission, campaign: Campaign) -> list[Finding]:
    sheet = services.ledger.newest_good(row.campaign, row.prefecture, Kind.STATISTICS)
    if sheet is None:
        return []
    return report_remarks(_quotes(row), Sheet(sheet.figures or {}, sheet.facts, campaign))


def _of_photos(services: Services, rows: Sequence[Submission]) -> list[tuple[Submission, list[Finding]]]:
    """Hold photos against the prefecture's older ones; a corrected one under the same name replaces it silently.

    One with the very same bytes is found when it is archived, by its hash.
    """
    if not rows:
        return []
    prints = {str((row.facts or {}).get("fingerprint") or "") for row in rows}
    known = services.ledger.photos_like(rows[0].campaign, rows[0].prefecture, prints, MOST_BITS)
    found = []
    for row in rows:
        older = (p for p in known if p.id < row.id and p.slot != row.slot and alike(row.facts or {}, p.facts or {}))
        same = next(older, None)
        same_bytes = same is not None and (same.size, same.facts) == (row.size, row.facts)
        found.append((row, [finding("photo.same_picture", name=same.name)] if same and not same_bytes else []))
    return found


def _quotes(report: Submission) -> list[Quote]:
    return [Quote.from_json(quote) for quote in report.facts.get("quotes", ())]


def _whose(services: Services, row: Submission, campaign_id: str, code: str) -> str:
    """Name a prefecture, with its campaign where that is not the row's; by code where its campaign file is gone."""
    try:
        campaign = services.campaigns.get(campaign_id)
        title, name = campaign.title, campaign.prefecture(code).name
    except (CampaignError, KeyError):
        title, name = campaign_id, code
    return name if campaign_id == row.campaign else phrase("same.elsewhere", campaign=title, name=name)
