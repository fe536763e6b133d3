"""What an operator decides about a file that was judged already: waive what it was rejected for, or withdraw it.

As with manual review, the decision is one transaction in the ledger and all that follows is the ordinary pipeline.
"""

from __future__ import annotations

from collections.abc import Collection

from baosong.ledger import Decision, State, Submission, Undecidable, is_unpacked
from baosong.ledger.quarantine import WAIVED
from baosong.ledger.services import Services
from baosong.pipeline.manual_review import ReviewRefused, checked_reason, found
from baosong.receipts.view import is_marked
from baosong.rules.catalogue import finding, known_title, waivable
from baosong.rules.findings import Kind, Severity, Verdict


def waive(services: Services, number: int, who: str, rules: Collection[str], reason: str) -> str:
    """Record that a rejected file is to be taken though it breaks these rules; return its prefecture's code.

    Repeating it changes nothing. Raises ReviewRefused unless the rules are all that it was rejected for, each of them
    may be waived, and its bytes are still in quarantine. Meanwhile the night does not remove these.
    """
    row = found(services, number)
    decision = waiving(row, who, rules, reason)
    with services.ledger.advisory_lock(f"archive:{row.campaign}:{row.prefecture}", shared=True) as free:
        if not free:
            raise ReviewRefused("系统正在整理隔离区，请过一分钟再办。")
        if row.state == State.REJECTED and (why := why_not_waivable(services, row)):
            raise ReviewRefused(why)
        try:
            services.ledger.decide(row.id, decision)
        except Undecidable:
            raise ReviewRefused(why_not_waivable(services, services.ledger.submission(row.id))) from None
    return row.prefecture


def waiving(row: Submission, who: str, rules: Collection[str], reason: str) -> Decision:
    """Return the decision to take a rejected file all the same, not recorded yet; raises ReviewRefused."""
    reason, broken = checked_reason(reason), errors_of(row) or _once_waived(row)
    if not rules:
        raise ReviewRefused("请指明免除哪一项要求。")
    if set(rules) != set(broken):
        left = "、".join(known_title(rule) for rule in sorted(set(broken) ^ set(rules)))
        raise ReviewRefused(f"必须写明这个文件被退回的全部原因，不多不少；没有对上的：{left}。")
    names = "、".join(known_title(rule) for rule in broken)
    told = finding("file.waived", rules=names, reason=reason)
    note, kind = f"免除“{names}”，予以接收。{reason}", Kind(row.kind) if row.kind else None
    return Decision(Verdict.ACCEPTED, who, note, told, kind, row.slot, frozenset(broken))


def errors_of(row: Submission) -> list[str]:
    """Return the rules that a file was rejected for, in their order."""
    return list(dict.fromkeys(f["rule"] for f in row.findings if f["severity"] == Severity.ERROR))


def _once_waived(row: Submission) -> list[str]:
    """Return what was waived of a file before: who confirms a second time is told that it is done."""
    return list(dict.fromkeys(f["rule"] for f in row.findings if f["fix"] == WAIVED))


def why_not_waivable(services: Services, row: Submission) -> str:
    """Say why nothing can be waived of a file; empty if something can."""
    number = f"第 {row.id} 号文件"
    if row.state != State.REJECTED or row.replied_at is None:
        return f"{number}不是已退回并发出回执的文件，没有可免除的。"
    if final := [known_title(rule) for rule in errors_of(row) if not waivable(rule)]:
        return f"{number}被退回的原因里有不能免除的：{'、'.join(final)}。请对方改好后重新报送。"
    if row.facts.get("unsearched"):
        return f"{number}里有没有查过密级标志的内容，不能接收；请对方改好后重新报送。"
    if is_marked(row) or any(map(is_marked, services.ledger.with_content(row.campaign, row.sha256 or ""))):
        return f"{number}疑似涉密，不能接收，请按保密规定处置。"
    if row.kind is None or (row.kind == Kind.STATISTICS and not row.figures):
        return f"{number}没有读出内容，不能接收；请对方改好后重新报送。"
    if row.purged_at is not None or services.storage.head("quarantine", row.archive_key or "") is None:
        return f"{number}的内容已不在隔离区，请对方重新报送。"
    return ""


def withdraw(services: Services, number: int, who: str, reason: str) -> str:
    """Record that an accepted file counts no more, at its sender's request; return its prefecture's code.

    Its bytes, record and history stay. Repeating it changes nothing. Raises ReviewRefused.
    """
    row, reason = found(services, number), checked_reason(reason)
    note, told = f"应请求撤回。{reason}", finding("file.withdrawn", reason=reason)
    if is_unpacked(row) or not services.ledger.withdraw_accepted(row.id, who, note, told):
        raise ReviewRefused(why_not_withdrawable(services.ledger.submission(row.id)))
    return row.prefecture


def why_not_withdrawable(row: Submission) -> str:
    """Say why a file cannot be withdrawn; empty if it can."""
    if is_unpacked(row):
        return f"第 {row.id} 号是压缩包，请逐个撤回包里的文件。"
    if row.state == State.WITHDRAWN:
        return f"第 {row.id} 号文件已撤回。"
    if row.state != State.ACCEPTED or row.replied_at is None:
        return f"第 {row.id} 号文件不是已接收并发出回执的文件，不能撤回。"
    return ""
