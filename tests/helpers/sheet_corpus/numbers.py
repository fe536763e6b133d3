"""Numbers as people write them, a sheet each: exact ones are read with a note, round ones with a warning."""

from __future__ import annotations

from typing import Any

from sheet_corpus.base import LIST, TOTALS
from sheet_corpus.case import Case, accepted, cell, rejected, sheet, total
from sheet_help import put

C01, C03, C04, B02, E01 = (f"{TOTALS}!D{row}" for row in (21, 23, 24, 18, 29))

SILENT: list[tuple[Any, int]] = [("4050", 4050), (4050.0, 4050), (0, 0)]
EXACT: list[tuple[str, int]] = [
    ("1,234", 1234),
    ("1，234", 1234),
    ("1,234,567", 1234567),
    ("１２３４", 1234),
    ("1 234", 1234),
    ("1.2万", 12000),
    ("1万2千", 12000),
    (" 12 份", 12),
    ("共4050份", 4050),
    ("四千零五十", 4050),
    ("'4050", 4050),
    ("4050份。", 4050),
]
ROUND: list[tuple[str, int]] = [
    ("3万余份", 30000),
    ("约500", 500),
    ("500+", 500),
    ("4000左右", 4000),
    ("上千份", 1000),
    ("1.23E+05", 123000),
    ("4050（预计）", 4050),
]
PEOPLE: list[tuple[str, int, str]] = [
    ("1.2万人次", 12000, "note normalised"),
    ("约500人", 500, "warning rounded"),
    ("近万人", 10000, "warning rounded"),
    ("万余人次", 10000, "warning rounded"),
    ("4210场", 4210, "warning rounded"),
]
MONEY: list[tuple[Any, str, str]] = [
    ("115000元", "11.5", "note normalised"),
    ("11.5万元", "11.5", "note normalised"),
    ("￥11.5", "11.5", "note normalised"),
    ("11.5万", "11.5", "warning rounded"),
    (11.505, "11.51", "warning rounded"),
]
UNCLEAR: list[Any] = ["100-200", "若干", "50%", "三万五", "见附表", "12次15人", "1200（其中线上300）", -1, 1.5, True]
NONES = [None, "-", "—", "/", "无", " "]

CASES: list[Case] = [
    *(accepted(f"plain {raw!r}", sheet(total("C01", raw)), changed={"C01": value}) for raw, value in SILENT),
    *(
        accepted(f"exact {raw!r}", sheet(total("C01", raw)), f"note normalised {C01}", changed={"C01": value})
        for raw, value in EXACT
    ),
    *(
        accepted(f"round {raw!r}", sheet(total("C01", raw)), f"warning rounded {C01}", changed={"C01": value})
        for raw, value in ROUND
    ),
    *(
        accepted(
            f"people {raw!r}",
            sheet(total("B02", raw, None, None)),
            f"{said} {B02}",
            changed={"B02": (value, None, None)},
        )
        for raw, value, said in PEOPLE
    ),
    *(
        accepted(f"money {raw!r}", sheet(total("E01", raw)), f"{said} {E01}", changed={"E01": value})
        for raw, value, said in MONEY
    ),
    *(rejected(f"unclear {raw!r}", sheet(total("C01", raw)), f"error number {C01}") for raw in UNCLEAR),
    *(accepted(f"none {raw!r}", sheet(total("C03", raw)), changed={"C03": None}) for raw in NONES),
    accepted("vehicles ' 12 次'", sheet(total("C04", " 12 次")), f"note normalised {C04}", changed={"C04": 12}),
    accepted(
        "ten odd lectures upset the sum of the kinds",
        sheet(total("A04", "十余场")),
        f"warning rounded {TOTALS}!D8",
        f"warning kinds_sum {TOTALS}!D5",
        changed={"A04": 10},
    ),
    accepted("the largest number that fits", sheet(total("C03", 999_999_999_999)), changed={"C03": 999_999_999_999}),
    rejected("a number with a digit more", sheet(total("C03", 1_000_000_000_000)), f"error number {C03}"),
    rejected("a phone number among the figures", sheet(total("C03", "0991-2812345")), f"error number {C03}"),
    rejected("a required total of —", sheet(total("A01", "—")), f"error required {TOTALS}!D5"),
    rejected("a required total left blank", sheet(total("B01", None)), f"error required {TOTALS}!D17"),
    rejected("people of an activity as /", sheet(cell("offline", 4, "/")), f"error required {LIST}!K4"),
    accepted(
        "people of an activity with thousands",
        sheet(cell("offline", 6, "3,460")),
        f"note normalised {LIST}!K6",
    ),
    accepted("people of an activity rounded", sheet(cell("online", 8, "约8730人次")), f"warning rounded {LIST}!L8"),
    rejected("people of an activity in words", sheet(cell("offline", 6, "数千")), f"error number {LIST}!K6"),
    accepted(
        "a row in 万人次",
        sheet(total("B01", 1.7125, 0.6045, 1.108), put(TOTALS, "C17", "万人次")),
        f"warning unit {TOTALS}!C17",
    ),
    accepted(
        "money of the list in 元",
        sheet(
            put(LIST, "O3", "经费（元）"),
            *(
                cell("funds", row, value)
                for row, value in zip(range(4, 10), (55000, 6000, 32000, 4500, 10000, 7500), strict=True)
            ),
        ),
        f"warning unit {LIST}!O3",
    ),
    accepted(
        "a total left out",
        sheet(total("C01", None, 4000, 50)),
        f"warning total_filled {TOTALS}!D21",
        changed={"C01": (4050, 4000, 50)},
    ),
]
