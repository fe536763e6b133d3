"""Writes docs/rules.md from the form's checks and the catalogue: `python -m baosong_local.tools.rules_doc`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from baosong.campaign import load_campaign
from baosong.campaign.form import CrossCheck, Form, asked
from baosong.rules.catalogue import catalogue, level

_VALUE = re.compile(r"\{[^}]*\}")
_INCLUDE = Path(__file__).parents[2]
FORM = "include/campaigns/forms/2023.yaml"
CATALOGUE = "include/baosong/rules/catalogue.yaml"


def document(form: Form) -> str:
    """Return the rule book with the rules of a form as Markdown."""
    checks = ([c.id, f"`{c.rule}`", level(c.severity), *_words(c)] for c in form.checks)
    indicators = (
        [i.code, i.name, i.unit, "整数" if i.type == "integer" else f"{i.scale} 位小数", "必填" if i.required else ""]
        for i in form.indicators.rows
    )
    fields = ([f.label, asked(f), "必填" if f.required else ""] for f in form.activities.fields)
    chapters: list[tuple[str, Iterable[str], Iterable[Iterable[str]]]] = [
        (f"{title}（`{kind}.…`）", ("规则", "名称", "级别", "回执上的话", "怎样修改", "为什么"), _of(kind))
        for kind, title in catalogue().sections.items()
    ]
    chapters += [
        ("统计表：跨格、跨表（写在表式里）", ("编号", "规则", "级别", "回执上的话", "怎样修改", "为什么"), checks),
        (f"统计表：“{form.indicators.sheet}”每一行要求什么", ("序号", "指标", "单位", "填什么", ""), indicators),
        (f"统计表：“{form.activities.sheet}”每一列要求什么", ("列", "填什么", ""), fields),
    ]
    lines = [
        "# 校验规则",
        "",
        f"本文由 `python -m baosong_local.tools.rules_doc` 从 `{FORM}` 和 `{CATALOGUE}` 生成，请勿手改；"
        "`…` 是随文件而变的内容。",
        f"“{level('error')}”的退回，“{level('warning')}”的照收并提醒，“{level('note')}”只是告知，"
        f"“{level('held')}”的由工作人员看过再定。",
        "",
    ]
    for number, (title, head, rows) in enumerate(chapters, 1):
        lines += [f"## {number}. {title}", "", *_table(head, rows), ""]
    return "\n".join(lines)


def _of(kind: str) -> Iterator[list[str]]:
    """Yield the catalogue's rules of a deliverable, or of `file`; the wordings of one rule stand one below another."""
    for name, rule in catalogue().rules.items():
        if name.startswith(f"{kind}."):
            wordings = rule.wordings.values()
            messages, _, _, fixes = zip(*(wording.texts.templates for wording in wordings), strict=True)
            levels = (level("held" if wording.held else wording.severity) for wording in wordings)
            yield [
                f"`{name}`",
                rule.title,
                "或".join(dict.fromkeys(levels)),
                _each(messages),
                _each(fixes),
                rule.reason,
            ]


def _each(templates: Iterable[str]) -> str:
    return "<br>".join(_VALUE.sub("…", text) for text in dict.fromkeys(templates) if text)


def _words(check: CrossCheck) -> Iterator[str]:
    limit = str(check.limit) if check.limit is not None else "…"
    for text in (check.message, check.fix, check.reason):
        yield _VALUE.sub("…", text.replace("{limit}", limit))


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
