"""The report check: it opens, holds text, and names its prefecture and its year."""

from __future__ import annotations

from baosong.campaign import Campaign, Prefecture
from baosong.rules.findings import Checked, Finding, error, note, warning
from baosong.validation.common.reader import Document
from baosong.validation.documents.quotes import quotes


def check(document: Document | None, actual: str | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Judge a summary report; `document` is what was read of it."""
    if document is None:
        return Checked(findings=[_not_read()], held=True)
    facts: dict[str, object] = {"characters": document.characters, "title": document.headline}
    if document.pages is not None:
        facts["pages"] = document.pages
    if told := quotes(document.text, campaign.form):
        facts["quotes"] = [quote.as_json() for quote in told]
    if empty := _without_text(document):
        return Checked(findings=[empty], facts=facts)
    if actual == "doc":
        return Checked(findings=[_read_in_part(), *_said(document, campaign, prefecture)], facts={})
    return Checked(findings=_said(document, campaign, prefecture), facts=facts)


def _said(document: Document, campaign: Campaign, prefecture: Prefecture | None) -> list[Finding]:
    numbers = document.personal_numbers(campaign.window.end)
    return [*_prefecture(document, prefecture), *_year(document, campaign), *numbers]


def _without_text(document: Document) -> Finding | None:
    if document.characters:
        return None
    if document.pictures:
        return warning(
            "report.scan",
            "总结报告像是扫描件：能打开，但没有可读取的文字，无法核对地州市和年份。",
            observed="只有图片",
            expected="可选中、可搜索的文字",
            fix="请同时报送 Word 原稿（docx），便于汇总引用。",
        )
    return error(
        "report.empty",
        "总结报告里没有任何内容。",
        observed="0 字、0 图" if document.pages is None else f"{document.pages} 页，0 字",
        expected="总结报告正文",
        fix="请确认保存的是写好的报告，而不是空白模板，再重新上传。",
    )


def _not_read() -> Finding:
    return warning(
        "report.not_read",
        "这种格式或这么大的报告不能自动读取，等待工作人员核实。",
        observed="未读取",
        expected="docx 或可搜索文字的 pdf",
        fix="可以等待核实，也可以另存为 docx 后重新上传。",
    )


def _prefecture(document: Document, prefecture: Prefecture | None) -> list[Finding]:
    if prefecture is None or any(document.names(name) for name in (prefecture.name, *prefecture.aliases)):
        return []
    return [
        warning(
            "report.prefecture",
            f"总结报告全文没有出现“{prefecture.name}”，请确认没有传错文件。",
            observed="未出现",
            expected="、".join((prefecture.name, *prefecture.aliases)),
            fix="如果传错了，请重新上传本地州市的报告；如果没有传错，请在标题或落款写明地州市。",
        )
    ]


def _year(document: Document, campaign: Campaign) -> list[Finding]:
    year, opening = campaign.window.start.year, document.opening_years()
    if opening and year not in opening:
        told = "、".join(f"{other}年" for other in sorted(opening))
        return [_other_year(f"总结报告开头写的是“{told}”，请确认不是往年的报告。", told, year)]
    if document.names_year(year):
        return []
    return [_other_year(f"总结报告全文没有出现“{year}”，请确认不是往年的报告。", "未出现", year)]


def _other_year(message: str, found: str, year: int) -> Finding:
    fix = f"如果传错了，请重新上传{year}年的报告；如果没有传错，请在标题或落款写明年份。"
    return warning("report.year", message, observed=found, expected=f"{year}年", fix=fix)


def _read_in_part() -> Finding:
    return note("report.format", "旧版 Word（doc）或 WPS 文件：已确认能打开，文字只作粗略检索；建议另存为 docx 报送。")
