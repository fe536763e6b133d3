"""Publish the region's report: write the edition, its PDF where that can be made, and its rows in the change log."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from baosong.ledger.services import Services
from baosong.preservation import change_log
from baosong.report.editions import write_report
from baosong.report.pdf import put_pdfs


def publish_report(
    services: Services, campaign_id: str, edition: Literal["final", "interim"], now: datetime
) -> dict[str, Any]:
    """Write an edition and return what `write_report` says of it; every step can be repeated.

    ReportBusy if another run is writing the same edition and does not finish; TemplateRefused if the template is wrong.
    """
    written = write_report(services, campaign_id, edition, now)
    change_log.write(services, campaign_id, "")
    put_pdfs(services.storage, written["prefix"])
    return written
