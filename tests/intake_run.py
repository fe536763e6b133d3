"""One run of the intake DAG without Airflow, and what must be true after it: for tests of what it leads to."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from baosong import archive, review
from baosong.findings import Kind
from baosong.ledger import Submission
from baosong.workdesk import Desk

ALL_KINDS = [kind.value for kind in Kind]
CODE = "6501"
AREA = "2023/6501-乌鲁木齐市"


def piece(text: str = "一") -> bytes:
    """Return a press list that passes."""
    return f"科技活动周启动 https://www.xjdaily.com/{text}".encode()


def drop(desk: Desk, data: bytes, name: str = "链接.txt", folder: str = "媒体报道") -> str:
    key = f"{AREA}/{folder}/{name}"
    desk.storage.put("intake", key, data)
    return key


def rows(desk: Desk) -> list[Submission]:
    return desk.ledger.submissions("2023")


def states(desk: Desk) -> list[str]:
    return [row.state for row in rows(desk)]


def keys(desk: Desk, bucket: str, ending: str = "") -> list[str]:
    """Return what lies in a bucket, but for the pages of the journal."""
    there = (stored.key for stored in desk.storage.list(bucket) if not archive.is_page(stored.key))
    return sorted(key for key in there if key.endswith(ending))


def receipts(desk: Desk) -> list[dict[str, Any]]:
    return [json.loads(desk.storage.read("outbox", key)) for key in keys(desk, "outbox", ".json")]


def audit(desk: Desk) -> None:
    """Recount everything from the bytes: each filed row has its object, its record and exactly one receipt."""
    answered = Counter(f["sha256"] for r in receipts(desk) for f in r["files"])
    filed = [row for row in rows(desk) if row.state != "withdrawn"]
    for row in filed:
        assert row.bucket
        assert row.archive_key
        data = desk.storage.read(row.bucket, row.archive_key)
        assert hashlib.sha256(data).hexdigest() == row.sha256
        records = archive.read_records(desk.storage, row.bucket, row.archive_key)
        (record,) = [
            r for r in records if (r["identity"], r["origin"], r["arrival"]) == (row.identity, row.key, row.arrival)
        ]
        assert (record["verdict"], record["sha256"], record["filed"]) == (
            row.verdict,
            row.sha256,
            row.filed_at.isoformat(),
        )
    assert answered == Counter(row.sha256 for row in filed)
    objects = {key for bucket in ("archive", "quarantine") for key in keys(desk, bucket) if not key.endswith(".json")}
    assert objects == {row.archive_key for row in filed}
    assert [r["number"] for r in receipts(desk)] == list(range(1, len(receipts(desk)) + 1))
    for row in rows(desk):
        told = [change.after for change in desk.ledger.history(row.id)]
        assert (told[0], told[-1], len(set(told))) == ("received", row.state, len(told))


def finished(desk: Desk) -> bool:
    return not keys(desk, "intake") and not desk.ledger.unfinished()


def run(desk: Desk) -> None:
    """Find what is new, check it, file it away and answer."""
    for work in review.find_new(desk):
        place = work["campaign"], work["prefecture"]
        review.check(desk, *place, ALL_KINDS)
        review.file_away(desk, *place)
        review.reply(desk, *place)


class Killed(BaseException):
    """The process ends here."""


def killed_at(effect: Callable[..., Any], after: bool) -> Callable[..., Any]:
    def dies(*args: Any, **more: Any) -> Any:
        if after:
            effect(*args, **more)
        raise Killed

    return dies
