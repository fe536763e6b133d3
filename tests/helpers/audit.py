"""The audit: recounts from the bytes what the review says of itself, believing neither the ledger nor the receipts.

What was dropped is known to the test alone, as sha256 and identity. All else is read from the buckets and the database
and must add up: each drop in one place, its verdict that of an undisturbed review, its receipt one and true, and the
figures those of the sheets that lie in the archive.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from baosong.ledger import Receipt, Submission
from baosong.ledger.services import Services
from baosong.preservation import records
from baosong.report.consolidation import region_figures
from baosong.store.keys import is_ignored
from recount import read_shortly

PLACES = ("archive", "quarantine")
ANSWERED = ("accepted", "superseded", "rejected", "held", "duplicate")


@dataclass
class Drop:
    """One act of a sender: these bytes under this key. `taken_back`: he removed or overwrote them in the intake."""

    key: str
    data: bytes
    identity: str
    taken_back: bool = False
    sha256: str = field(init=False)

    def __post_init__(self) -> None:
        self.sha256 = hashlib.sha256(self.data).hexdigest()

    @property
    def members(self) -> list[str]:
        """Return the sha256 of each file in a zip, none of another file."""
        if not self.key.endswith(".zip"):
            return []
        with zipfile.ZipFile(io.BytesIO(self.data)) as bundle:
            return [hashlib.sha256(bundle.read(info)).hexdigest() for info in bundle.infolist()]


Verdicts = Mapping[str, tuple[str, frozenset[str]]]
"""What an undisturbed review says of bytes, by sha256: the verdict, and the rules of its errors."""


class Bytes:
    """The hashes of stored objects; each object is read once, however often it is asked for."""

    def __init__(self, services: Services) -> None:
        self._desk = services
        self._known: dict[tuple[str, str, str], str] = {}

    def of(self, bucket: str) -> dict[str, str]:
        """Return the sha256 of every object of a bucket by its key."""
        return {
            stored.key: self._hash(bucket, stored)
            for stored in self._desk.storage.list(bucket)
            if not records.is_segment(stored.key)
        }

    def _hash(self, bucket: str, stored: Any) -> str:
        name = (bucket, stored.key, stored.identity)
        if name not in self._known:
            self._known[name] = hashlib.sha256(self._desk.storage.read(bucket, stored.key)).hexdigest()
        return self._known[name]


class Audit:
    """Holds one installation against what was dropped into it."""

    def __init__(self, services: Services, verdicts: Verdicts) -> None:
        self.services, self.verdicts, self.bytes = services, verdicts, Bytes(services)

    def at_any_time(self, drops: Sequence[Drop]) -> None:
        """Hold what must be true at every moment, also after a crash: nothing is lost, no receipt is false."""
        intake = self._waiting()
        stored = {sha for bucket in PLACES for sha in self.bytes.of(bucket).values()}
        lost = [d.key for d in drops if not d.taken_back and intake.get(d.key) != d.identity and d.sha256 not in stored]
        assert not lost, f"neither in the intake nor filed: {lost}"
        self._receipts_are_true()

    def when_all_is_quiet(self, drops: Sequence[Drop]) -> None:
        """Hold what must be true when nothing is left to do."""
        assert self._waiting() == {}
        assert self.services.ledger.unfinished() == []
        rows = self.services.ledger.run(lambda s: list(s.scalars(select(Submission).order_by(Submission.id))))
        self._each_drop_is_filed_once(drops, rows)
        filed = [row for row in rows if row.state != "withdrawn"]
        taken_back = {sha256 for d in drops if d.taken_back for sha256 in (d.sha256, *d.members)}
        self._each_row_has_its_bytes_and_its_record(filed, taken_back)
        self._verdicts_are_those_of_a_quiet_review(filed)
        self._the_last_of_a_place_counts(filed)
        self._each_row_is_answered_once(filed)
        self._receipts_are_true()
        for row in rows:
            self._history_is_a_path(row)
        self._figures_are_those_of_the_sheets(filed)

    def _waiting(self) -> dict[str, str]:
        return {s.key: s.identity for s in self.services.storage.list("intake") if not is_ignored(s.key)}

    def _each_drop_is_filed_once(self, drops: Sequence[Drop], rows: Sequence[Submission]) -> None:
        filed = Counter((r.key, r.identity, r.sha256) for r in rows if r.bundle_id is None and r.state != "withdrawn")
        most = Counter((d.key, d.identity, d.sha256) for d in drops)
        least = Counter((d.key, d.identity, d.sha256) for d in drops if not d.taken_back)
        assert not filed - most, f"filed, but never dropped, or more than once: {filed - most}"
        assert not least - filed, f"dropped, but not filed: {least - filed}"
        known = {(d.key, d.identity) for d in drops}
        assert not [r.key for r in rows if r.bundle_id is None and (r.key, r.identity) not in known]
        inside = defaultdict(list)
        for row in rows:
            inside[row.bundle_id].append(row)
        of = {(d.key, d.identity): d.members for d in drops}
        for row in (r for r in rows if r.bundle_id is None and r.state != "withdrawn"):
            found = Counter(m.sha256 for m in inside[row.id])
            assert found == Counter(of[row.key, row.identity] if row.id in inside else ()), f"members of {row.key}"

    def _each_row_has_its_bytes_and_its_record(self, filed: Sequence[Submission], taken_back: set[str]) -> None:
        rows = defaultdict(list)
        for row in filed:
            assert row.bucket in PLACES
            assert (row.bucket == "archive") == (row.state in ("accepted", "superseded", "duplicate")), row.state
            rows[row.bucket, row.archive_key].append(row)
        for bucket in PLACES:
            found = self.bytes.of(bucket)
            objects = {key for key in found if not key.endswith(".json")}
            assert objects >= {key for where, key in rows if where == bucket}, "filed, but its bytes are gone"
            for key in objects:
                self._records_tell_the_rows(bucket, key, found[key], rows[bucket, key], taken_back)
            assert {k for k in found if k.endswith(".json")} <= {f"{key}.json" for key in objects}

    def _records_tell_the_rows(
        self, bucket: str, key: str, sha256: str, rows: Sequence[Submission], taken_back: set[str]
    ) -> None:
        told = Counter(_told(r) for r in records.read_records(self.services.storage, bucket, key))
        of_rows = Counter(_told(records.describe(r, r.sha256 or "", r.filed_at or _NEVER)) for r in rows)
        assert {r.sha256 for r in rows} <= {sha256}, f"{bucket}/{key} holds other bytes than its rows say"
        assert not of_rows - told, f"{bucket}/{key}: no record of {of_rows - told}"
        if told != of_rows:  # a run that died had filed the bytes, and then the sender took them back
            assert sha256 in taken_back, f"{bucket}/{key}: a record of what was never filed: {told - of_rows}"

    def _verdicts_are_those_of_a_quiet_review(self, filed: Sequence[Submission]) -> None:
        for row in filed:
            assert (row.verdict, errors_of(row.findings)) == self.verdicts[row.sha256 or ""], row.key
            allowed = {"accepted": ("accepted", "superseded", "duplicate")}.get(row.verdict or "", (row.verdict,))
            assert row.state in allowed, (row.key, row.verdict, row.state)

    def _the_last_of_a_place_counts(self, filed: Sequence[Submission]) -> None:
        """Of the good files of one place the last one counts, or the file that it is a copy of; and nothing twice."""
        good = [r for r in filed if r.verdict == "accepted" and r.kind]
        counted = [r for r in good if r.state == "accepted"]
        contents = Counter((r.campaign, r.prefecture, r.kind, r.sha256) for r in counted)
        assert set(contents.values()) <= {1}, f"counted twice: {contents}"
        places = defaultdict(list)
        for row in good:
            places[row.campaign, row.prefecture, row.kind, row.slot].append(row)
        for rows in places.values():
            *older, last = sorted(rows, key=lambda r: (r.modified_at, r.id))
            still = [r for r in older if r.state == "accepted" and r.sha256 != last.sha256]
            assert not still, f"replaced, and counted still: {last.key}"
            assert (last.campaign, last.prefecture, last.kind, last.sha256) in contents, f"not counted: {last.key}"

    def _each_row_is_answered_once(self, filed: Sequence[Submission]) -> None:
        answered = Counter(file["submission"] for _, told in self._receipts() for file in told["files"])
        assert answered == Counter(row.id for row in filed)
        state = {row.id: (row.state, row.sha256, row.receipt_id) for row in filed}
        issued = {r.id: (r.campaign, r.prefecture, r.number) for r in self.services.ledger.run(_all_receipts)}
        numbers: dict[str, list[int]] = defaultdict(list)
        for key, told in self._receipts():
            numbers[key.rpartition("/")[0]].append(told["number"])
            for file in told["files"]:
                after, sha256, receipt = state[file["submission"]]
                assert (after, sha256) == (file["state"], file["sha256"]) or (file["state"], after) in _LATER
                assert issued[receipt][2] == told["number"]
        assert all(sorted(found) == list(range(1, len(found) + 1)) for found in numbers.values()), numbers
        assert len(issued) == sum(map(len, numbers.values()))

    def _receipts_are_true(self) -> None:
        """No receipt says 已归档 of what does not lie in the archive, byte for byte; page and JSON come in pairs."""
        archived = set(self.bytes.of("archive").values())
        for key, told in self._receipts():
            for file in told["files"]:
                if any(stage["name"] == "已归档" for stage in file["stages"]):
                    assert file["sha256"] in archived, f"{key} says 已归档 of {file['file']}"
        keys = {s.key for s in self.services.storage.list("outbox") if s.key.endswith((".html", ".json"))}
        for page in (k for k in keys if k.endswith(".html") and "状态" not in k):
            assert page.replace(".html", ".json") in keys

    def _receipts(self) -> list[tuple[str, dict[str, Any]]]:
        keys = [s.key for s in self.services.storage.list("outbox") if s.key.endswith(".json")]
        return [(key, json.loads(self.services.storage.read("outbox", key))) for key in sorted(keys)]

    def _history_is_a_path(self, row: Submission) -> None:
        steps = [(change.before, change.after) for change in self.services.ledger.history(row.id)]
        assert steps[0] == (None, "received")
        assert all(a[1] == b[0] for a, b in pairwise(steps)), steps
        assert steps[-1][1] == row.state

    def _figures_are_those_of_the_sheets(self, filed: Sequence[Submission]) -> None:
        """Add up the accepted sheets again, out of the archive's bytes, without the project's reader."""
        for campaign in map(self.services.campaigns.get, self.services.campaigns.ids()):
            sheets = [
                r for r in filed if r.campaign == campaign.id and r.kind == "statistics" and r.state == "accepted"
            ]
            read = [read_shortly(self.services.storage.read("archive", r.archive_key or "")) for r in sheets]
            figures = region_figures(self.services.ledger, campaign, datetime.now(UTC))
            for code, figure in figures.totals.items():
                parts = [sheet.values[code] for sheet in read]
                whole = tuple(_sum([part[n] for part in parts]) for n in range(3))
                assert (figure.total, figure.offline, figure.online) == whole, code
            assert len(figures.activities) == sum(len(sheet.activities) for sheet in read)


_NEVER = datetime.fromtimestamp(0, UTC)
_LATER = {("accepted", "superseded"), ("duplicate", "accepted"), ("duplicate", "superseded")}


def _told(record: Mapping[str, Any]) -> tuple[Any, ...]:
    names = ("campaign", "prefecture", "kind", "slot", "origin", "identity", "arrival", "id", "sha256", "verdict")
    return (*(record[name] for name in names), record["filed"], errors_of(record["findings"]))


def errors_of(findings: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    """Return the rules that made a file wrong: what a file's neighbours say of it is never an error."""
    return frozenset(f["rule"] for f in findings if f["severity"] == "error")


def _all_receipts(session: Any) -> list[Receipt]:
    return list(session.scalars(select(Receipt)))


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [v for v in values if v is not None]
    return sum(known, Decimal(0)) if known else None
