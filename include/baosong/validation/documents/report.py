"""The report check: it opens, holds text, and names its prefecture and its year."""

from __future__ import annotations

from baosong.campaign import Campaign, Prefecture
from baosong.rules.catalogue import finding
from baosong.rules.findings import Checked, Finding
from baosong.validation.common.reader import Document
from baosong.validation.documents.quotes import quotes


def check(document: Document | None, actual: str | None, campaign: Campaign, prefecture: Prefecture | None) -> Checked:
    """Judge a summary report; `document` is what was read of it."""
    if document is None:
        return Checked(findings=[finding("report.not_read")], held=True)
    facts: dict[str, object] = {"characters": document.characters, "title": document.headline}
    if document.pages is not None:
        facts["pages"] = document.pages
    if told := quotes(document.text, campaign.form):
        facts["quotes"] = [quote.as_json() for quote in told]
    if empty := _without_text(document):
        return Checked(findings=[] if document.unread else [empty], facts=facts)
    if actual == "doc":
        return Checked(findings=[finding("report.format"), *_said(document, campaign, prefecture)], facts={})
    return Checked(findings=_said(document, campaign, prefecture), facts=facts)


def _said(document: Document, campaign: Campaign, prefecture: Prefecture | None) -> list[Finding]:
    numbers = document.personal_numbers(campaign.window.end)
    if document.unread:  # what is not found may stand where nothing could be read
        return numbers
    return [*_prefecture(document, prefecture), *_year(document, campaign), *numbers]


def _without_text(document: Document) -> Finding | None:
    if document.says_something:
        return None
    if document.pictures:
        return finding("report.scan")
    pages = document.pages
    return finding("report.empty") if pages is None else finding("report.empty", "pages", pages=pages)


def _prefecture(document: Document, prefecture: Prefecture | None) -> list[Finding]:
    if prefecture is None or document.names_any(prefecture.names):
        return []
    names = "、".join((prefecture.name, *prefecture.aliases))
    return [finding("report.prefecture", name=prefecture.name, names=names)]


def _year(document: Document, campaign: Campaign) -> list[Finding]:
    year, opening = campaign.window.start.year, document.opening_years()
    if opening and year not in opening:
        years = "、".join(f"{other}年" for other in sorted(opening))
        return [finding("report.year", "titled", years=years, year=year)]
    return [] if document.names_year(year) else [finding("report.year", year=year)]
