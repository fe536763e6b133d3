"""Formulas of the senders' own: what can be worked out is, and nothing that a sender writes costs more than it may."""

from __future__ import annotations

import io
import re
import struct
import time
import zipfile
from collections.abc import Iterable

import pytest
import xlrd  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from baosong.validation.sandbox.programs import xls_book
from baosong.validation.statistics.arithmetic import Book
from baosong.validation.statistics.cells import Sheet
from sheet_corpus.base import base_book
from sheet_corpus.case import total
from sheet_corpus.formats import ods, xls
from sheet_help import judged

At = tuple[int, int]
SMALL = st.integers(-99, 99).map(float)


def worked_out(formula: str, rows: Iterable[list[float | str | bool | None]] = (), **sheet: object) -> float | None:
    """Return what a formula in A1 gives, with rows from A2 on."""
    made = Sheet("表", [["?"], *rows], formulas={(0, 0): f"={formula}"}, **sheet)  # type: ignore[arg-type,list-item]
    return Book([made, Sheet("另 一张", [[5.0, "6", None]])]).result(made, (0, 0))


@pytest.mark.parametrize(
    ("formula", "result"),
    [
        ("1+2*3-4/2", 5),
        ("-(2+3)*-2", 10),
        ("50%*10", 5),
        ("A2+B2", 4),
        ("sum(A2:B3)", 11),
        ("SUM($A$2:$B$3,'另 一张'!A1,1)", 17),
        ("SUM(A2,A2)", 2),
        ("SUM(B:B)", 7),
        ("SUM(A2:A3)*2", 8),
        ("SUM(C2:C3)", 0),  # texts and a yes count nothing in a range
        ("PRODUCT(A2:B3)", 36),
        ("D9", 0),
        ("ROUND(2.5,0)+ROUND(-2.5,0)+ROUND(12345,-2)", 12300),
        (" SUM( A2 : A3 ) ", None),
        ("A2^2", None),
        ("A2:B3", None),
        ("C2+1", None),
        ("SUM(A2:A3", None),
        ("A2 B2", None),
        ("1,2", None),
        ("", None),
        ("A1+1", None),
        ("A2+SUM(A1:A2)", None),
        ("1/0", None),
        ("SUM(无!A1)", None),
        ("SUM(表:表!A2)", None),
        ("SUM(A2:B3)A2", None),
        ("IF(A2>1,2,3)", None),
        ("AVERAGE(A2:A3)", None),
        ("LOG10(100)", None),
        ("名称1", None),
        ("'A2'", None),
        ("A2:B", None),
        ("[1]Sheet1!A1", None),
        ("A2#", None),
        ("A2.B2", None),
    ],
)
def test_plain_arithmetic_is_worked_out_and_nothing_else_is_guessed(formula: str, result: float | None) -> None:
    assert worked_out(formula, [[1.0, 3.0, "1"], [3.0, 4.0, True]]) == result


def test_what_is_not_read_or_is_an_error_makes_a_sum_unknown() -> None:
    assert worked_out("SUM(A2:A3)", [[1.0], [2.0]]) == 3
    assert worked_out("SUM(A2:A3)", [[1.0], [2.0]], uncached_formulas={(1, 0): "#REF!"}) is None
    assert worked_out("SUM(A2:A9)", [[1.0], [2.0]], uncached_formulas={(8, 0): "=A2+A3"}) == 6
    assert worked_out("SUM(A2:A9)", [[1.0], [2.0]], clipped=True) is None
    assert worked_out("SUM(A2:A3)", [[1.0], [2.0]], pictures={(2, 0)}) is None


@given(st.recursive(SMALL.map(lambda n: f"{n:.0f}"), lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
    lambda t: f"({t[0]}{t[1]}{t[2]})"), max_leaves=12))  # fmt: skip
def test_brackets_and_signs_mean_what_they_mean_to_python(formula: str) -> None:
    assert worked_out(formula) == eval(formula)


@pytest.mark.parametrize(
    ("formula", "rows"),
    [("SUM(A$2:A{r})", 5000), ("(" * 190 + "1" + ")" * 190, 5000), ("1" + "+1" * 190, 20_000), ("A{r}+1", 20_000)],
    ids=["running totals", "brackets", "long", "a chain"],
)
def test_no_formulas_cost_more_than_a_check_may(formula: str, rows: int) -> None:
    at: dict[At, str] = {(r, 1): f"={formula.format(r=r + 1)}" for r in range(1, rows)}
    at |= {(r, 0): f"={formula.format(r=r + 2)}" for r in range(1, rows)}
    sheet = Sheet("表", [[1.0, 1.0] for _ in range(rows)], formulas=at)
    book, before = Book([sheet]), time.process_time()
    for place in at:
        book.result(sheet, place)
    assert time.process_time() - before < 5


def test_an_open_document_sheet_is_held_against_its_formulas_too() -> None:
    data = ods(base_book(total("C02", 9999), total("C01", 4050)))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    text = members["content.xml"].decode()
    for value, formula in (("9999", "[$活动明细.K4]*2.5"), ("4050", "SUM([.D18:.D18];[.D30])-168")):
        cell = rf'(<table:table-cell )([^>]*office:value="{value}")'
        text, count = re.subn(cell, rf'\1table:formula="of:={formula}" \2', text)
        assert count == 1
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, member in (members | {"content.xml": text.encode()}).items():
            archive.writestr(name, member)
    found = [f for f in judged(out.getvalue(), "统计表.ods").findings if f.rule == "statistics.stale"]
    assert [(f.where["cell"], f.observed, f.expected) for f in found] == [("D22", "9999", "3000")]


def old_book(*formulas: str) -> bytes:
    """Return an old workbook with formulas from D19 on, each of which was saved with the result 9999."""
    edits = [total(code, formula) for code, formula in zip(("B03", "B04", "C01"), formulas, strict=False)]
    return xls(base_book(*edits)).replace(b"\2\0\7\0\0\0\xff\xff", struct.pack("<d", 9999))


def test_an_old_workbook_is_held_against_its_formulas_too() -> None:
    found = [f for f in judged(old_book("=SUM(D8:D9)+61"), "统计表.xls").findings if f.rule == "statistics.stale"]
    assert [(f.where["cell"], f.observed, f.expected) for f in found] == [("D19", "9999", "63")]


def test_a_shared_formula_of_an_old_workbook_follows_its_cell() -> None:
    """It is stored once, by distances; LibreOffice and Excel save a column of like formulas so."""
    book = xlrd.open_workbook(file_contents=old_book("=D8+61"), formatting_info=True, logfile=io.StringIO())
    eleven_above = b"\x4c" + struct.pack("<hH", -11, 0xC000) + b"\x1e\x3d\0\x03"  # + 61
    places = {(row, 3): "=SHARED FMLA at rowx=18 colx=3" for row in (18, 19)}
    xls_book._share(book, places, {(18, 3): bytes(8) + struct.pack("<H", len(eleven_above)) + eleven_above})
    assert places == {(18, 3): "=D8+61.0", (19, 3): "=D9+61.0"}
