"""What Baosong adds to Airflow: partition classes for the scheduler, and the board for its people.

Airflow loads this file in every process, so the board is imported only where somebody asks for it: the api-server.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from baosong_airflow.partitions import AllPrefectures, CampaignOf


class BaosongPlugin(AirflowPlugin):
    """Registers our partition classes, and mounts the board under /baosong with an entry in the navigation."""

    name = "baosong"
    partition_mappers: ClassVar = [CampaignOf]
    windows: ClassVar = [AllPrefectures]
    external_views: ClassVar = [
        {"name": "报送看板", "href": "baosong/", "destination": "nav", "url_route": "baosong", "nav_top_level": True}
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:
        """The board, and the metrics, which have a token in place of Airflow's sign-in."""
        from baosong_airflow import board_app, metrics_app

        return [
            {"name": "报送看板", "app": board_app.app, "url_prefix": "/baosong"},
            {"name": "报送指标", "app": metrics_app.app, "url_prefix": "/baosong-metrics"},
        ]
