"""One run of the intake DAG without Airflow, and what must be true after it: for tests of what it leads to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from baosong.campaign import Campaign
from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.ledger.work_queue import Lane
from baosong.pipeline import discover, process
from baosong.preservation import records as preserved

CODE = "6501"
AREA = "2023/6501-乌鲁木齐市"


def piece(text: str = "一") -> bytes:
    """Return a press list that passes."""
    return f"科技活动周启动 https://www.xjdaily.com/{text}".encode()


def drop(services: Services, data: bytes, name: str = "链接.txt", folder: str = "媒体报道") -> str:
    key = f"{AREA}/{folder}/{name}"
    services.storage.put("intake", key, data)
    return key


def rows(services: Services) -> list[Submission]:
    return services.ledger.submissions("2023")


def states(services: Services) -> list[str]:
    return [row.state for row in rows(services)]


def keys(services: Services, bucket: str, ending: str = "") -> list[str]:
    """Return what lies in a bucket, but for the pages of the journal."""
    there = (stored.key for stored in services.storage.list(bucket) if not preserved.is_segment(stored.key))
    return sorted(key for key in there if key.endswith(ending))


def receipts(services: Services) -> list[dict[str, Any]]:
    return [json.loads(services.storage.read("outbox", key)) for key in keys(services, "outbox", ".json")]


def audit(services: Services) -> None:
    """Recount everything from the bytes: each filed row has its object, its record and exactly one receipt."""
    answered = Counter(f["sha256"] for r in receipts(services) for f in r["files"])
    filed = [row for row in rows(services) if row.state != "withdrawn"]
    for row in filed:
        assert row.bucket
        assert row.archive_key
        data = services.storage.read(row.bucket, row.archive_key)
        assert hashlib.sha256(data).hexdigest() == row.sha256
        records = preserved.read_records(services.storage, row.bucket, row.archive_key)
        (record,) = [
            r for r in records if (r["identity"], r["origin"], r["arrival"]) == (row.identity, row.key, row.arrival)
        ]
        assert (record["verdict"], record["sha256"], record["filed"]) == (
            row.verdict,
            row.sha256,
            row.filed_at.isoformat(),
        )
    assert answered == Counter(row.sha256 for row in filed)
    objects = {
        key for bucket in ("archive", "quarantine") for key in keys(services, bucket) if not key.endswith(".json")
    }
    assert objects == {row.archive_key for row in filed}
    assert [r["number"] for r in receipts(services)] == list(range(1, len(receipts(services)) + 1))
    for row in rows(services):
        told = [change.after for change in services.ledger.history(row.id)]
        assert (told[0], told[-1], len(set(told))) == ("received", row.state, len(told))


def finished(services: Services) -> bool:
    return not keys(services, "intake") and not services.ledger.unfinished()


def run(services: Services) -> None:
    """Find what is new, check it, archive it and answer, in one lane after the other."""
    run_lane(services, "quick")
    run_lane(services, "large")


def run_lane(services: Services, lane: Lane) -> None:
    for work in discover.find_new(services, lane):
        process.process(services, work)


class Killed(BaseException):
    """The process ends here."""


def killed_at(effect: Callable[..., Any], after: bool) -> Callable[..., Any]:
    def dies(*args: Any, **more: Any) -> Any:
        if after:
            effect(*args, **more)
        raise Killed

    return dies


def with_campaign(services: Services, **changed: Any) -> Services:
    """Return services whose campaign file says something else by now."""

    class Changed:
        def ids(self) -> list[str]:
            return ["2023"]

        def get(self, campaign_id: str) -> Campaign:
            campaign = services.campaigns.get(campaign_id)
            return Campaign(**{name: getattr(campaign, name) for name in Campaign.model_fields} | changed)

    return replace(services, campaigns=Changed())  # type: ignore[arg-type]


def with_deadline(services: Services, deadline: datetime) -> Services:
    """Return services whose campaign ends at this moment: no test waits until it is over."""
    zone = services.campaigns.get("2023").zone  # that of a campaign file, whose deadline names none
    return with_campaign(services, deadline=deadline.astimezone(zone))
