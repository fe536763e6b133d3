"""Files that belong to no prefecture: noted, quarantined and answered where operators find it."""

from __future__ import annotations

from collections.abc import Collection

from baosong.campaign.model import RULES_REVISION
from baosong.ledger import State, Submission
from baosong.ledger.services import Services
from baosong.pipeline.archive import archive
from baosong.pipeline.reply import empty_intake, write_unplaced
from baosong.preservation import change_log
from baosong.rules.findings import Checked, Finding, error
from baosong.store.keys import parse_key


def settle_unplaced(services: Services, campaign_ids: Collection[str]) -> None:
    """See these files through to their answer; `campaign_ids` are those whose campaign file can be read."""
    for row in services.ledger.waiting("", "", State.RECEIVED):
        services.ledger.record_check(row.id, Checked([_unplaced(row, campaign_ids)]), RULES_REVISION)
    archive(services, "", "")
    receipts = services.ledger.open_receipts(None, "")
    change_log.write(services, "", "")
    for receipt, files in receipts:
        write_unplaced(services, receipt, files)
        empty_intake(services, files)


def _unplaced(row: Submission, campaign_ids: Collection[str]) -> Finding:
    placed = parse_key(row.key)
    if placed.campaign_id is None:
        what = "文件放在了最外层，看不出是哪次活动、哪个地州市的材料"
    elif placed.campaign_id not in campaign_ids:
        what = f"没有名为“{placed.campaign_id}”的活动"
    else:
        what = "所在的文件夹不属于这次活动的任何一个地州市"
    return error(
        "file.unplaced",
        what,
        observed=row.key,
        expected="活动/代码-地州市/材料文件夹/文件，例如 2023/6501-乌鲁木齐市/统计表/统计表.xlsx",
        fix="请放到本地州市自己的文件夹里重新报送。",
    )
