"""After a deadline: ask daily whether to close a campaign that prefectures are missing from, and do as is answered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from baosong.ledger.services import Services
from baosong.pipeline.completeness import is_complete
from baosong.pipeline.open_campaign import opened_campaigns, renew_status_pages
from baosong.pipeline.publish import publish_report
from baosong.pipeline.reminders import running_deadlines
from baosong.receipts.view import describe_deliverables

if TYPE_CHECKING:
    from baosong.campaign import Campaign

Question = dict[str, str]
"""`campaign_id`, `day` (ISO), and what a person reads: `subject` and, in Markdown, `body`."""

_HOW = (
    "**结束收报**：以现有材料写出终稿，写明缺报的地州市；此后到的文件照常校验、归档，列为迟报，全部报齐后另出新版。\n\n"
    "**继续等待**：不写终稿，明天仍未报齐的再问。到时没有答复的，按继续等待办理。"
)


def questions(services: Services, run: str, now: datetime) -> list[Question]:
    """Return what a run is to ask: one question per opened campaign that is over for all who are not complete.

    Each campaign is asked about once a day, by one run, which gets the same again until it has its answer; a closed
    one never.
    """
    over = (campaign for campaign in opened_campaigns(services) if now >= campaign.deadline)
    found = (_question(services, campaign, run, now) for campaign in over)
    return [question for question in found if question]


def _question(services: Services, campaign: Campaign, run: str, now: datetime) -> Question | None:
    missing, day = _missing(services, campaign), now.astimezone(campaign.zone).date()
    if not missing or _has_time(services, campaign, missing, now):
        return None
    if not services.ledger.ask_closing(campaign.id, day, run, list(missing)):
        return None
    lines = [f"- {campaign.prefecture(code).name}：{lacking}" for code, lacking in missing.items()]
    return {
        "campaign_id": campaign.id,
        "day": day.isoformat(),
        "subject": f"{campaign.title}：{len(missing)} 个地州市未报齐，是否结束收报？",
        "body": "\n".join([f"截止时间 {campaign.deadline_text} 已过，尚未报齐的：\n", *lines, f"\n{_HOW}"]),
    }


def _has_time(services: Services, campaign: Campaign, codes: Collection[str], now: datetime) -> bool:
    """Return whether any of these was granted time that is not over: a report that names it must wait for that."""
    due = services.ledger.deadlines(campaign)
    return any(now < due[code] for code in codes)


def _missing(services: Services, campaign: Campaign) -> dict[str, str]:
    """Return what each prefecture lacks that is not complete, in words, in the campaign's order."""
    cells, complete = services.ledger.completeness(campaign), services.ledger.complete_prefectures(campaign)
    return {
        p.code: "、".join(
            f"{d['name']}（{d['word']}）" for d in describe_deliverables(campaign, cells[p.code]) if d["lacking"]
        )
        for p in campaign.prefectures
        if p.code not in complete
    }


def decide(
    services: Services, campaign_id: str, day: date, close: bool, who: str | None, reason: str, now: datetime
) -> str:
    """Do as a day's question was answered, and say in Chinese what was done; repeating it does the same.

    Nobody is closed out who was not on the list that was shown or has been granted more time, and a campaign that is
    complete by now ends as usual.
    """
    campaign = services.campaigns.get(campaign_id)
    shown, missing = services.ledger.asked_closing(campaign_id, day).missing, list(_missing(services, campaign))
    if close and (not set(missing) <= set(shown) or _has_time(services, campaign, missing, now)):
        close, reason = False, f"名单有变化或有单位延长了截止时间，没有结束（{reason}）"
    closed = services.ledger.decide_closing(campaign_id, day, missing if close else [], who, reason, now)
    if not closed:
        return "已全部报齐，照常写终稿。" if not missing else "继续等待。"
    renew_status_pages(services, campaign_id)
    written = publish_report(services, campaign_id, "final", now)
    return f"已结束收报，终稿第 {written['version']} 版写明缺报 {len(written['missing'])} 个地州市。"


def edition_due(services: Services, campaign_id: str) -> Literal["final", "interim"]:
    """Return what the night is to write.

    Once somebody has closed the campaign, that is a final edition if it is lacking; and again from when a prefecture
    is complete that was granted the time for it after the end.
    """
    closing, editions = services.ledger.closure(campaign_id), services.ledger.editions(campaign_id)
    if is_complete(services, campaign_id):
        return "final"
    if closing is None or closing.decided_at is None:
        return "interim"
    written = any(e.edition == "final" and e.created_at >= closing.decided_at for e in editions)
    return "interim" if written and not _reopened(services, campaign_id) else "final"


def _reopened(services: Services, campaign_id: str) -> bool:
    campaign = services.campaigns.get(campaign_id)
    return bool(services.ledger.complete_prefectures(campaign, running_deadlines(services, campaign)))
