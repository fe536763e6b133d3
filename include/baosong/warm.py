"""What every task would do for the first time again, done once in the process that they are forked from.

Templates are compiled, tables mapped, and a made-up sheet goes through pandas and Great Expectations, whose caches all
tasks then share. It leaves no thread behind: a fork would lose it, and whatever lock it held.
"""

from __future__ import annotations

import io
import logging

from baosong.campaign import Campaigns
from baosong.checks import datadocs, statistics
from baosong.ledger.models import Base
from baosong.receipts import page as receipts
from baosong.report import pages as report
from baosong.samples.sheets import make_sheet
from baosong.settings import PROJECT
from baosong.source import Source

log = logging.getLogger(__name__)


def warm_up() -> None:
    """Do it. What goes wrong is logged: tasks that are slower are better than none."""
    try:
        Base.registry.configure()
        receipts.render.compile_all()
        report.render.compile_all()
        _check_a_sheet()
    except Exception:
        log.exception("the tasks will be slower")


def _check_a_sheet() -> None:
    campaigns = Campaigns([PROJECT / "include" / "campaigns"])
    campaign = campaigns.get(campaigns.ids()[-1])
    prefecture = campaign.prefectures[0]
    sheet = make_sheet(campaign, prefecture, 0)
    source = Source(sheet.name, len(sheet.content), lambda: io.BytesIO(sheet.content))
    checked = statistics.check(source, campaign, prefecture)
    list(datadocs.tables(checked.validations, campaign.form))
