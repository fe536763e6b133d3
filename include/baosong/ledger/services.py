"""The four services that every task needs, opened together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from baosong.campaign import Campaigns
from baosong.ledger import Ledger
from baosong.store.read_once import ReadOnce
from baosong.store.settings import Settings
from baosong.store.storage import Storage

LedgerOf = Callable[[str, float], Ledger]


@dataclass(frozen=True, slots=True)
class Services:
    """Settings, object store, ledger and campaigns of one installation; `intake` is what was just read there."""

    settings: Settings
    storage: Storage
    ledger: Ledger
    campaigns: Campaigns
    intake: ReadOnce = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "intake", ReadOnce(self.storage, "intake"))

    @classmethod
    def open(
        cls, settings: Settings | None = None, retry_timeout: float = 60.0, ledger_of: LedgerOf = Ledger
    ) -> Services:
        """Open services on the given settings, or on those of the environment (SettingsError if incomplete).

        An outage of store or ledger is retried for `retry_timeout` seconds before it is an error. `ledger_of` gives the
        ledger of a URL where the process has one already.
        """
        settings = settings or Settings.load()
        storage, ledger = Storage(settings.s3, retry_timeout), ledger_of(settings.ledger_url, retry_timeout)
        return cls(settings, storage, ledger, Campaigns(settings.campaign_dirs))
