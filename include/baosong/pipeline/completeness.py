"""Which prefectures have sent all that is required, and which of them the report was told of."""

from __future__ import annotations

from collections.abc import Collection

from baosong.ledger.services import Services
from baosong.pipeline.discover import usable_campaigns


def newly_complete(services: Services) -> list[str]:
    """Return `campaign|prefecture` of all that are complete and were not announced yet."""
    return [
        f"{campaign_id}|{code}"
        for campaign_id, campaign in usable_campaigns(services).items()
        for code in services.ledger.newly_complete(campaign)
    ]


def mark_announced(services: Services, keys: Collection[str]) -> None:
    """Record that these `campaign|prefecture` were announced; repeating it does nothing."""
    for key in keys:
        campaign_id, _, code = key.rpartition("|")
        services.ledger.mark_announced(campaign_id, [code])


def is_complete(services: Services, campaign_id: str) -> bool:
    """Return whether every prefecture of a campaign has sent all that is required."""
    campaign = services.campaigns.get(campaign_id)
    return set(services.ledger.complete_prefectures(campaign)) >= {p.code for p in campaign.prefectures}
