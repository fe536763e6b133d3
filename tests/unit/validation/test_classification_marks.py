"""A classification mark holds a workbook wherever it stands, though not all words of a long sheet are taken out."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.comments import Comment

from baosong.rules.findings import Kind, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from sheet_help import CAMPAIGN, LIST, TOTALS, URUMQI, judged, sample

Mark = Callable[[Workbook], object]


def marked(mark: Mark) -> bytes:
    book = load_workbook(io.BytesIO(sample().content))
    mark(book)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


def rewritten(part: str, old: str, new: str, code: str = "utf-8") -> bytes:
    """Return the good sheet with words of one part replaced, as another program would write them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(sample().content)) as good, zipfile.ZipFile(buffer, "w") as bad:
        for name in good.namelist():
            data = good.read(name)
            if name == part:
                assert old.encode() in data
                data = data.replace(old.encode(), new.encode(code))
            bad.writestr(name, data)
    return buffer.getvalue()


def setter(target: str, name: str, text: str) -> Mark:
    def mark(book: Workbook) -> None:
        held: object = book
        for step in target.split("."):
            held = book[LIST] if step == "list" else getattr(held, step)
        setattr(held, name, text)

    return mark


MARKS: dict[str, Mark] = {
    "cell": lambda book: book[LIST].__setitem__("T4", "秘密★1年"),
    "far cell": lambda book: book[LIST].__setitem__("XFD9", "机密★"),
    "cells": lambda book: (book[TOTALS].__setitem__("H1", "密级："), book[TOTALS].__setitem__("I1", "秘密")),
    "header": setter("list.oddHeader.right", "text", "机密★10年"),
    "footer": setter("list.oddFooter.center", "text", "★绝密"),
    "first header": setter("list.firstHeader.left", "text", "密级：秘密"),
    "sheet name": setter("list", "title", "活动明细 秘密★"),
    "comment": lambda book: setattr(book[LIST]["B4"], "comment", Comment("秘密★", "科技局")),
    "title": setter("properties", "title", "统计表（密级：机密）"),
    "keywords": setter("properties", "keywords", "绝密★"),
}


@pytest.mark.parametrize("place", MARKS)
def test_a_mark_anywhere_in_a_workbook_holds_it(place: str) -> None:
    content, kinds = marked(MARKS[place]), (Kind.STATISTICS, Kind.PRESS, None)
    source = Source("统计表.xlsx", len(content), lambda: io.BytesIO(content))
    checked = {kind: check(source, kind, CAMPAIGN, URUMQI) for kind in kinds}
    held = (Verdict.HELD, ["file.classified"])
    assert {kind: (c.verdict, [f.rule for f in c.findings]) for kind, c in checked.items()} == dict.fromkeys(
        kinds, held
    )


@pytest.mark.parametrize(
    "spelled",
    [
        "秘密★",
        "秘\u200b密★",
        "秘\u2063密\ufe0f★",
        "&#31192;&#23494;&#9733;",
        "&#x79D8;&#x5bC6;&#x2605;",
        "&#x79d8;&#x005Bc6;★",
    ],
)
def test_a_mark_is_seen_however_the_letters_are_written(spelled: str) -> None:
    content = rewritten("docProps/core.xml", "</dc:creator>", f"{spelled}</dc:creator>")
    assert judged(content).verdict is Verdict.HELD


def test_a_mark_in_the_company_is_seen() -> None:
    assert judged(rewritten("docProps/app.xml", "<Application>", "<Application>秘密★")).verdict is Verdict.HELD


def test_a_mark_in_a_drawing_is_seen() -> None:
    buffer = io.BytesIO(sample().content)
    with zipfile.ZipFile(buffer, "a") as book:
        book.writestr("xl/drawings/drawing1.xml", "<a:p><a:r><a:t>秘密</a:t></a:r><a:r><a:t>★1年</a:t></a:r></a:p>")
    assert judged(buffer.getvalue()).verdict is Verdict.HELD


def test_an_old_workbook_is_held_by_its_cells() -> None:
    old = (Path(__file__).parents[2] / "helpers" / "data" / "statistics.xls").read_bytes()
    content = old.replace("科普资料".encode("utf-16-le"), "秘密★1".encode("utf-16-le"))
    assert content != old
    assert judged(old, "统计表.xls").verdict is not Verdict.HELD
    assert judged(content, "统计表.xls").verdict is Verdict.HELD


@pytest.mark.parametrize("text", ["切实加强科技保密工作", "探索宇宙的秘密", "密码科普"])
def test_talk_of_secrets_in_a_cell_is_no_mark(text: str) -> None:
    assert judged(marked(lambda book: book[LIST].__setitem__("T4", text))).verdict is Verdict.ACCEPTED
