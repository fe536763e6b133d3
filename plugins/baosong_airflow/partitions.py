"""Once all prefectures have submitted: the partition keys `2023|6501` rolled up into `2023`.

The classes derive from the scheduler's side of Airflow, which DAG files may use as well: the SDK's RollupMapper takes
them as they are, and the plugin's registration lets every process find them again in a serialized DAG.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from airflow.partition_mappers.base import PartitionMapper
from airflow.partition_mappers.window import Window

if TYPE_CHECKING:
    from pathlib import Path

    from baosong.campaign import Campaigns

SEPARATOR = "|"
NOBODY = "活动配置无法读取"

log = logging.getLogger(__name__)


class CampaignOf(PartitionMapper):
    """Map the key of one prefecture's completeness, `2023|6501`, to its campaign, `2023`."""

    def to_downstream(self, key: str) -> str:
        """Return the campaign of a composite key; ValueError for any other key, which Airflow logs and drops."""
        campaign_id, separator, code = key.partition(SEPARATOR)
        if not (campaign_id and separator and code):
            raise ValueError(f"expected campaign{SEPARATOR}prefecture, got {key!r}")
        return campaign_id


class AllPrefectures(Window):
    """All prefectures that a campaign's file names, as composite keys.

    The key set is read from the file each time and is no part of the serialized window: a new campaign needs no code,
    and mending a campaign file does not wipe what has already arrived.
    """

    def to_upstream(self, decoded_downstream: str) -> Iterable[str]:
        """Return the keys that a campaign waits for.

        The scheduler asks on each of its rounds. A campaign that cannot be read must neither stop it nor count as
        complete, as an empty set would: one key that nobody sends keeps it waiting, and shows the reason in the UI.
        """
        from baosong.campaign import CampaignError
        from baosong.store.settings import Settings, SettingsError

        try:
            campaign = _campaigns(*Settings.load().campaign_dirs).get(decoded_downstream)
        except (CampaignError, SettingsError, OSError) as failure:
            _complain_once(decoded_downstream, str(failure))
            return [f"{decoded_downstream}{SEPARATOR}{NOBODY}"]
        return [f"{decoded_downstream}{SEPARATOR}{p.code}" for p in campaign.prefectures]


@lru_cache(maxsize=8)
def _campaigns(*dirs: Path) -> Campaigns:
    """Return one reader for a set of folders; it loads a file again only when the file has changed."""
    from baosong.campaign import Campaigns

    return Campaigns(list(dirs))


@lru_cache(maxsize=256)
def _complain_once(campaign_id: str, reason: str) -> None:
    log.warning("campaign %s cannot be read, its report waits: %s", campaign_id, reason)
