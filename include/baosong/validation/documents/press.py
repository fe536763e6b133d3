"""The press check: a piece of coverage opens and is not empty; a list of links has links."""

from __future__ import annotations

import re

from baosong.campaign import Campaign, PhotoProfile
from baosong.rules.findings import Checked, Finding, error, warning
from baosong.store.source import Source
from baosong.validation.common.filetypes import PICTURES
from baosong.validation.common.reader import Document
from baosong.validation.photo import photo

LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'，。；、）】]{4,}", re.IGNORECASE)
LISTS = ("txt", "xlsx")


def check(source: Source, actual: str | None, document: Document | None, campaign: Campaign) -> Checked:
    """Judge a piece of press coverage: a document, a picture of one, or a list of links."""
    if actual in PICTURES:
        return _check_picture(source, campaign.photo)
    if document is None:
        return Checked(findings=[_not_read()], held=True)
    links = len({*LINK.findall(document.text), *document.targets})
    found = {"characters": document.characters, "links": links, "title": document.headline}
    if document.pages is not None:
        found["pages"] = document.pages
    if not document.characters and not document.pictures:
        return Checked(findings=[_empty()], facts=found)
    numbers = document.personal_numbers(campaign.window.end)
    return Checked(findings=[*_no_link(actual, links), *numbers], facts=found)


def _check_picture(source: Source, profile: PhotoProfile) -> Checked:
    try:
        picture = photo.decode(source, profile.max_pixels)
        return Checked(facts=photo.facts(picture), preview=picture.preview)
    except photo.PixelLimitExceeded as e:
        return Checked(findings=[photo.flood(str(e), profile)])
    except photo.Damaged:
        return Checked(findings=[photo.damaged()])


def _empty() -> Finding:
    return error(
        "press.empty",
        "文件里没有任何文字和图片。",
        observed="0 字、0 图",
        expected="报道的正文、截图或网址",
        fix="请把报道的标题、媒体、日期、网址和正文（或截图）放进文件，保存后重新上传。",
    )


def _not_read() -> Finding:
    return warning(
        "press.not_read",
        "这种格式或这么大的文件不能自动读取，等待工作人员核实。",
        observed="未读取",
        expected="docx、pdf 或图片",
        fix="可以等待核实，也可以另存为 docx 或 pdf 后重新上传。",
    )


def _no_link(actual: str | None, links: int) -> list[Finding]:
    if links or actual not in LISTS:
        return []
    return [
        warning(
            "press.link",
            "链接清单里没有找到网址。",
            observed="0 个网址",
            expected="每篇报道一个以 http 开头的网址",
            fix="请逐篇写明标题、媒体、日期和完整网址。",
        )
    ]
