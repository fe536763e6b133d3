"""The content of a receipt as plain JSON values; the HTML page is drawn from them and adds nothing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from baosong.campaign import Campaign, Deliverable
from baosong.ledger import is_unpacked
from baosong.receipts.grouping import grouped
from baosong.rules.catalogue import level
from baosong.rules.findings import Kind, Severity
from baosong.rules.renderer import Renderer
from baosong.rules.words import CELL_WORDS, ellipsize, escape_invisible, location_text, size_text, time_text

if TYPE_CHECKING:
    from baosong.ledger import Cell, Submission

Json = dict[str, Any]


def script_hash(script: str) -> str:
    """Return a script's name in a Content-Security-Policy."""
    return "sha256-" + b64encode(sha256(script.encode()).digest()).decode()


render = Renderer(
    "baosong.receipts",
    csp=script_hash,
    escape_invisible=escape_invisible,
    ellipsize=ellipsize,
    size=size_text,
    grouped=grouped,
)
"""Fills in the templates of receipts, status page, board and galleries."""

# state -> (the last step's name, how the step looks, the outcome in words)
_LAST_STEP = {
    "accepted": ("已归档", "done", "已接收"),
    "superseded": ("已归档", "done", "已接收，现由后报送的文件替换"),
    "rejected": ("已退回", "failed", "已退回，请修改后重新报送"),
    "held": ("待人工审核", "held", "待人工审核"),
    "duplicate": ("重复文件", "done", "与此前收到的文件内容完全相同，不重复计入"),
    "withdrawn": ("已撤回", "held", "已撤回，不再计入"),
}
_WAITING = ("待归档", "waiting", "处理中")
_ORDER = ("rejected", "held", "received", "checked", "withdrawn", "accepted", "superseded", "duplicate")
_LOOKS = {"合格": "done", "不合": "failed"}  # of a verdict in the table of a video's parameters


def describe_files(submissions: Sequence[Submission], campaign: Campaign | None, zone: ZoneInfo) -> list[Json]:
    """Return the files of a page in reading order, as `describe_file` gives them."""
    return [describe_file(s, campaign, zone) for s in in_reading_order(submissions)]


def describe_file(submission: Submission, campaign: Campaign | None, zone: ZoneInfo) -> Json:
    """Return one file of a receipt: its name and kind, the stages it has passed, and its findings."""
    name, look, outcome = _LAST_STEP.get(submission.state, _WAITING)
    checked = submission.checked_at is not None or submission.state in _LAST_STEP
    deliverable = next((d for d in campaign.deliverables if d.kind == submission.kind), None) if campaign else None
    facts, findings = submission.facts or {}, submission.findings or []
    bundle = facts.get("bundle")
    return {
        "submission": submission.id,
        "file": submission.name,
        "title": title_of(submission),
        "within": submission.member["object"]["name"] if submission.member else None,
        "unpacked": bundle["files"] if bundle else None,
        "deliverable": submission.kind,
        "deliverable_name": deliverable.name if deliverable else "压缩包" if _is_zip(submission) else "未能识别",
        "size": submission.size,
        "sha256": submission.sha256,
        "state": submission.state,
        "verdict": submission.verdict,
        "outcome": outcome,
        "late": bool(submission.late),
        "received_at": submission.received_at.astimezone(zone).isoformat(timespec="seconds"),
        "received_text": time_text(submission.received_at, zone),
        "rules_version": submission.rules_version,
        "stages": [
            _stage("已收到", "done", submission.received_at, zone),
            _stage("已校验", "done", submission.checked_at, zone) if checked else _stage("待校验", "waiting"),
            _stage(name, look, submission.filed_at, zone),
        ],
        "may_delete_local_copy": name == "已归档",
        "findings": [describe_finding(f) for f in sorted(findings, key=_severity_rank)],
        "facts": facts,
        "video": [{**row, "look": _LOOKS.get(row["verdict"][:2], "held")} for row in facts.get("table", [])],
        "annotated": None,
        "replaced": None,
    }


def title_of(submission: Submission) -> str:
    """Return the title of a file: its name, or for a member of a package the path that begins with the package."""
    member = submission.member
    return f"{member['object']['name']}/{member['path']}" if member else submission.name


def _stage(name: str, look: str, at: datetime | None = None, zone: ZoneInfo | None = None) -> Json:
    return {"name": name, "look": look, "at": at.astimezone(zone).strftime("%m-%d %H:%M") if at and zone else ""}


def _severity_rank(finding: Mapping[str, Any]) -> int:
    return list(Severity).index(Severity(finding["severity"]))


def describe_finding(finding: Mapping[str, Any]) -> Json:
    """Return a finding with its location and its severity in words."""
    words = {
        "severity_name": level(finding["severity"]),
        "place": location_text(finding.get("where", {})),
    }
    return {"observed": "", "expected": "", "fix": "", **finding, **words}


def describe_deliverables(campaign: Campaign, row: Mapping[Kind, Cell]) -> list[Json]:
    """Return the state of every deliverable, in the campaign's order; a kind without a cell is missing."""
    return [_deliverable_state(d, row.get(d.kind)) for d in campaign.deliverables]


def _deliverable_state(deliverable: Deliverable, cell: Cell | None) -> Json:
    state = cell.state if cell else "missing"
    accepted = cell.accepted if cell else 0
    lacking = max(deliverable.min - accepted, 0) if deliverable.required else 0
    word = CELL_WORDS[state]
    if state == "accepted" and lacking:
        state, word = "missing", f"还缺 {lacking} 个"
    elif state == "missing" and not deliverable.required:
        word = "可不报送"
    return {
        "deliverable": deliverable.kind.value,
        "name": deliverable.name,
        "folder": deliverable.folder,
        "formats": list(deliverable.formats),
        "state": state,
        "word": word,
        "accepted": accepted,
        "rejected": cell.rejected if cell else 0,
        "lacking": lacking,
        "pending": list(cell.pending) if cell else [],
    }


def in_reading_order(submissions: Sequence[Submission]) -> list[Submission]:
    """Return packages before their members, then what needs action first, then by deliverable and name."""
    kinds = [k.value for k in Kind]
    return sorted(
        submissions,
        key=lambda s: (
            "bundle" not in (s.facts or {}),
            _ORDER.index(s.state) if s.state in _ORDER else 2,
            kinds.index(s.kind) if s.kind in kinds else len(kinds),
            title_of(s),
            s.id,
        ),
    )


def open_failures(submissions: Sequence[Submission], complete: Collection[str]) -> list[Submission]:
    """Return the files that need action, newest first: held ones, then rejected ones that nothing has corrected.

    `submissions` come newest first. A rejected file counts as corrected after any later file of its slot, after a
    later accepted one of its deliverable, or, if it was not classified, once its prefecture is `complete`.
    """
    held, rejected = [], []
    slots: set[tuple[str, str | None, str]] = set()
    corrected: set[tuple[str, str | None]] = set()
    for s in (s for s in submissions if s.state != "withdrawn"):
        slot, deliverable = (s.prefecture, s.kind, s.slot), (s.prefecture, s.kind or _package(s))
        if s.state == "held" and slot not in slots:
            held.append(s)
        obsolete = s.kind is None and s.prefecture in complete
        if s.state == "rejected" and slot not in slots and deliverable not in corrected and not obsolete:
            rejected.append(s)
        slots.add(slot)
        if s.state in ("accepted", "duplicate"):
            corrected.add(deliverable)
    return held + rejected


def _package(submission: Submission) -> str | None:
    """Return the pseudo-deliverable of a package, which a later package corrects; None for any other file."""
    return "zip" if _is_zip(submission) and not submission.member else None


def _is_zip(submission: Submission) -> bool:
    return (submission.facts or {}).get("type") == "zip"


def current_ids(submissions: Sequence[Submission], complete: Collection[str]) -> set[int]:
    """Return the ids of the files that count or are still open; all others are history."""
    newest_first = sorted(submissions, key=lambda s: (s.received_at, s.id), reverse=True)
    open_ids = {s.id for s in open_failures(newest_first, complete)}
    return open_ids | {s.id for s in submissions if s.state in ("accepted", "received", "checked")}


def answer(states: Sequence[str]) -> Json:
    """Return the outcome of a whole receipt: a code, a word fit for a file name, and one sentence."""
    rejected, held = states.count("rejected"), states.count("held")
    pending, doubled = states.count("received") + states.count("checked"), states.count("duplicate")
    withdrawn = states.count("withdrawn")
    taken = states.count("accepted") + states.count("superseded")
    rest = _rest(taken, doubled, pending, withdrawn)
    if rejected:
        also = f"，{held} 个文件待人工审核" if held else ""
        text = f"有 {rejected} 个文件需要修改后重新报送{also}{rest}。"
        return {"code": "rejected", "short": f"{rejected}个文件需修改", "text": text}
    if held:
        return {"code": "held", "short": "待人工审核", "text": f"有 {held} 个文件待人工审核{rest}。"}
    if pending:
        return {"code": "pending", "short": "处理中", "text": f"{pending} 个文件正在处理，完成后另发回执。"}
    if withdrawn:
        text = f"{withdrawn} 个文件已按请求撤回，不再计入汇总；原件和记录仍在归档中保存{_rest(taken, doubled, 0, 0)}。"
        return {"code": "withdrawn", "short": "已撤回", "text": text}
    if doubled and not taken:
        text = f"{doubled} 个文件此前已经收到，内容完全相同，不重复计入。"
        return {"code": "duplicate", "short": "重复文件", "text": text}
    if not taken:
        return {"code": "none", "short": "无需处理", "text": "没有需要处理的文件。"}
    also = f"；另有 {doubled} 个文件此前已经收到，不重复计入" if doubled else ""
    return {"code": "accepted", "short": "全部接收", "text": f"全部接收：{taken} 个文件均已校验通过并归档{also}。"}


def _rest(taken: int, doubled: int, pending: int, withdrawn: int) -> str:
    parts = [
        f"{withdrawn} 个文件已按请求撤回" if withdrawn else "",
        f"{taken} 个文件已接收并归档" if taken else "",
        f"{doubled} 个文件此前已经收到，不重复计入" if doubled else "",
        f"{pending} 个文件正在处理" if pending else "",
    ]
    return "".join(f"；{part}" for part in parts if part)


def next_steps(files: Sequence[Json], deliverables: Sequence[Json], deadline_text: str) -> list[str]:
    """Return the prefecture's next steps as sentences, the most urgent first."""
    steps = []
    states = {f["state"] for f in files}
    if "rejected" in states:
        rejected = {f["deliverable"] for f in files if f["state"] == "rejected"}
        folders = [d["folder"] for d in deliverables if d["deliverable"] in rejected]
        where = "、".join(f"“{folder}”" for folder in folders) or "相应的"
        steps.append(f"按各文件“怎样修改”一栏改好被退回的文件，再次放入{where}文件夹，系统会自动重新校验并另发回执。")
    if "held" in states:
        steps.append("待人工审核的文件不必重新报送，由工作人员审核，结果另发回执；在此之前请保留本地文件。")
    if pending := [name for d in deliverables for name in d["pending"]]:
        names = "、".join(f"“{ellipsize(name)}”" for name in pending)
        steps.append(f"{names}已收到，正在校验，结果另发回执，不必重新报送。")
    withdrawn = {f["deliverable"] for f in files if f["state"] == "withdrawn"}
    missing = [
        d["name"]
        for d in deliverables
        if d["lacking"] and (d["state"] == "missing" or (d["state"] == "rejected" and d["deliverable"] in withdrawn))
    ]
    if missing:
        steps.append(f"还缺{'、'.join(missing)}，请放入各自的文件夹，{deadline_text}截止，之后仍可补报。")
    if deliverables and not any(d["lacking"] for d in deliverables):
        steps.append("全部材料已齐，无需再报送。如要更正，把新文件放入原来的文件夹即可，以最后接收的为准。")
    if any(f["may_delete_local_copy"] for f in files):
        steps.append("标明“已归档”的文件已存档并逐字节核对，本地副本可以删除；其余文件请保留。")
    return steps


def advice(row: Submission) -> str:
    """Return the advice to an operator about a held file."""
    if is_marked(row):
        return "疑似涉密：按保密规定处置，只能退回；确属误标的，由报送方去掉标志后重新报送"
    if row.kind is None and not is_unpacked(row):
        return "看过后放行（须指明是哪项材料）或退回"
    return "看过后放行或退回"


def is_marked(row: Submission) -> bool:
    """Return whether a file bears a classification mark."""
    return any(finding["rule"] == "file.classified" for finding in row.findings)
