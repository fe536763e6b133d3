"""The form as Great Expectations suites: the columns, and the values of those there; each row at fault is a finding.

Every expectation carries in its `meta` what it is about (`id`), because results do not come back in the suite's order,
and in Chinese words what it asks (`notes`), which its Data Docs show.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from baosong.campaign.form import ActivityField, Column, Form, Indicator, asked
from baosong.rules.findings import Finding, Severity, Where
from baosong.validation.statistics.cells import address
from baosong.validation.statistics.numbers import plain
from baosong.validation.statistics.tables import Table
from baosong.validation.statistics.validations import Validation, records
from baosong.validation.statistics.values import AMOUNTS, Values, shown

ERROR, WARNING = "critical", "warning"
INTEGER = r"^[0-9]{1,12}$"
DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


def decimal(scale: int) -> str:
    """Return the pattern of a number that is not negative and has at most `scale` digits after the point."""
    return rf"^[0-9]{{1,12}}(?:\.[0-9]{{1,{scale}}})?$" if scale else INTEGER


def judge(values: Values, form: Form) -> tuple[list[Finding], list[Validation]]:
    """Return the findings of both tables, and what each expectation came to.

    Values are expected only of columns that exist, the others are missing.
    """
    sheets = Validator()
    findings = [*_judge_indicators(sheets, values, form), *_judge_activities(sheets, values, form)]
    return findings, records(values, form, sheets.results)


@dataclass(frozen=True, slots=True)
class Failure:
    """An expectation that was not met: its id, ours for its severity, and the indexes of the rows at fault."""

    id: str
    severity: Severity
    rows: list[int]
    missing: list[str]


class Validator:
    """An ephemeral context with one asset, made for one sheet and forgotten with it: nothing is stored or sent."""

    def __init__(self) -> None:
        self.gx = great_expectations()
        from great_expectations.data_context.types import base

        config = base.DataContextConfig(
            store_backend_defaults=base.InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            progress_bars=base.ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        )
        context = self.gx.get_context(mode="ephemeral", project_config=config)
        asset = context.data_sources.add_pandas("sheet").add_dataframe_asset("table")
        self._whole = asset.add_batch_definition_whole_dataframe("whole")
        self.results: list[dict[str, Any]] = []  # of each run, by the ids of expectations

    def run(self, columns: dict[str, list[str | None]], expectations: Iterable[Any]) -> list[Failure]:
        """Return what is not met by a frame of canonical texts.

        Most are met: a first pass only asks whether, which costs half; the row numbers are asked of the others.
        """
        import pandas as pd
        from great_expectations.validator.v1_validator import Validator as Judge

        self.results.append({})
        frame = pd.DataFrame({name: pd.Series(texts, dtype="str") for name, texts in columns.items()})
        judge = Judge(self._whole, batch_parameters={"dataframe": frame})  # a batch would hash the frame twice
        failed = self._unmet(judge, {e.meta["id"]: e for e in expectations}, "BOOLEAN_ONLY")
        if failed:
            failed = self._unmet(judge, {identifier: expect for identifier, (expect, _) in failed.items()}, "COMPLETE")
        return [_failure(result) for _, result in failed.values()]

    def _unmet(self, judge: Any, expectations: dict[str, Any], detail: str) -> dict[str, tuple[Any, Any]]:
        """Return expectation and result of what is not met, by id."""
        suite = self.gx.ExpectationSuite(name="form", expectations=list(expectations.values()))
        judge.result_format = {"result_format": detail, "return_unexpected_index_query": False}
        results = {r.expectation_config.meta["id"]: r for r in judge.validate_expectation_suite(suite).results}
        self.results[-1] |= results  # the second pass knows more of what the first found unmet
        return {identifier: (expectations[identifier], r) for identifier, r in results.items() if not r.success}


def great_expectations() -> ModuleType:
    """Import Great Expectations: silent, without telemetry, threads and its imports' own deprecation warnings."""
    from tqdm import tqdm

    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # it imports sre_constants
        import great_expectations as gx
        import great_expectations.expectations

    tqdm.monitor_interval = 0  # a thread for bars that nobody sees, and that a fork would lose
    return gx


def _failure(result: Any) -> Failure:
    config = result.expectation_config
    if result.exception_info.get("raised_exception"):
        raise RuntimeError(f"{config.meta['id']}: {result.exception_info['exception_message']}")
    severity = Severity.ERROR if config.meta["severity"] == ERROR else Severity.WARNING
    details = result.result.get("details", {}).get("mismatched", {})
    return Failure(
        config.meta["id"], severity, result.result.get("unexpected_index_list") or [], details.get("missing", [])
    )


def _meta(identifier: str, notes: str, severity: str = ERROR) -> dict[str, Any]:
    return {"severity": severity, "meta": {"id": identifier, "severity": severity, "notes": notes}}


def _expect_columns(gx: ModuleType, columns: Iterable[Column]) -> Any:
    needed = {c.name: c.label for c in columns if c.required}
    meta = _meta("columns", f"表头：须有{'、'.join(needed.values())}")
    return gx.expectations.ExpectTableColumnsToMatchSet(column_set=list(needed), exact_match=False, **meta)


def _missing_columns(failure: Failure, table: Table, columns: Iterable[Column]) -> Iterator[Finding]:
    for column in columns:
        if column.name in failure.missing:
            yield Finding(
                "statistics.missing_column",
                failure.severity,
                f"工作表“{shown(table.sheet.name)}”的表头里找不到“{column.label}”这一列",
                where=Where(sheet=table.sheet.name, cell=address(table.header, 0)),
                observed="没有这一列",
                expected=f"有一列“{column.label}”",
                fix="请使用下发的模板，不要删改表头。",
            )


def _judge_indicators(sheets: Validator, values: Values, form: Form) -> Iterator[Finding]:
    """Judge all indicators as one frame, a column for each amount, type and need."""
    table = values.tables.indicators
    if table is None:
        return
    specs = [form.by_code[code] for code in values.indicators]
    columns: dict[str, list[str | None]] = {name: [None] * len(specs) for name in table.columns}
    expect = [_expect_columns(sheets.gx, form.indicators.columns)]
    for amount in AMOUNTS:
        texts = [values.indicator_text[spec.code][amount] for spec in specs]
        for pattern in sorted({_pattern(spec) for spec in specs}):
            name = f"number|{amount}|{pattern}"
            columns[name] = [t if _pattern(s) == pattern else None for s, t in zip(specs, texts, strict=True)]
            meta = _meta(name, _asked_of_amounts(form, amount, specs, pattern))
            expect.append(sheets.gx.expectations.ExpectColumnValuesToMatchRegex(column=name, regex=pattern, **meta))
    if "total" in table.columns:
        totals = [values.indicator_text[spec.code]["total"] for spec in specs]
        columns["required|total"] = [t if spec.required else "" for spec, t in zip(specs, totals, strict=True)]
        meta = _meta("required|total", f"合计：{'、'.join(s.title for s in specs if s.required)}必填")
        expect.append(sheets.gx.expectations.ExpectColumnValuesToNotBeNull(column="required|total", **meta))
    for failure in sheets.run(columns, expect):
        if failure.missing:
            yield from _missing_columns(failure, table, form.indicators.columns)
            continue
        rule, amount = failure.id.split("|")[:2]
        for index in failure.rows:
            yield _indicator_finding(values, specs[index], rule, amount, failure.severity)


def _asked_of_amounts(form: Form, amount: str, specs: list[Indicator], pattern: str) -> str:
    label = next(c.label for c in form.indicators.columns if c.name == amount).rpartition("：")[2]
    if pattern == INTEGER:
        return f"{label}：不小于 0 的整数"
    concerned = [s for s in specs if _pattern(s) == pattern]
    return f"{label}：{'、'.join(s.title for s in concerned)}是不小于 0 的数，至多 {concerned[0].scale} 位小数"


def _pattern(spec: Indicator) -> str:
    return decimal(spec.scale) if spec.type == "decimal" else INTEGER


def _indicator_finding(values: Values, spec: Indicator, rule: str, amount: str, severity: Severity) -> Finding:
    where = values.indicator_where(spec.code, amount)
    label = {"total": "合计", "offline": "线下", "online": "线上"}[amount]
    what = f"{spec.title}的{label}"
    table = values.tables.indicators
    row = next(r for r in values.reading.indicators if r.indicator.code == spec.code)
    if rule == "required":
        return _required(what, where, shown(row.raw[amount]), severity)
    hole = table.sheet.holes.get((row.row, table.columns.get(amount, -1))) if table else None
    return _not_a_number(what, where, row.raw[amount], values.indicators[spec.code][amount], spec.type, severity, hole)


def _judge_activities(sheets: Validator, values: Values, form: Form) -> Iterator[Finding]:
    table, columns = values.tables.activities, values.activity_text
    if table is None:
        return
    specs = [spec for spec in form.activities.fields if spec.name in columns]
    expect = [_expect_columns(sheets.gx, form.activities.fields)]
    if values.reading.activity_rows:
        expect += [e for spec in specs for e in _field_expectations(sheets.gx, spec)]
    for failure in sheets.run(columns, expect):
        if failure.missing:
            yield from _missing_columns(failure, table, form.activities.fields)
            continue
        rule, name = failure.id.split("|")
        for index in failure.rows:
            yield _activity_finding(values, form.by_field[name], rule, index, failure.severity)


def _field_expectations(gx: ModuleType, spec: ActivityField) -> Iterator[Any]:
    """Yield what a field must be; a blank is judged by `required` alone."""
    column, expect, must = spec.name, gx.expectations, f"{spec.label}：{asked(spec)}"
    if spec.required:
        yield expect.ExpectColumnValuesToNotBeNull(column=column, **_meta(f"required|{column}", f"{spec.label}：必填"))
    match spec.type:
        case "integer" | "decimal":
            pattern = decimal(spec.scale) if spec.type == "decimal" else INTEGER
            yield expect.ExpectColumnValuesToMatchRegex(column=column, regex=pattern, **_meta(f"number|{column}", must))
        case "date":
            meta = _meta(f"date|{column}", f"{spec.label}：能认出的日期，如 2023-05-20")
            yield expect.ExpectColumnValuesToMatchRegex(column=column, regex=DATE, **meta)
        case "choice" | "yes_no":
            choices, meta = list(spec.choices), _meta(f"choice|{column}", f"{spec.label}：限填{asked(spec)}")
            yield expect.ExpectColumnValuesToBeInSet(column=column, value_set=choices, **meta)
        case "text":
            most, meta = spec.max_length, _meta(f"length|{column}", must)
            yield expect.ExpectColumnValueLengthsToBeBetween(column=column, max_value=most, **meta)


def _activity_finding(values: Values, spec: ActivityField, rule: str, index: int, severity: Severity) -> Finding:
    where = values.activity_where(index, spec.name)
    raw = values.reading.activities[spec.name][index]
    what = f"“{spec.label}”"
    table = values.tables.activities
    row = values.reading.activity_rows[index]
    hole = table.sheet.holes.get((row, table.columns[spec.name])) if table else None
    if rule == "required":
        return _required(what, where, shown(raw), severity)
    if hole is not None and raw is None:
        return _formula(what, where, hole, severity)
    if rule == "number":
        return _not_a_number(what, where, raw, values.activities[spec.name][index], spec.type, severity, hole)
    if rule == "date":
        text, expected, fix = "不是日期", "如 2023-05-20", "请填写年月日，例如 2023-05-20；一格只填一天。"
    elif rule == "choice":
        text, expected = "不在可选的词里", "、".join(spec.choices)
        fix = "请从下拉列表中选择。"
    else:
        text, expected, fix = "太长", f"不超过 {spec.max_length} 字", "请精简文字。"
    return Finding(f"statistics.{rule}", severity, f"{what}填的“{shown(raw)}”{text}", where, shown(raw), expected, fix)


def _required(what: str, where: Where, found: str, severity: Severity) -> Finding:
    text = f"{what}必须填写" + (f"，不能填“{found}”" if found else "，现在是空的")
    return Finding("statistics.required", severity, text, where, found or "空", "必填", "请补填；确实没有的数填 0。")


def _formula(what: str, where: Where, hole: str, severity: Severity) -> Finding:
    if hole.startswith("#"):
        text, fix = f"{what}的公式出错，结果是 {shown(hole)}", "请改正公式，或直接填写数字。"
    else:
        text, fix = f"{what}是公式，文件里没有它的计算结果", "请用 WPS 或 Excel 打开后保存一次，或直接填写数字。"
    return Finding("statistics.formula", severity, text, where, shown(hole), "数字", fix)


def _not_a_number(
    what: str, where: Where, raw: Any, value: Any, kind: str, severity: Severity, hole: str | None
) -> Finding:
    if value is None and raw is None and hole is not None:
        return _formula(what, where, hole, severity)
    expected = "不小于 0 的整数" if kind == "integer" else "不小于 0 的数"
    if value is None:
        text = f"{what}填的“{shown(raw)}”看不出是多少"
    elif value < 0:
        text = f"{what}填的 {plain(value)} 是负数"
    elif value != int(value) and kind == "integer":
        text = f"{what}填的 {plain(value)} 不是整数"
    else:
        text = f"{what}填的 {plain(value)} 太大"
    return Finding(
        "statistics.number", severity, text, where, shown(raw), expected, "请改填一个阿拉伯数字，不写单位和文字。"
    )
