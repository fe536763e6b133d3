"""The four things every piece of work needs, opened together."""

from __future__ import annotations

from dataclasses import dataclass

from baosong.campaign import Campaigns
from baosong.ledger import Ledger
from baosong.settings import Settings
from baosong.storage import Storage


@dataclass(frozen=True, slots=True)
class Desk:
    """Settings, object store, ledger and campaigns of one installation."""

    settings: Settings
    storage: Storage
    ledger: Ledger
    campaigns: Campaigns

    @classmethod
    def open(cls, settings: Settings | None = None) -> Desk:
        """Return a desk on the given settings, or on those of the environment (SettingsError if incomplete)."""
        settings = settings or Settings.load()
        return cls(settings, Storage(settings.s3), Ledger(settings.ledger_url), Campaigns(settings.campaign_dirs))
