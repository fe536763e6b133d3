"""Files that belong to no prefecture: noted, quarantined and answered where operators find it."""

from __future__ import annotations

from collections.abc import Collection

from baosong.campaign.model import RULES_REVISION
from baosong.ledger import State, Submission
from baosong.ledger.services import Services
from baosong.pipeline.archive import archive
from baosong.pipeline.reply import empty_intake, log_answers, write_unplaced
from baosong.preservation import change_log
from baosong.rules.catalogue import finding
from baosong.rules.findings import Checked, Finding
from baosong.store.keys import parse_key


def settle_unplaced(services: Services, ids: Collection[int]) -> None:
    """See these files through to their answer."""
    known = services.campaigns.ids()
    for row in services.ledger.waiting("", "", State.RECEIVED, ids):
        services.ledger.record_check(row.id, Checked([_unplaced(row, known)]), RULES_REVISION)
    archive(services, "", "", ids)
    receipts = services.ledger.unplaced_receipts()
    change_log.write(services, "", "")
    for receipt, files in receipts:
        write_unplaced(services, receipt, files)
        empty_intake(services, files)
    log_answers(receipts)


def _unplaced(row: Submission, campaign_ids: Collection[str]) -> Finding:
    placed = parse_key(row.key)
    if placed.campaign_id is None:
        return finding("file.unplaced", "outermost", key=row.key)
    if placed.campaign_id not in campaign_ids:
        return finding("file.unplaced", "campaign", key=row.key, campaign=placed.campaign_id)
    return finding("file.unplaced", "prefecture", key=row.key)
