"""What a check says of a file: findings, and the verdict that follows from them.

A bad file is data, not an exception: every check returns a `Checked`, and only an ill system raises.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NotRequired

from typing_extensions import TypedDict  # pydantic wants this one before Python 3.12


class Kind(StrEnum):
    """The five deliverables of a campaign; the value is the word that commands and JSON use."""

    REPORT = "report"
    STATISTICS = "statistics"
    PHOTO = "photo"
    PRESS = "press"
    VIDEO = "video"


class Severity(StrEnum):
    """How much a finding weighs: any error keeps a file from being accepted."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Verdict(StrEnum):
    """What becomes of a file; held means that a human must look."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    HELD = "held"


class Where(TypedDict):
    """The place of a finding: a cell, a track's field, a page, or a member of an archive; empty for the whole file."""

    sheet: NotRequired[str]
    cell: NotRequired[str]
    track: NotRequired[str]
    field: NotRequired[str]
    page: NotRequired[int]
    member: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing wrong or worth saying: what, where, found, expected, how to mend. All texts are Chinese.

    `rule` is `<deliverable>.<what>`, for instance `video.bit_rate`; `observed` and `expected` are for people.
    """

    rule: str
    severity: Severity
    message: str
    where: Where = field(default_factory=lambda: Where())
    observed: str = ""
    expected: str = ""
    fix: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the finding as the command contract spells it."""
        return {
            "rule": self.rule,
            "severity": self.severity.value,
            "message": self.message,
            "where": dict(self.where),
            "observed": self.observed,
            "expected": self.expected,
            "fix": self.fix,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Finding:
        """Rebuild a finding from `as_json`."""
        return cls(**{**data, "severity": Severity(data["severity"])})


def error(rule: str, message: str, **more: Any) -> Finding:
    """Return a finding that keeps the file from being accepted."""
    return Finding(rule, Severity.ERROR, message, **more)


def warning(rule: str, message: str, **more: Any) -> Finding:
    """Return a finding that lets the file pass with a remark."""
    return Finding(rule, Severity.WARNING, message, **more)


def note(rule: str, message: str, **more: Any) -> Finding:
    """Return a finding that only informs."""
    return Finding(rule, Severity.NOTE, message, **more)


@dataclass(slots=True)
class Checked:
    """What a check found out about one file.

    `facts` are JSON values worth keeping (pixel size, bit rate, rows). `figures` is filled by the statistics check
    alone: `{"indicators": [{"code", "total", "offline", "online", "cell"}], "activities": [{"row", field: value}]}`
    with integers as int, decimals as str and dates as ISO text, so that nothing is rounded on its way. So is
    `validations`: what each expectation came to, see `checks.validations`; for a page, not for the ledger or receipts.
    `preview` is a small JPEG of a picture in Base64, for the operators' board alone.
    """

    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, Any] | None = None
    held: bool = False
    validations: list[dict[str, Any]] = field(default_factory=list)
    preview: str = ""

    @property
    def verdict(self) -> Verdict:
        """Return what follows from the findings: held before rejected before accepted."""
        if self.held:
            return Verdict.HELD
        return Verdict.REJECTED if has_error(self.findings) else Verdict.ACCEPTED


def has_error(findings: Iterable[Finding]) -> bool:
    """Return whether any finding keeps the file from being accepted."""
    return any(f.severity is Severity.ERROR for f in findings)
