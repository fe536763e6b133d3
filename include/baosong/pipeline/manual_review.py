"""Manual review: an operator releases a held file or sends it back. Both need a reason.

The decision is one transaction in the ledger, and all that follows is the ordinary pipeline: the bytes go from
quarantine to the archive, copied and read back, the ledger decides, a receipt answers. A crash in between is finished
by the next run, and the bytes stay in quarantine until the night.
"""

from __future__ import annotations

import getpass
from typing import Any

from sqlalchemy.exc import NoResultFound

from baosong.campaign import Campaign
from baosong.ledger import Decision, State, Submission, Undecidable, is_unpacked
from baosong.ledger.services import Services
from baosong.pipeline.archive import archive
from baosong.pipeline.reply import reply
from baosong.pipeline.source_object import path_of
from baosong.receipts.view import is_marked
from baosong.rules.catalogue import finding
from baosong.rules.errors import OneLineError
from baosong.rules.findings import Kind, Verdict
from baosong.rules.words import time_text
from baosong.store.keys import slot_of

LONGEST_REASON = 500
_STATES = {
    State.RECEIVED: "还在校验",
    State.CHECKED: "已经有了审核结论，正在办理",
    State.ACCEPTED: "已接收",
    State.REJECTED: "已退回",
    State.DUPLICATE: "是重复文件",
    State.SUPERSEDED: "已被替换",
    State.WITHDRAWN: "已撤回",
    State.HELD: "的回执还没有发出，请稍后再办",
}


class ReviewRefused(OneLineError):
    """The operator asked for something impossible; the text is Chinese and says what is possible."""


def release(services: Services, number: int, who: str, reason: str, kind: Kind | None = None) -> str:
    """Record that a held file is to be taken, as `kind` where no check could tell; return its prefecture's code.

    Repeating it changes nothing. Raises ReviewRefused, also for a file with a classification mark: whether a mark is
    one is not for us to say, and its sender can take it off.
    """
    row = found(services, number)
    return _decide(services, row, releasing(services, row, who, reason, kind))


def releasing(services: Services, row: Submission, who: str, reason: str, kind: Kind | None = None) -> Decision:
    """Return the decision to take a held file, not recorded yet; raises ReviewRefused."""
    reason, campaign = checked_reason(reason), services.campaigns.get(row.campaign)
    chosen = _kind_of(row, kind, campaign)
    slot = row.slot if row.kind or chosen is None else slot_of(path_of(row), chosen, campaign)
    named = f"，作为{campaign.deliverable(kind).name}" if kind else ""
    note, told = f"人工审核：放行{named}。{reason}", finding("file.released", reason=reason)
    return Decision(Verdict.ACCEPTED, who, note, told, chosen, slot)


def refuse(services: Services, number: int, who: str, reason: str) -> str:
    """Record that a held file is to be sent back; return its prefecture's code. Raises ReviewRefused."""
    row = found(services, number)
    return _decide(services, row, refusing(row, who, reason))


def refusing(row: Submission, who: str, reason: str) -> Decision:
    """Return the decision to send a held file back, not recorded yet; raises ReviewRefused."""
    reason, kind = checked_reason(reason), Kind(row.kind) if row.kind else None
    told = finding("file.refused", reason=reason)
    return Decision(Verdict.REJECTED, who, f"人工审核：退回。{reason}", told, kind, row.slot)


def settle(services: Services, number: int) -> dict[str, Any]:
    """Archive and answer a decided file at once and return its state; a run of the pipeline may have been faster."""
    row = services.ledger.submission(number)
    archive(services, row.campaign, row.prefecture)
    reply(services, row.campaign, row.prefecture)
    row = services.ledger.submission(number)
    return {"id": row.id, "name": row.name, "state": row.state, "answered": row.replied_at is not None}


def operator() -> str:
    """Return the name of whoever is at this terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as in a container
        return "命令行"


def found(services: Services, number: int) -> Submission:
    """Return the file of a number; ReviewRefused if there is none, or the campaign file has lost its prefecture."""
    try:
        row = services.ledger.submission(number)
    except NoResultFound:
        raise ReviewRefused(f"没有第 {number} 号文件。待人工审核的文件和序号可用 ./baosong held 查看。") from None
    if row.campaign and row.prefecture not in {p.code for p in services.campaigns.get(row.campaign).prefectures}:
        raise ReviewRefused(
            f"第 {number} 号文件是 {row.prefecture} 报送的，活动文件（{row.campaign}）里已没有这个地州市，无法办理。"
            "请先在活动文件的 prefectures 中恢复它，再办。"
        )
    return row


def checked_reason(text: str) -> str:
    """Return a reason on one line; ReviewRefused if there is none, or more than receipts have room for."""
    reason = " ".join(text.split())
    if not reason:
        raise ReviewRefused("请写明理由：它会写进回执和台账。")
    if len(reason) > LONGEST_REASON:
        raise ReviewRefused(f"理由太长：{len(reason)} 个字，最多 {LONGEST_REASON} 个字。")
    return reason


def _kind_of(row: Submission, kind: Kind | None, campaign: Campaign) -> Kind | None:
    """Return the deliverable that a released file counts for, None for a bundle; ReviewRefused if that cannot be."""
    own = Kind(row.kind) if row.kind else None
    if is_marked(row):
        raise ReviewRefused(
            f"第 {row.id} 号文件带有密级标志，不能放行，只能退回。"
            "确属误标的，请报送方去掉标志后重新报送；不是误标的，请按保密规定处置。"
        )
    if own and kind and own is not kind:
        raise ReviewRefused(f"第 {row.id} 号文件已归入{campaign.deliverable(own).name}，不能改作别的材料。")
    chosen = own or kind
    if chosen is None and not is_unpacked(row):
        names = "、".join(f"{d.kind.value}（{d.name}）" for d in campaign.deliverables)
        raise ReviewRefused(f"第 {row.id} 号文件没有认出是哪一项材料，放行时请指明：{names}。")
    if chosen not in {None, *(d.kind for d in campaign.deliverables)}:
        raise ReviewRefused(f"{campaign.title}不收这一项材料。")
    if chosen is Kind.STATISTICS and row.state == State.HELD and not row.figures:
        raise ReviewRefused(
            f"第 {row.id} 号文件没有读出数据，不能作为统计表放行；请退回，由报送方放进统计表的文件夹重新报送。"
        )
    return chosen


def why_not_held(services: Services, row: Submission) -> str:
    """Say why there is nothing to decide about a file, and who decided it; empty if it waits for a decision."""
    if row.state == State.HELD and row.replied_at is not None:
        return ""
    by = [change for change in services.ledger.history(row.id) if change.who]
    zone = services.campaigns.get(row.campaign).zone
    told = f"（{by[-1].who}，{time_text(by[-1].at, zone)}，{by[-1].note}）" if by else ""
    return f"第 {row.id} 号文件{_STATES[State(row.state)]}，不在待人工审核之列。{told}"


def _decide(services: Services, row: Submission, decision: Decision) -> str:
    try:
        services.ledger.decide(row.id, decision)
    except Undecidable:
        raise ReviewRefused(why_not_held(services, services.ledger.submission(row.id))) from None
    return row.prefecture
