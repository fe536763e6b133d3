"""What a press document tells of each piece of coverage: title, medium, date, level and address, as far as it says so.

A document is either an article, or a list whose rows are pieces. Nothing is looked up and nothing is guessed: what is
not written stays empty. The words of a row are told apart by their shape, because lists have no form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TypedDict
from urllib.parse import urlsplit

from baosong.validation.common import personal_data
from baosong.validation.common.reader import Document, plain

LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'，。；、）】]{4,}", re.IGNORECASE)
MOST_PIECES, _LONGEST_LINK, _LONGEST_TITLE, _LONGEST_MEDIUM, _LONGEST_LEVEL = 200, 500, 80, 30, 8
_SHORTEST, _SHORT, _MOST_ABOVE = (
    4,
    60,
    4,
)  # letters of a title, letters of a line that may belong to the address below it, and how many such lines
_MOST_LINES, _LONGEST_LINE = 20_000, 1_000
_DAY = re.compile(
    r"(?<!\d)(?:(20\d\d)(?:[年./-]|(?=\d{4}(?!\d))))?(1[0-2]|0?[1-9])(?:[月./-]|(?=\d\d(?!\d)))(3[01]|[12]\d|0?[1-9])(?:日|(?![\d./-]))"
)
_LEVEL = re.compile(r"(?:国家|中央|省部|省|自治区|兵团|地州市|地市|地州|地区|地|市|州|县市|县|乡镇)级")
_LABELS = {
    "title": ("标题", "题目", "报道标题", "新闻标题", "稿件标题"),
    "medium": ("媒体", "媒体名称", "刊发媒体", "发布媒体", "来源", "发布平台", "平台", "刊发平台"),
    "date": ("日期", "时间", "发布日期", "发布时间", "刊发日期", "刊发时间", "报道日期", "报道时间"),
    "link": ("网址", "链接", "网页链接", "报道链接", "链接地址", "地址"),
    "level": ("级别", "媒体级别", "层级"),
}
_FIELD_OF = {label: name for name, labels in _LABELS.items() for label in labels}
_NUMBERED = re.compile(r"[（(]?\d{1,4}(?:[.．、)）](?!\d)|$)|[①-⑳]")
_GAP = re.compile(r"[\t|｜　]|  | (?=[一-鿿]{2,4}[：:])")
_TITLE = re.compile(r"(《[^《》\t]{4,80}》)")
_MEDIUM_ENDS = (
    "报", "日报", "晚报", "网", "电视台", "广播电台", "电台", "通讯社", "频道", "客户端", "公众号", "微信", "微博",
    "视频号", "抖音", "抖音号", "快手", "头条", "融媒体中心", "融媒体", "融媒", "学习强国", "新闻", "杂志", "云", "社",
    "App", "APP", "发布", "零距离",
)  # fmt: skip
_NO_TITLE = ("点击", "查看")  # the words of a link
_MARKS = "。！？；，"  # no name of a medium has them


class Piece(TypedDict):
    """A piece of coverage; `date` is ISO, `level` the word that the document states, "" what it does not say."""

    title: str
    medium: str
    date: str
    level: str
    link: str


@dataclass(slots=True)
class _Row:
    """A row as far as it is read; `words` are those that no shape gives away."""

    title: str = ""
    medium: str = ""
    date: str = ""
    level: str = ""
    link: str = ""
    listed: bool = False  # title and address, or medium and day, stand in one line


def pieces(document: Document, year: int, rows: list[str] | None = None) -> list[Piece]:
    """Return at most `MOST_PIECES` pieces of a document; days without a year are of the campaign's `year`.

    `rows` are its lines with the rows of its tables whole, where they are known.
    """
    lines = [line[:_LONGEST_LINE] for line in (rows or _whole_lines(document))[:_MOST_LINES]]
    found = list(_rows(lines, year))
    if len(found) < 2 and not any(r.listed for r in found):
        found = [_article(document, lines, year)]
    headline = _headline(document, lines)
    named = [replace(r, title=r.title or headline) for r in found if r.title or r.link]
    return [_piece(r) for r in named[:MOST_PIECES]]


def _whole_lines(document: Document) -> list[str]:
    """Return the lines of a document; a PDF breaks long addresses, which are joined again."""
    lines: list[str] = []
    for line in document.text.splitlines():
        broken = document.pages is not None and lines and _goes_on(lines[-1], line.strip())
        lines[-1:] = [lines[-1] + line.strip()] if broken else [*lines[-1:], line]
    return lines


def _goes_on(before: str, line: str) -> bool:
    """Return whether a line is the rest of an address that fills the line before it."""
    last = before.split()[-1:] or [""]
    return (
        len(last[0]) >= 40
        and last[0].lower().startswith(("http", "www."))
        and len(line) >= 4
        and line.isascii()
        and " " not in line
        and not line.lower().startswith(("http", "www."))
    )


def _rows(lines: list[str], year: int) -> Iterator[_Row]:
    """Yield the rows of a list: lines with an address, or with medium, day and title."""
    above, level = list[str](), ""
    waiting: _Row | None = None  # told in full, its address perhaps in the next line
    for line in lines:
        cells = [cell for cell in line.split("\t") if cell.strip()]
        read, addresses = _row(cells, year), LINK.findall(line)
        if waiting and (not addresses or read.title):
            yield waiting
            waiting = None
        if not addresses and not (read.title and read.medium and read.date):
            level = _heading(line) or level
            above = [*above, *cells][-_MOST_ABOVE:] if cells and len(line) <= _SHORT else []
            continue
        read.listed = bool(read.title)
        said = read if read.title else waiting or _row([*above, *cells], year)
        told = replace(said, level=said.level or level)
        yield from (replace(told, link=_address(address)) for address in addresses)
        waiting, above = None if addresses else told, []
    if waiting:
        yield waiting


def _heading(line: str) -> str:
    """Return the level that a line gives to those below it, 一、省级媒体（3篇）."""
    found = _LEVEL.search(line) if len(line) <= 20 else None
    return found[0] if found else ""


def _row(cells: Iterable[str], year: int) -> _Row:
    row, words = _Row(), list[str]()
    for cell in cells:
        for part in _parts(cell):
            _take(row, words, part, year)
    texts = [t for t in words if sum(map(str.isalpha, t)) >= _SHORTEST and not t.startswith(_NO_TITLE)]
    row.title = row.title or max(texts, key=len, default="")
    return row


def _parts(cell: str) -> Iterator[str]:
    """Yield the parts of a cell: addresses, what stands in brackets at its end, what wide gaps and strokes part."""
    yield from LINK.findall(cell)
    for part in _GAP.split(_TITLE.sub(r"\t\1\t", LINK.sub("\t", cell))):
        text = _without_number(part.strip())
        body, bracket, inner = text.rstrip("）)").rpartition("（" if "（" in text else "(")
        if bracket and text[-1:] in "）)" and (_DAY.search(inner) or _is_medium(inner)):
            yield from (body, *inner.replace("，", " ").split())
        else:
            yield text


def _without_number(text: str) -> str:
    found = _NUMBERED.match(text)
    return text[found.end() :].lstrip() if found else text


def _take(row: _Row, words: list[str], part: str, year: int) -> None:
    """Put a part of a row where it belongs."""
    label, colon, said = part.replace(":", "：", 1).partition("：")
    if LINK.match(part):
        row.link = row.link or _address(part)
    elif not colon:
        _take_words(row, words, part, year)
    elif (name := _labelled(label)) in ("title", "medium", "level"):
        setattr(row, name, getattr(row, name) or said.strip())
    elif not name and _is_medium(label):
        row.medium = row.medium or label.strip()
        words.append(said.strip())
    else:
        _take_words(row, words, said if name else part, year)


def _labelled(label: str) -> str:
    """Return the field that a label announces, "" if it is none."""
    plain_label = "".join(label.split())
    is_address = len(plain_label) <= 8 and plain_label.endswith(("链接", "网址", "地址"))
    return "link" if is_address else _FIELD_OF.get(plain_label, "")


def _take_words(row: _Row, words: list[str], part: str, year: int) -> None:
    if "《" not in part and (found := _DAY.search(part)) and len(part) <= 40:
        row.date = row.date or _iso(found, year)
        part = f"{part[: found.start()]} {part[found.end() :]}".strip(" ，,()（）")
    if (level := _LEVEL.match(part)) and len(part) <= len(level[0]) + 2:
        row.level = row.level or level[0]
    elif _is_medium(part):
        row.medium = row.medium or part
    elif part not in _FIELD_OF:
        title, _, last = part.rpartition(" ")
        parted = bool(title) and not row.medium and _is_medium(last)
        row.medium = last if parted else row.medium
        words.append((title if parted else part).strip("-— "))


def _is_medium(text: str) -> bool:
    text = text.strip(" 《》“”")
    return 2 < len(text) <= 24 and text.endswith(_MEDIUM_ENDS) and not any(mark in text for mark in _MARKS)


def _article(document: Document, lines: list[str], year: int) -> _Row:
    """Return the one piece that a document is; its medium and day stand behind their labels."""
    row = _Row()
    for part in (part for line in lines if len(line) <= _LONGEST_TITLE for part in _parts(line)):
        label, colon, _ = part.replace(":", "：", 1).partition("：")
        if colon and _labelled(label):
            _take(row, [], part, year)
    addresses = map(_address, (*LINK.findall("\n".join(lines)), *document.targets))
    row.title = row.title or _headline(document, lines)
    row.link = row.link or next(filter(None, addresses), "")
    return row


def _headline(document: Document, lines: list[str]) -> str:
    """Return the first line, or the title in the properties: some programs write a file's name there."""
    told = (line for line in lines if line.strip() and not any(c.strip() in _FIELD_OF for c in line.split("\t")))
    first = _without_number(next(told, "").strip())
    return first if 4 <= len(first) <= _LONGEST_TITLE and not LINK.search(first) else document.headline


def _iso(found: re.Match[str], year: int) -> str:
    try:
        return date(int(found[1] or year), int(found[2]), int(found[3])).isoformat()
    except ValueError:
        return ""


def _address(text: str) -> str:
    """Return an address that may be printed and followed whole, "" for any other: one that names a person, too."""
    address = text.rstrip(".,;:!?)]}》”’…·-")
    try:
        host = urlsplit(address if "://" in address else f"http://{address}").netloc
    except ValueError:
        return ""
    fit = address.isprintable() and len(address) <= _LONGEST_LINK and "." in host and "@" not in host
    return address if fit else ""


def _piece(row: _Row) -> Piece:
    return {
        "title": plain(personal_data.hidden(row.title), _LONGEST_TITLE),
        "medium": plain(personal_data.hidden(row.medium), _LONGEST_MEDIUM),
        "date": row.date,
        "level": row.level[:_LONGEST_LEVEL],
        "link": row.link,
    }
