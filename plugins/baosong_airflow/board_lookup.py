"""What every route of the board needs: the services, campaign and prefecture of an address, and who may ask."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
from airflow.api_fastapi.core_api.security import requires_access_dag, requires_access_view
from fastapi import HTTPException
from sqlalchemy.exc import NoResultFound

from baosong.campaign import Campaign, CampaignError, Prefecture
from baosong_airflow.tasks import open_services

if TYPE_CHECKING:
    from baosong.ledger import Submission
    from baosong.ledger.services import Services

NUMBER = re.compile(r"[1-9][0-9]{0,17}")
RETRY_TIMEOUT = 5.0  # seconds: somebody waits for the page, a task can wait longer

operators_only = requires_access_view(AccessView.PLUGINS)
# What people sent, the held and the refused above all, is for those who may decide on it.
reviewers_only = requires_access_dag("POST", DagAccessEntity.RUN, param_dag_id="release_held")


def services() -> Services:
    """Return the services of this process."""
    return open_services(RETRY_TIMEOUT)


def campaign_of(campaign_id: str) -> Campaign:
    """Return a campaign; 404 if there is none."""
    try:
        return services().campaigns.get(campaign_id)
    except CampaignError:
        raise HTTPException(404, "没有这个活动，或其配置文件有误。") from None


def place_of(campaign_id: str, code: str) -> tuple[Campaign, Prefecture]:
    """Return a campaign and one of its prefectures; 404 if there is none."""
    campaign = campaign_of(campaign_id)
    try:
        return campaign, campaign.prefecture(code)
    except KeyError:
        raise HTTPException(404, "没有这个地州市。") from None


def file_of(campaign: Campaign, code: str, number: str) -> Submission:
    """Return a file by its number in an address; 404 if this prefecture has none such."""
    if NUMBER.fullmatch(number):
        try:
            row = services().ledger.submission(int(number))
        except NoResultFound:
            pass
        else:
            if (row.campaign, row.prefecture) == (campaign.id, code):
                return row
    raise HTTPException(404, "没有这个文件。")
