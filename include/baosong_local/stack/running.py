"""The settings of the stack that runs in this process's home; apart, as every command asks for them."""

from __future__ import annotations

import os

from baosong.store.settings import Settings, home_of, overlaid
from baosong_local.stack.layout import Layout
from baosong_local.stack.state import read_json


def running_environment() -> dict[str, str]:
    """Return this process's `BAOSONG_*`, completed by those of the stack that runs in its home."""
    facts = read_json(Layout(home_of()).settings) or {}
    found = {name: str(value) for name, value in facts.items() if name.startswith("BAOSONG_")}
    given = {name: value for name, value in os.environ.items() if name.startswith("BAOSONG_") and value}
    return overlaid(found, given)


def running_settings() -> Settings:
    """Return the settings of the stack that runs in this process's home; SettingsError if none does."""
    return Settings.load(running_environment())
