"""What every task would do for the first time again, done once in the process that they are forked from.

Templates are compiled, tables mapped, and the blank form goes through pandas and Great Expectations, whose caches all
tasks then share. It leaves no thread behind: a fork would lose it, and whatever lock it held.
"""

from __future__ import annotations

import io
import logging
from contextlib import suppress

import imageio_ffmpeg
from airflow.sdk.listener import get_listener_manager

from baosong.campaign import CampaignError, Campaigns
from baosong.campaign.blank_form.template import make_template
from baosong.ledger.models import Base
from baosong.receipts import view as receipts
from baosong.report import wording as report
from baosong.store.settings import campaign_dirs
from baosong.store.source import Source
from baosong.validation.sandbox.run import missing_belts
from baosong.validation.statistics import datadocs, statistics

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Do it. What goes wrong is logged: tasks that are slower are better than none."""
    try:
        Base.registry.configure()
        receipts.render.compile_all()
        report.render.compile_all()
        _check_a_sheet()
        imageio_ffmpeg.get_ffmpeg_exe()  # which tries the program, once a process
        get_listener_manager()  # finds our plugin anew in each process that has not asked before
        if missing := missing_belts():  # tried here once for all tasks
            log.error("this machine's kernel refuses %s: files are opened less confined", " and ".join(missing))
    except Exception:
        log.exception("the tasks will be slower")


def _check_a_sheet() -> None:
    campaigns = Campaigns(campaign_dirs())
    for campaign_id in campaigns.ids():
        with suppress(CampaignError):  # each run says so
            campaign = campaigns.get(campaign_id)
    prefecture = campaign.prefectures[0]
    blank = make_template(campaign, prefecture)
    source = Source("统计表.xlsx", len(blank), lambda: io.BytesIO(blank))
    checked = statistics.check(source, campaign, prefecture)
    list(datadocs.tables(checked.validations, campaign.form))
