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

    There are none before the campaign's time of day, nor once it is closed.
    """
    here, deadline = now.astimezone(campaign.zone), campaign.deadline
    due = is_due(campaign.reminders, campaign.last_day(deadline), here.date())
    if not due or here.strftime("%H:%M") < campaign.reminders.at or services.ledger.closure(campaign.id):
        return []
    asked = (
        Reminded(campaign.prefecture(code), deadline, describe_deliverables(campaign, cells))
        for code, cells in services.ledger.completeness(campaign).items()
    )
    reminded = [one for one in asked if one.missing]
    mails = [reminder_message(campaign, one, now) for one in reminded if campaign.contact(one.prefecture.code).emails]
    return [*mails, *(reminder_overview(campaign, reminded, now) if reminded else [])]
