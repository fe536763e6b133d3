"""Messages as people read them: what became of each, for the board."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from baosong.campaign import Campaign
from baosong.ledger.notifications import STALE
from baosong.receipts.view import Json
from baosong.rules.words import time_text

if TYPE_CHECKING:
    from baosong.ledger import Notification

_UNDER_WAY = timedelta(minutes=2)
_CHANNELS = {"mail": "邮件", "chat": "群消息"}


def message_line(row: Notification, campaign: Campaign, now: datetime) -> Json:
    """Return a message as the board lists it: to whom, about what, and what became of it, with how that looks."""
    names = {p.code: p.name for p in campaign.prefectures}
    text, look = _outcome(row, campaign, now)
    return {
        "at": time_text(row.created_at, campaign.zone),
        "to": names.get(row.prefecture, row.prefecture) if row.prefecture else "值班人员",
        "channel": _CHANNELS[row.channel],
        "subject": row.subject,
        "text": text,
        "look": look,
    }


def _outcome(row: Notification, campaign: Campaign, now: datetime) -> tuple[str, str]:
    if row.sent_at:
        text = f"已发出 {time_text(row.sent_at, campaign.zone)}"
        return (f"{text}；{row.note}", "held") if row.note else (text, "done")
    if row.handed_over_at:
        if now - row.handed_over_at < _UNDER_WAY:
            return "正在发送", "waiting"
        return "发送时中断，对方可能已收到，不再重发；要紧的请电话确认", "held"
    if now - row.created_at > STALE:
        return f"{STALE.days} 天没有发出，不再发送；{row.note or '发送流程没有运行'}", "failed"
    return (f"等待重发：{row.note}", "failed") if row.note else ("等待发送", "waiting")
