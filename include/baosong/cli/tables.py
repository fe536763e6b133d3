"""The tables that commands print on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baosong.rules.catalogue import level
from baosong.rules.findings import Kind
from baosong.rules.words import escape_invisible

if TYPE_CHECKING:  # `check` knows no ledger
    from baosong.campaign import Campaign
    from baosong.ledger import Submission

_VERDICTS = {"accepted": ("接收", "green"), "rejected": ("退回", "red"), "held": ("待人工审核", "yellow")}
_OUTCOMES = {
    "accepted": "已放行并归档",
    "superseded": "已放行并归档，现由后报送的文件替换",
    "duplicate": "与已接收的文件内容相同，不重复计入",
    "rejected": "已退回",
    "withdrawn": "已撤回，不再计入",
}
_STYLES = {"error": "red", "warning": "yellow", "note": "cyan"}


def show_answers(console: Console, campaign: Campaign, answers: list[dict[str, Any]]) -> None:
    """Print each file's verdict and its findings; texts from files are never read as markup."""
    for answer in answers:
        word, style = _VERDICTS[answer["verdict"]]
        kind = answer["deliverable"]
        unnamed = "压缩包" if answer["facts"].get("bundle") else "未能识别"
        name = campaign.deliverable(Kind(kind)).name if kind else unnamed
        console.print(Text.assemble((word, style), " ", answer["file"], (f"  {name}", "dim")))
        if answer["findings"]:
            console.print(_findings(answer["findings"]))


def _findings(findings: list[dict[str, Any]]) -> Table:
    table = Table(show_lines=True, expand=True)
    for title, ratio in (("程度", 1), ("位置", 2), ("问题", 5), ("实际", 2), ("要求", 3), ("怎样修改", 4)):
        table.add_column(title, ratio=ratio, overflow="fold")
    for found in findings:
        place = " ".join(str(v) for v in found["where"].values())
        cells = [place, found["message"], found["observed"], found["expected"], found["fix"]]
        table.add_row(Text(level(found["severity"]), _STYLES[found["severity"]]), *(Text(cell) for cell in cells))
    return table


def show_held(console: Console, rows: list[Submission]) -> None:
    """Print the files that wait for an operator with reasons and advice; file names are never read as markup."""
    from baosong.receipts.view import advice, title_of

    if not rows:
        console.print("没有待人工审核的文件。")
        return
    table = Table("序号", "活动", "地州市", show_lines=True)
    for title in ("文件", "原因", "怎样办"):
        table.add_column(title, overflow="fold")
    for row in rows:
        why = "\n".join(f["message"] for f in row.findings if f["severity"] != "note")
        cells = (
            row.campaign,
            row.prefecture,
            escape_invisible(title_of(row)),
            why or "没有认出是哪一项材料",
            advice(row),
        )
        table.add_row(str(row.id), *(Text(cell) for cell in cells))
    console.print(table)


def show_settled(console: Console, outcome: dict[str, Any]) -> None:
    """Print the outcome of an operator's decision about a file."""
    word = _OUTCOMES.get(outcome["state"], "已登记，由“收件”流程继续办理")
    answered = "，回执已发" if outcome["answered"] else "，回执随后发出"
    console.print(Text(f"第 {outcome['id']} 号文件“{escape_invisible(outcome['name'])}”：{word}{answered}。"))
