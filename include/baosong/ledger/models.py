"""The ledger's tables as Python sees them: times are aware, figures exact, findings and facts JSON.

Constraints, indexes, triggers and views stand in `schema/versions` alone; a test compares the columns.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, DateTime, ForeignKey, Numeric, Text, false, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates

from baosong.ledger.states import allowed

# Word for word as in ix_submission_unfinished. A withdrawn file is answered if it had been accepted: it has a version.
UNFINISHED = "replied_at IS NULL AND (state <> 'withdrawn' OR version IS NOT NULL)"


class Base(DeclarativeBase):
    """How Python types become columns in all tables."""

    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it as a class attribute
        str: Text(),
        datetime: DateTime(timezone=True),
        Decimal: Numeric(18, 2),
        dict[str, Any]: JSONB(),
        list[dict[str, Any]]: JSONB(),
    }


class Submission(Base):
    """One arrival of one object in the intake; campaign and prefecture are empty where its key names none.

    `identity`, `etag`, `modified_at` and `version_id` say which bytes were meant; `arrival` tells apart drops that
    look alike even so. `slot` is the replacement key: empty for single deliverables, else the file's path.
    A file out of a zip names the zip's arrival as its `bundle_id`, and in `member` where its bytes lie in which object.
    `version` counts the accepted files under a replacement key, `replaces_id` is the one before. `held_key` is where an
    operator's decision found the bytes in quarantine; `purged_at` when they were removed from there as expired.
    """

    __tablename__ = "submission"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str]
    prefecture: Mapped[str]
    kind: Mapped[str | None]
    slot: Mapped[str]
    key: Mapped[str]
    name: Mapped[str]
    folder: Mapped[str | None]
    size: Mapped[int] = mapped_column(BigInteger)
    identity: Mapped[str]
    arrival: Mapped[int] = mapped_column(default=1)
    etag: Mapped[str]
    modified_at: Mapped[datetime]
    version_id: Mapped[str | None]
    received_at: Mapped[datetime]
    late: Mapped[bool]
    state: Mapped[str]
    verdict: Mapped[str | None]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
    figures: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    rules_version: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    sha256: Mapped[str | None]
    bucket: Mapped[str | None]
    archive_key: Mapped[str | None]
    filed_at: Mapped[datetime | None]
    bundle_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    member: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    receipt_id: Mapped[int | None] = mapped_column(ForeignKey("receipt.id"))
    replied_at: Mapped[datetime | None]
    version: Mapped[int | None]
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("submission.id"))
    held_key: Mapped[str | None]
    purged_at: Mapped[datetime | None]

    @validates("state")
    def _refuse_illegal_transition(self, _name: str, state: str) -> str:
        return allowed(self.state, state).value


class QueuedFile(Base):
    """An unanswered file in its lane, `quick` or `large`, and the DAG run that handles it until a time, if one does.

    The files of a bundle are handled with it and have no entry of their own.
    """

    __tablename__ = "work_queue"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    lane: Mapped[str]
    claimed_by: Mapped[str | None]
    claimed_until: Mapped[datetime | None]


class History(Base):
    """One change of a submission, by `who` if not by the pipeline; the database refuses to alter or delete them."""

    __tablename__ = "history"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"))
    at: Mapped[datetime]
    before: Mapped[str | None]
    after: Mapped[str]
    note: Mapped[str]
    who: Mapped[str | None]


class Receipt(Base):
    """An answer to a prefecture, numbered 1, 2, 3 …; `status` keeps its completeness as of `issued_at`."""

    __tablename__ = "receipt"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str]
    prefecture: Mapped[str]
    number: Mapped[int]
    issued_at: Mapped[datetime]
    status: Mapped[dict[str, Any]]


class IndicatorValue(Base):
    """One indicator of an accepted sheet, with the cell it was read from."""

    __tablename__ = "indicator_value"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    code: Mapped[str] = mapped_column(primary_key=True)
    total: Mapped[Decimal | None]
    offline: Mapped[Decimal | None]
    online: Mapped[Decimal | None]
    cell: Mapped[str]


class Activity(Base):
    """One activity of an accepted sheet: all of the form's fields as JSON, those that sum or sort typed as well."""

    __tablename__ = "activity"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str | None]
    start: Mapped[date | None]
    end: Mapped[date | None]
    form: Mapped[str | None]
    offline: Mapped[Decimal | None]
    online: Mapped[Decimal | None]
    fields: Mapped[dict[str, Any]]


class ContentDigest(Base):
    """The digest of a checked sheet's table, equal for sheets of the same content."""

    __tablename__ = "fingerprint"

    submission_id: Mapped[int] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    table: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str]


class Edition(Base):
    """One written report: final v1, v2 … or interim; `inputs_sha` names the accepted files it was made of."""

    __tablename__ = "edition"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str]
    edition: Mapped[str]
    version: Mapped[int]
    prefix: Mapped[str]
    inputs_sha: Mapped[str]
    figures: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class Expected(Base):
    """What an opened campaign expects of one prefecture: a copy of its file, for the views that people query."""

    __tablename__ = "expected"

    campaign: Mapped[str] = mapped_column(primary_key=True)
    prefecture: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    unit: Mapped[str]
    title: Mapped[str]
    required: Mapped[bool]
    least: Mapped[int]
    most: Mapped[int]
    deadline: Mapped[datetime]


class Announcement(Base):
    """A prefecture whose completeness was announced; once is enough, corrections are the nightly run's matter."""

    __tablename__ = "announcement"

    campaign: Mapped[str] = mapped_column(primary_key=True)
    prefecture: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Closing(Base):
    """Asked on a day after the deadline: which prefectures were missing, whether to close without them, who said so.

    `run` is the DAG run that asks; `closed` is empty until somebody has answered, and true for one day at most.
    """

    __tablename__ = "closing"

    campaign: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    run: Mapped[str]
    missing: Mapped[list[str]] = mapped_column(JSONB())
    decided_at: Mapped[datetime | None]
    closed: Mapped[bool | None]
    who: Mapped[str | None]
    reason: Mapped[str | None]


class Extension(Base):
    """A later deadline for one prefecture, granted by somebody for a reason; the latest counts, none is taken back."""

    __tablename__ = "extension"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str]
    prefecture: Mapped[str]
    deadline: Mapped[datetime]
    who: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class PendingChange(Base):
    """A new row, or the key and changed fields of one, that no segment of the change log holds yet (by triggers)."""

    __tablename__ = "unwritten"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    campaign: Mapped[str]
    prefecture: Mapped[str]
    table: Mapped[str]
    row: Mapped[dict[str, Any]]


class Segment(Base):
    """The number of the last segment in the change log of a prefecture, of a campaign, or of unplaced files."""

    __tablename__ = "page"

    campaign: Mapped[str] = mapped_column(primary_key=True)
    prefecture: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int]


class FixityCheck(Base):
    """When an object of archive, quarantine or reports was last read to its end, and what was wrong with it then."""

    __tablename__ = "custody"

    bucket: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    campaign: Mapped[str]
    prefecture: Mapped[str]
    read_at: Mapped[datetime]
    faults: Mapped[list[str]] = mapped_column(JSONB())


class IntakeLimit(Base):
    """An area of the intake, swept or over its limit: `over_limit` says a listing, `closed` the embedded store.

    `notified` is whether its prefecture's status page says so.
    """

    __tablename__ = "intake_limit"

    campaign: Mapped[str] = mapped_column(primary_key=True)
    prefecture: Mapped[str] = mapped_column(primary_key=True)
    over_limit: Mapped[bool] = mapped_column(server_default=false())
    closed: Mapped[bool] = mapped_column(server_default=false())
    notified: Mapped[bool] = mapped_column(server_default=false())
    swept: Mapped[int] = mapped_column(BigInteger, server_default="0")
    swept_bytes: Mapped[int] = mapped_column(BigInteger, server_default="0")
    at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def exceeded(self) -> bool:
        """Return whether too much lies there at present."""
        return self.over_limit or self.closed


class Notification(Base):
    """A message to a prefecture's contacts, or (`prefecture` empty) to operators, by one channel.

    `event` and `cause` say why, as "receipt" and "12"; with the channel they are unique, so that it is decided once.
    `handed_over_at` is written just before its last byte leaves, `handed_over_by` names that attempt: a message with
    it and without `sent_at` may have arrived and is not sent again. `note` says in words what went wrong, `who` had it
    sent if a person did.
    """

    __tablename__ = "notification"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    event: Mapped[str]
    campaign: Mapped[str]
    prefecture: Mapped[str]
    cause: Mapped[str]
    channel: Mapped[str]
    subject: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]
    attempts: Mapped[int] = mapped_column(server_default="0")
    retry_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(server_default="")
    handed_over_at: Mapped[datetime | None]
    handed_over_by: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    who: Mapped[str | None]
