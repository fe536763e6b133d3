"""What every task would do for the first time again, done once in the process that they are forked from.

Templates are compiled, tables mapped, and a form with one wrong row goes through pandas and Great Expectations, whose
caches all tasks then share. It leaves no thread behind: a fork would lose it, and whatever lock it held.
"""

from __future__ import annotations

import io
import logging
import os
from contextlib import suppress

import imageio_ffmpeg
from airflow.sdk.listener import get_listener_manager

from baosong.campaign import Campaign, CampaignError, Campaigns
from baosong.campaign.blank_form.template import new_book
from baosong.campaign.layout import first_activity_row
from baosong.ledger.models import Base
from baosong.ledger.rehearsal import rehearse
from baosong.receipts import view as receipts
from baosong.report import wording as report
from baosong.store.settings import campaign_dirs, ledger_url
from baosong.store.source import Source
from baosong.validation.sandbox.run import missing_belts
from baosong.validation.statistics import datadocs, statistics
from baosong_airflow import tasks

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Do it. What goes wrong is logged: tasks that are slower are better than none."""
    try:
        Base.registry.configure()
        receipts.render.compile_all()
        report.render.compile_all()
        campaign = _newest_campaign()
        _check_a_sheet(campaign)
        imageio_ffmpeg.get_ffmpeg_exe()  # which tries the program, once a process
        get_listener_manager()  # finds our plugin anew in each process that has not asked before
        if missing := missing_belts():  # tried here once for all tasks
            log.error("this machine's kernel refuses %s: files are opened less confined", " and ".join(missing))
        tasks.ledger_of(ledger_url(os.environ), tasks.RETRY_TIMEOUT).rehearse(rehearse, campaign)
    except Exception:
        log.exception("the tasks will be slower")


def _newest_campaign() -> Campaign:
    campaigns = Campaigns(campaign_dirs())
    for campaign_id in campaigns.ids():
        with suppress(CampaignError):  # each run says so
            campaign = campaigns.get(campaign_id)
    return campaign


def _check_a_sheet(campaign: Campaign) -> None:
    prefecture = campaign.prefectures[0]
    book = new_book(campaign, prefecture)
    for column in range(1, len(campaign.form.activities.fields) + 1):  # nothing is expected of a list without a row
        book[campaign.form.activities.sheet].cell(first_activity_row(campaign.form), column, "预热")
    book.save(content := io.BytesIO())
    source = Source("统计表.xlsx", len(content.getvalue()), lambda: io.BytesIO(content.getvalue()))
    checked = statistics.check(source, campaign, prefecture)
    list(datadocs.tables(checked.validations, campaign.form))
