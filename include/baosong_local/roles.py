"""The roles of those who sign in."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What an account may: look; start flows and decide; all."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"
