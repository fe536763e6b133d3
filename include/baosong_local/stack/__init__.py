"""The embedded stack: PostgreSQL, an S3 store and Airflow, started and watched by one supervisor."""

from __future__ import annotations

from baosong_local.stack.grants import Credentials, open_campaign_areas
from baosong_local.stack.lifecycle import StackInfo, down, is_embedded, is_running, log_paths, status, stay, up
from baosong_local.stack.state import ComponentState, StackError

__all__ = [
    "ComponentState",
    "Credentials",
    "StackError",
    "StackInfo",
    "down",
    "is_embedded",
    "is_running",
    "log_paths",
    "open_campaign_areas",
    "status",
    "stay",
    "up",
]
