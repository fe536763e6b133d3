"""The embedded stack: PostgreSQL, an S3 store and Airflow, started and watched by one supervisor."""

from __future__ import annotations

from baosong.stack.areas import Credentials, open_campaign_areas
from baosong.stack.control import StackInfo, down, is_embedded, is_running, log_paths, status, stay, up
from baosong.stack.errors import StackError
from baosong.stack.state import ComponentState

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
