"""The object store as Airflow's operators know it: the connection `baosong_s3`, laid over the environment.

Host and port are the endpoint, login and password the keys; the extra may hold `secure`, `region` and `buckets`
(our name to the store's). What the connection leaves out, the environment says.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from baosong.store.settings import Settings

CONN_ID = "baosong_s3"


def load_settings() -> Settings:
    """Return the settings of this process; SettingsError where neither connection nor environment says enough."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return _settings(BaseHook.get_connection(CONN_ID))
    except AirflowNotFoundException:
        return _settings(None)


async def aload_settings() -> Settings:
    """Do the same without blocking the event loop."""
    from airflow.sdk import BaseHook
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        return _settings(await BaseHook.aget_connection(CONN_ID))
    except AirflowNotFoundException:
        return _settings(None)


def _settings(connection: Any) -> Settings:
    from baosong.store.settings import Settings, overlaid

    return Settings.load(overlaid(os.environ, as_environment(connection) if connection else {}))


def as_environment(connection: Any) -> dict[str, str]:
    """Return what a connection says of the store as variables of the environment."""
    extra = connection.extra_dejson
    host = connection.host or ""
    values = {
        "BAOSONG_S3_ENDPOINT": f"{host}:{connection.port}" if host and connection.port else host,
        "BAOSONG_S3_ACCESS_KEY": connection.login,
        "BAOSONG_S3_SECRET_KEY": connection.password,
        "BAOSONG_S3_SECURE": str(extra["secure"]) if "secure" in extra else "",
        "BAOSONG_S3_REGION": extra.get("region"),
        **{f"BAOSONG_BUCKET_{name.upper()}": bucket for name, bucket in extra.get("buckets", {}).items()},
    }
    return {name: value for name, value in values.items() if value}
