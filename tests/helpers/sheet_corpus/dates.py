"""Dates as people write them: the year is the campaign's where it is left out, and a span fills the last day."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sheet_corpus.base import LIST
from sheet_corpus.case import Case, accepted, cell, rejected, sheet
from sheet_help import Edit

F6, G6 = f"{LIST}!F6", f"{LIST}!G6"

SILENT: list[Any] = [
    "2023.5.22",
    "2023年5月22日",
    "20230522",
    "2023年5月22日（周一）",
    "２０２３．５．２２",
    "2023-05-22 10:30",
    datetime(2023, 5, 22, 10, 30),
]
TOLD: list[tuple[Any, str]] = [
    ("5月22日", "note normalised"),
    ("5.22", "note normalised"),
    (45068, "note normalised"),
    ("45068", "note normalised"),
    (5.22, "warning rounded"),
]
UNCLEAR = ["待定", "2023年5月", "5月32日", 5.1]
SPANS: list[tuple[str, str]] = [
    ("5月22日-28日", "2023-05-28"),
    ("2023.5.22—2023.5.28", "2023-05-28"),
    ("5月22日至5月31日", "2023-05-31"),
]


def the_twentieth(raw: Any) -> Edit:
    """5.20 typed into a cell of numbers is 5.2: of the 2nd and the 20th, only one is a day of the week."""
    return cell("start", 4, raw)


CASES: list[Case] = [
    *(accepted(f"date {raw!r}", sheet(cell("start", 6, raw))) for raw in SILENT),
    *(accepted(f"date told {raw!r}", sheet(cell("start", 6, raw)), f"{said} {F6}") for raw, said in TOLD),
    *(rejected(f"no date {raw!r}", sheet(cell("start", 6, raw)), f"error date {F6}") for raw in UNCLEAR),
    *(
        accepted(
            f"span {raw}",
            sheet(cell("start", 6, raw), cell("end", 6, None)),
            f"note normalised {F6}",
            f"note normalised {G6}",
            activities={(6, "end"): last},
        )
        for raw, last in SPANS
    ),
    accepted("date 5.2 that was 5.20", sheet(the_twentieth(5.2)), f"warning rounded {LIST}!F4"),
    accepted("date '5.20' as text", sheet(the_twentieth("5.20")), f"note normalised {LIST}!F4"),
    rejected("date left out", sheet(cell("end", 6, "—")), f"error required {G6}"),
    accepted(
        "date of last year in one row",
        sheet(cell("start", 6, date(2022, 5, 22))),
        f"warning outside_window {F6}",
        activities={(6, "start"): "2022-05-22"},
    ),
]
