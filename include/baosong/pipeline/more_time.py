"""What an operator does about one prefecture rather than a file: grant it more time, or remind it at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from baosong.campaign import Campaign
from baosong.campaign.model import read_deadline
from baosong.ledger.services import Services
from baosong.pipeline.manual_review import ReviewRefused, checked_reason
from baosong.pipeline.reminders import reminded
from baosong.pipeline.reply import renew_status
from baosong.receipts.messages import extension_messages, reminder_message

LONGEST = timedelta(days=60)
"""How much later than its deadline, or than now where that is over, a prefecture's new deadline may be."""


def extend(services: Services, campaign: Campaign, code: str, when: str, who: str, reason: str, now: datetime) -> str:
    """Grant a prefecture more time, write its status page anew, and say in Chinese what was done.

    Files that came late but within that time are late no more. Repeating it changes nothing. Raises ReviewRefused.
    """
    deadline, reason = extended(services, campaign, code, when, now), checked_reason(reason)
    own, prefecture = campaign.ending(deadline), campaign.prefecture(code)
    if not services.ledger.extend(campaign, code, deadline, who, reason, extension_messages(own, prefecture, reason)):
        raise ReviewRefused(f"{prefecture.name}的截止时间已经是{own.deadline_text}，没有改动。")
    renew_status(services, campaign, prefecture)
    closed = "收报此前已经结束：它报齐后，当夜另出新版终稿。" if services.ledger.closure(campaign.id) else ""
    return f"{prefecture.name}的截止时间已延长到{own.deadline_text}，状态页已更新。{closed}"


def extended(services: Services, campaign: Campaign, code: str, when: str, now: datetime) -> datetime:
    """Return the new deadline that a text means, as `2023-06-20 24:00`; ReviewRefused if it cannot be granted."""
    try:
        deadline = read_deadline(when).replace(tzinfo=campaign.zone)
    except (ValueError, OverflowError):
        raise ReviewRefused("看不懂新的截止时间，应写成 2023-06-20 24:00 的样子。") from None
    own = services.ledger.campaign_for(campaign, code)
    if deadline < own.deadline:
        raise ReviewRefused(f"新的截止时间比现在的（{own.deadline_text}）还早，只能延长，不能提前。")
    if deadline <= now:
        raise ReviewRefused("新的截止时间已经过去，没有延长。")
    latest = max(own.deadline, now) + LONGEST
    if deadline > latest:
        raise ReviewRefused(f"一次最多延长 {LONGEST.days} 天，即不晚于{campaign.text_of(latest)}。")
    return deadline


def remind(services: Services, campaign: Campaign, code: str, who: str, now: datetime) -> str:
    """Have a prefecture reminded of what it lacks, once in an hour of the clock, and say in Chinese what was done.

    Raises ReviewRefused if it lacks nothing, or has no address.
    """
    if why := why_not_reminded(services, campaign, code):
        raise ReviewRefused(why)
    hour = now.astimezone(campaign.zone).strftime("%Y-%m-%d %H")
    message = reminder_message(campaign, reminded(services, campaign, code), now)
    if services.ledger.notify([replace(message, cause=f"{hour} now", who=who)]):
        return "催报邮件已在发送队列里，几分钟内发出；结果见看板的“消息”。"
    return "这个小时里已经催过，没有再发。"


def why_not_reminded(services: Services, campaign: Campaign, code: str) -> str:
    """Say why a prefecture cannot be reminded by mail; empty if it can."""
    if not reminded(services, campaign, code).missing:
        return f"{campaign.prefecture(code).name}没有要催的：材料已齐，或正在校验、等待审核。"
    if not campaign.contact(code).emails:
        return "活动文件里没有写联系人的电子邮箱（contacts），请电话催报。"
    return ""
