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
    def open(cls, settings: Settings | None = None, patience: float = 60.0) -> Desk:
        """Return a desk on the given settings, or on those of the environment (SettingsError if incomplete).

        The absence of store or ledger is borne for `patience` seconds before it is an error.
        """
        settings = settings or Settings.load()
        storage, ledger = Storage(settings.s3, patience), Ledger(settings.ledger_url, patience)
        return cls(settings, storage, ledger, Campaigns(settings.campaign_dirs))
