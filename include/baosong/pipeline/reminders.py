"""Reminders (催报): who has not sent all, told on certain days before and after the deadline, each day once."""

from __future__ import annotations

from datetime import date, datetime

from baosong.campaign import Campaign
from baosong.campaign.model import Reminders
from baosong.ledger.notifications import Message
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import opened_campaigns
from baosong.receipts.messages import Reminded, reminder_message, reminder_overview
from baosong.receipts.view import describe_deliverables


def is_due(reminders: Reminders, last_day: date, today: date) -> bool:
    """Return whether this is a day of reminders for a deadline on `last_day`."""
    left = (last_day - today).days
    return left in reminders.before if left >= 0 else -left in reminders.after


def remind_all(services: Services, now: datetime) -> int:
    """Decide the reminders of today in every opened campaign; return how many messages are new."""
    return sum(services.ledger.notify(reminders(services, campaign, now)) for campaign in opened_campaigns(services))


def reminders(services: Services, campaign: Campaign, now: datetime) -> list[Message]:
    """Return today's reminders, the same whenever they are asked for.

    There are none before the campaign's time of day; once it is closed, only for who was granted time after that.
    """
    here = now.astimezone(campaign.zone)
    if here.strftime("%H:%M") < campaign.reminders.at:
        return []
    due = {
        code: deadline
        for code, deadline in running_deadlines(services, campaign).items()
        if is_due(campaign.reminders, campaign.last_day(deadline), here.date())
    }
    if not due:  # which is so on most days
        return []
    asked = (
        Reminded(campaign.prefecture(code), due[code], describe_deliverables(campaign, cells))
        for code, cells in services.ledger.completeness(campaign, due).items()
    )
    lacking = [one for one in asked if one.missing]
    mails = [reminder_message(campaign, one, now) for one in lacking if campaign.contact(one.prefecture.code).emails]
    return [*mails, *(reminder_overview(campaign, lacking, now) if lacking else [])]


def running_deadlines(services: Services, campaign: Campaign) -> dict[str, datetime]:
    """Return the deadlines by prefecture, but of a closed campaign only those that were granted after its end."""
    due, closure = services.ledger.deadlines(campaign), services.ledger.closure(campaign.id)
    if closure is None or closure.decided_at is None:
        return due
    return {code: deadline for code, deadline in due.items() if deadline > closure.decided_at}


def reminded(services: Services, campaign: Campaign, code: str) -> Reminded:
    """Return what a prefecture can be reminded of on any day; it may lack nothing."""
    cells = services.ledger.completeness(campaign, [code])[code]
    due = services.ledger.campaign_for(campaign, code).deadline
    return Reminded(campaign.prefecture(code), due, describe_deliverables(campaign, cells))
