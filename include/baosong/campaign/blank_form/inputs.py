"""The input checks of the template, with Chinese prompts."""

from __future__ import annotations

from openpyxl.worksheet.datavalidation import DataValidation

from baosong.campaign import Campaign
from baosong.campaign.form import ActivityField, Column, Form, Indicator
from baosong.campaign.prefill import Prefill

EXCEL_TITLE, EXCEL_TEXT = 32, 255  # characters that Excel shows of a prompt
_AFTER_1999 = "36526"


def indicator_rule(spec: Indicator) -> DataValidation:
    """Return the input check of an indicator's cells that people fill in."""
    return _number(spec.type, spec.scale, f"{spec.name}（{spec.unit}）")


def prefilled_rule(spec: Indicator, prefill: Prefill, form: Form) -> DataValidation:
    """Return the input check of a prefilled cell: it may be overwritten, and its prompt explains the formula."""
    rule = indicator_rule(spec)
    return _prompted(rule, rule.promptTitle or "", origin(prefill, form))


def origin(prefill: Prefill, form: Form) -> str:
    """Say how the template works out a cell."""
    if prefill.choices:
        label, chosen = form.by_field[prefill.field].label, "、".join(prefill.choices)
        return f"“活动明细”里“{label}”为{chosen}的项数，自动算出，一般不用填。"
    if prefill.from_list:
        return "填好“活动明细”后由公式自动算出，不用填；两张表必须一致。"
    if {column for _, column in prefill.cells} == {"total"}:
        return f"由 {prefill.cells[0][0]} 至 {prefill.cells[-1][0]} 自动相加，一般不用填；没有分项时可直接填总数。"
    return "由线下、线上自动相加，一般不用填；没有分线下、线上时可直接填总数。"


def field_rule(spec: ActivityField, campaign: Campaign, choices: str) -> DataValidation:
    """Return the input check of a column of the activity list; for free text only the length.

    `choices` is the formula that gives those of a drop-down.
    """
    if spec.choices:
        rule = DataValidation("list", formula1=choices, error="请从下拉列表中选择。")
        return _prompted(rule, spec.label, spec.prompt or "请从下拉列表中选择。")
    if spec.type == "date":
        return _date(spec, campaign, spec.prompt)
    if spec.type in ("integer", "decimal"):
        return _number(spec.type, spec.scale, spec.label)
    return _prompted(_text(spec.max_length), spec.label, spec.prompt)


def signature_rule(spec: Column, campaign: Campaign) -> DataValidation:
    """Return the input check of a signature: a date, or a text of limited length."""
    if spec.name == "date":
        return _date(spec, campaign, "请填填表的日期，写成年-月-日。")
    prompts = {"unit": "请写全单位名称（含地州市），打印后加盖公章。", "phone": "请填可以联系到填报人的电话。"}
    rule = DataValidation(
        type="textLength", operator="lessThanOrEqual", formula1="100", error="这一格不能超过 100 个字。"
    )
    return _prompted(rule, spec.label, prompts.get(spec.name, "请填写填表人的姓名。"))


def _date(spec: Column, campaign: Campaign, prompt: str) -> DataValidation:
    days = campaign.window
    first, last = days.start.isoformat(), days.end.isoformat()
    rule = DataValidation(
        type="date", operator="greaterThan", formula1=_AFTER_1999, error=f"请填写日期，如 {first}；一格只填一天。"
    )
    return _prompted(rule, spec.label, prompt or f"请填年月日，如 {first}；活动周为 {first} 至 {last}。")


def _text(most: int) -> DataValidation:
    error = f"这一格不能超过 {most} 个字，请精简。"
    return DataValidation(type="textLength", operator="lessThanOrEqual", formula1=str(most), error=error)


def _number(kind: str, scale: int, label: str) -> DataValidation:
    if kind == "integer":
        text = "请填不小于 0 的整数，没有的填 0；不写单位和文字。"
        rule = DataValidation(type="whole", operator="greaterThanOrEqual", formula1="0", error=text)
    else:
        text = f"请填不小于 0 的数，最多 {scale} 位小数，没有的填 0；不写单位和文字。"
        rule = DataValidation(type="decimal", operator="greaterThanOrEqual", formula1="0", error=text)
    return _prompted(rule, label, text)


def _prompted(rule: DataValidation, title: str, text: str) -> DataValidation:
    rule.allowBlank, rule.showErrorMessage, rule.showInputMessage = True, True, bool(text)
    rule.promptTitle = rule.errorTitle = title[:EXCEL_TITLE]
    rule.prompt = text[:EXCEL_TEXT] or None
    return rule
