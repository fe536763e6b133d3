"""Rows of the ledger without files behind them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from baosong.ledger import Arrival, Ledger
from baosong.rules.findings import Checked

NOW = datetime(2023, 6, 1, 8, 0, tzinfo=UTC)


def arrival(name: str = "a.jpg", kind: str | None = "photo", identity: str = "1", **more: Any) -> Arrival:
    slot = "" if kind in ("statistics", "report") else name
    values: dict[str, Any] = {
        "campaign": "2023",
        "prefecture": "6501",
        "kind": kind,
        "slot": slot,
        "key": f"2023/6501-乌鲁木齐市/{kind}/{name}",
        "name": name,
        "folder": kind,
        "size": 3,
        "identity": identity,
        "etag": identity,
        "modified_at": NOW,
        "version_id": None,
        "received_at": NOW,
        "late": False,
    }
    return Arrival(**{**values, **more})


def received(ledger: Ledger, new: Arrival) -> int:
    assert ledger.receive([new]) == []
    return ledger.submissions(new.campaign, new.prefecture)[-1].id


def checked(ledger: Ledger, new: Arrival, result: Checked | None = None) -> int:
    submission_id = received(ledger, new)
    assert ledger.record_check(submission_id, result or Checked(), "1-x")
    return submission_id
