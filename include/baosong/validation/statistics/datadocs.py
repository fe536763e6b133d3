"""Data Docs: the HTML that Great Expectations' own renderers make of a sheet's validations, in Chinese and harmless.

Their templates put what a cell holds into HTML as it is: texts go in escaped, and what comes out is cut down to a few
tags whose only attribute is a class.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import nh3

from baosong.campaign.form import Form
from baosong.rules.words import escape_invisible
from baosong.validation.statistics.cells import parse_address
from baosong.validation.statistics.gx import great_expectations
from baosong.validation.statistics.validations import Validation

TAGS = {"br", "div", "span", "strong", "table", "tbody", "td", "th", "thead", "tr"}
_CALM = {"raised_exception": False, "exception_traceback": None, "exception_message": None}
_WORDS = {
    "Status": "结果",
    "Expectation": "要求",
    "Observed Value": "实际",
    "Unexpected Value": "填写的内容",
    "Sampled Unexpected Values": "填写的内容（举例）",
    "Count": "次数",
    "cell": "单元格",
    "indicator": "指标",
}
_MARKS = {"✅": ("✓ 符合", "good"), "❌": ("× 不符", "bad")}


@dataclass(frozen=True, slots=True)
class Rendered:
    """A table's results: its sheet's name in the form, how many there are and were not met, and safe HTML of them."""

    sheet: str
    count: int
    unmet: int
    html: str


def tables(validations: Iterable[Validation], form: Form) -> Iterator[Rendered]:
    """Yield each table's results as GX renders them; what was not met comes first."""
    great_expectations()
    for validation in validations:
        ordered = sorted(validation["results"], key=lambda result: result["success"])
        indicators = validation["table"] == "indicators"
        sheet = form.indicators.sheet if indicators else form.activities.sheet
        labels = {c.name: c.label for c in (form.indicators.columns if indicators else form.activities.fields)}
        rendered = _rendered([_result(result, labels) for result in ordered])
        unmet = sum(not result["success"] for result in ordered)
        yield Rendered(sheet, len(ordered), unmet, harmless(rendered))


def harmless(markup: str) -> str:
    """Return markup without anything that runs, loads, links or styles: a few tags with classes, on one line."""
    clean = nh3.clean(markup, tags=TAGS, attributes={"*": {"class"}}, url_schemes=set(), link_rel=None)
    return re.sub(r"\s+", " ", clean)


def literal(text: object) -> str:
    """Return a text so that GX's templates show it as it is; what nobody could see in it is spelled out."""
    return html.escape(escape_invisible(text))


def _rendered(results: list[Any]) -> str:
    from great_expectations.render.renderer.content_block import validation_results_table_content_block as gx

    rendered: Any = gx.ValidationResultsTableContentBlockRenderer.render(results)
    block = _in_chinese(rendered.to_json_dict())
    for row, result in zip(block["table"], results, strict=True):
        row[-1] = result.result["observed_value"]  # one kind of expectation gives its own, in English
    return str(_view().render({"content_block": block}))


@cache
def _view() -> Any:
    from great_expectations.render.view.view import DefaultJinjaComponentView

    return DefaultJinjaComponentView()


def _in_chinese(block: Any) -> Any:
    """Return a rendered block with GX's own words translated: headings and marks, never what a cell holds."""
    if isinstance(block, list):
        return [_in_chinese(item) for item in block]
    if not isinstance(block, dict):
        return block
    if "cell" in block.get("header_row", ()):  # what was found comes in the order of its texts: put it in the sheet's
        at = block["header_row"].index("cell")
        block = {**block, "table": sorted(block["table"], key=lambda row: parse_address(row[at].partition(",")[0]))}
    if "header_row" in block:
        block = {**block, "header_row": [_WORDS.get(word, word) for word in block["header_row"]]}
    params = block.get("params", {})
    if icon := params.get("markdown_status_icon"):
        return {"template": _MARKS[icon][0], "tag": "strong", "styling": {"classes": [_MARKS[icon][1]]}}
    if "unexpected_percent" in params:
        return {"template": ""}  # the column of observed values has it
    return {name: _in_chinese(item) for name, item in block.items()}


def _result(record: Validation, labels: dict[str, str]) -> Any:
    """Return a record as GX's own object again, described by its notes, and the sheet's texts in it made literal."""
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    config = record["expectation_config"]
    described = ExpectationConfiguration(**config, description=literal(config["meta"]["notes"]))
    found = _found(record["result"], labels)
    return ExpectationValidationResult(record["success"], described, found, exception_info=_CALM)


def _found(result: Validation, labels: dict[str, str]) -> Validation:
    if not result:
        return {"observed_value": "—"}
    if "details" in result:
        missing = [labels[name] for name in result["details"]["mismatched"]["missing"]]
        return {"observed_value": literal(f"缺少{'、'.join(missing)}")}
    count = result["unexpected_count"]
    shown = [{n: literal(text or "（空）") for n, text in at.items()} for at in result["unexpected_index_list"]]
    return {
        **result,
        "observed_value": f"{count} 处不符" + (f"，举前 {len(shown)} 处" if count > len(shown) else ""),
        "unexpected_index_list": shown,
        "partial_unexpected_counts": [{"value": item["value"], "count": 1} for item in shown],
    }
