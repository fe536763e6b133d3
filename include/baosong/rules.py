"""The rules of the statistics sheet in words: `python -m baosong.rules` writes docs/rules.md from form and code.

The form's checks bring their own words. What the reader says by itself is listed here, `…` standing for what differs
from sheet to sheet; a test holds this list against the code, and the document against both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from baosong.campaign import load_campaign
from baosong.campaign.form import ActivityField, CrossCheck, Form

SEVERITIES = {"error": "必须修改", "warning": "请核对", "note": "说明"}
_QUOTED = re.compile(r"\{\w+\}")
_INCLUDE = Path(__file__).parents[1]
FORM = "include/campaigns/forms/2023.yaml"


class Rule(NamedTuple):
    """A rule in code: its id after the dot, how grave (several where it depends), its words, and why it is there."""

    name: str
    severity: str
    message: str
    reason: str


READER = (
    Rule("unreadable", "error", "统计表读不出来：…。", "文件损坏或不是表格，无从校验"),
    Rule("missing_table", "error", "找不到“…”这张表", "两张表缺一不可；按表头认表，与工作表的名称、次序无关"),
    Rule("spare_table", "warning", "工作表“…”里也有一张同样的表，没有采用", "两张同样的表只能采用一张，要让填报人知道"),
    Rule("hidden_sheet", "warning", "工作表“…”是隐藏的，按其中的数据校验", "隐藏的可能是旧数据"),
    Rule("too_many_rows", "error", "工作表“…”的范围太大，没有读完", "没有读完的表不能作数"),
    Rule("missing_column", "error", "工作表“…”的表头里找不到“…”这一列", "必填的列不能没有"),
    Rule("missing_indicator", "error warning", "缺少指标 … 这一行", "必填的指标不能没有，其他按没有填写计"),
    Rule("unknown_indicator", "warning", "“…”不是表式里的指标，这一行没有计入", "自添的行不汇总，要让填报人知道"),
    Rule("renamed_indicator", "warning", "指标名称“…”与表式不同，按序号 … 当作“…”", "名称改过，靠序号认出，请人确认"),
    Rule("repeated_indicator", "error note", "指标 … 出现了两次", "两行数字不同，不知以哪一行为准"),
    Rule("other_year", "error", "多数活动的日期不在 … 年，像是其他年份的统计表", "去年的表不能当今年的收"),
    Rule("old_template", "warning", "表头写的是“…”，不是 … 年的表", "旧模板的指标可能不同"),
    Rule("unit_unclear", "warning", "从填报单位“…”看不出是哪个地州市", "看不出是谁的表，就无法核对是否放错目录"),
    Rule("external_links", "warning", "工作簿里有指向其他文件的公式", "只能采用文件里保存的结果，可能已经过时"),
    Rule("required", "error", "…必须填写", "必填的格不能空着，也不能填“—”“无”"),
    Rule("number", "error", "…看不出是多少", "不是不小于 0 的数，不能汇总；负数、该是整数的小数、过大的数同样退回"),
    Rule("date", "error", "…不是日期", "没有日期就不知是否在活动周期间"),
    Rule("choice", "error", "…不在可选的词里", "分类要能汇总"),
    Rule("length", "error", "…太长", "太长的文字多半是填错了格"),
    Rule("formula", "error", "…是公式，文件里没有它的计算结果", "不猜别人的公式；公式出错的格同样退回"),
    Rule("worked_out", "note", "…是模板的公式，文件里没有结果，按公式算得 …", "模板自带的公式含义已知，不必退回"),
    Rule("normalised", "note", "…写成“…”，…", "写法不同而数值明确，换算后采用"),
    Rule("rounded", "warning", "…写成“…”，…", "约数按所写的数计，请人改成准确数"),
    Rule("unit", "warning", "计量单位写的是“…”，表式是“…”，已换算", "单位不同要换算，请人确认"),
    Rule("total_filled", "warning", "…的合计没有填，按线下、线上相加的 … 计", "合计可以推出，请人确认"),
    Rule("out_of_range", "error", "表里有数值大得无法登记", "多半把电话、编号填进了数字栏"),
)  # fmt: skip


def document(form: Form) -> str:
    """Return the rules of a form as Markdown."""
    rows = ([c.id, f"`{c.rule}`", SEVERITIES[c.severity], *_words(c)] for c in form.checks)
    code = ([f"`statistics.{r.name}`", _severities(r.severity), r.message, r.reason] for r in READER)
    indicators = (
        [i.code, i.name, i.unit, "整数" if i.type == "integer" else f"{i.scale} 位小数", "必填" if i.required else ""]
        for i in form.indicators.rows
    )
    fields = ([f.label, asked(f), "必填" if f.required else ""] for f in form.activities.fields)
    return "\n".join(
        [
            "# 统计表的校验规则",
            "",
            f"本文由 `python -m baosong.rules` 从 `{FORM}` 和代码生成，请勿手改；`…` 是随表而变的内容。",
            "“必须修改”的退回，“请核对”的照收并提醒，“说明”只是告知。",
            "",
            "## 一、跨格、跨表的规则（写在表式里）",
            "",
            *_table(("编号", "规则", "级别", "回执上的话", "怎样修改", "为什么"), rows),
            "",
            "## 二、读表的规则（写在 `include/baosong/checks/` 里）",
            "",
            *_table(("规则", "级别", "回执上的话", "为什么"), code),
            "",
            f"## 三、“{form.indicators.sheet}”每一行要求什么",
            "",
            *_table(("序号", "指标", "单位", "填什么", ""), indicators),
            "",
            f"## 四、“{form.activities.sheet}”每一列要求什么",
            "",
            *_table(("列", "填什么", ""), fields),
            "",
        ]
    )


def _words(check: CrossCheck) -> Iterator[str]:
    limit = str(check.limit) if check.limit is not None else "…"
    for text in (check.message, check.fix, check.reason):
        yield _QUOTED.sub("…", text.replace("{limit}", limit))


def _severities(words: str) -> str:
    return "或".join(SEVERITIES[word] for word in words.split())


def asked(spec: ActivityField) -> str:
    """Return what a field must be, `不小于 0 的整数`; a blank is another matter."""
    if spec.choices:
        return "、".join(spec.choices)
    words = {"integer": "不小于 0 的整数", "decimal": f"不小于 0 的数，至多 {spec.scale} 位小数", "date": "日期"}
    return words.get(spec.type, f"文字，不超过 {spec.max_length} 字")


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    head = list(head)
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Write docs/rules.md."""
    campaign = load_campaign(_INCLUDE / "campaigns" / "2023.yaml")
    (_INCLUDE.parent / "docs" / "rules.md").write_text(document(campaign.form), encoding="utf-8")


if __name__ == "__main__":
    main()
