"""What `read_sheet` answers, as JSON: tables of texts and days, and flat lists of numbers that point into it.

`statistics/sheet_answer.py` reads it, and holds it to its shape and size: a parser that was taken over may write it.
"""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta
from itertools import chain

TYPE_CHECKING = False  # typing takes longer to import than all others
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

NOTES = ("uncached_formulas", "formulas", "shown", "struck", "comments")
KINDS = {str: "texts", date: "days", datetime: "moments", time: "times", timedelta: "spans"}
"""Tables of the values that cells point at, in the order in which their numbers run on."""


def encoded(sheets: list[dict[str, Any]], problem: str | None) -> bytes:
    """Return the answer; ValueError for a text that no workbook holds.

    A cell that is a number stands for itself where it is a float, for a value of the tables where it is an int. What
    hardly any reader gives, whole numbers and those that JSON does not have, comes as a text: 5, inf.
    """
    every = chain.from_iterable(row for sheet in sheets for row in sheet["rows"])
    known: dict[Any, None] = dict.fromkeys([v for v in every if type(v) in KINDS])
    notes = [text for sheet in sheets for name in NOTES for text in sheet.get(name, {}).values()]
    known |= dict.fromkeys(text for text in notes if text is not None)
    tables = {name: [v for v in known if type(v) is kind] for kind, name in KINDS.items()}
    numbers = {value: n for n, value in enumerate(chain.from_iterable(tables.values()))}
    told = {name: [_told(v) for v in values] if name != "texts" else values for name, values in tables.items()}
    answer = {"sheets": [_flat(sheet, numbers) for sheet in sheets], "problem": problem, **told}
    return json.dumps(answer, ensure_ascii=False, check_circular=False, separators=(",", ":")).encode()


def _told(value: Any) -> Any:
    if isinstance(value, timedelta):
        return value.days, value.seconds, value.microseconds
    return value.isoformat()


def _flat(sheet: dict[str, Any], numbers: dict[Any, int]) -> dict[str, Any]:
    rows = sheet["rows"]
    cells = [numbers[v] if type(v) in KINDS else v for row in rows for v in row]
    if any(_is_rare(v) for row in rows for v in row if type(v) not in KINDS):
        cells = [str(v) if _is_rare(v) else c for v, c in zip(chain.from_iterable(rows), cells, strict=True)]
    return {
        **sheet,
        "rows": [len(row) for row in rows],
        "cells": cells,
        "merged": [n for first, last in sheet["merged"] for n in (*first, *last)],
        "pictures": _chained(sheet.get("pictures", ())),
        **{name: _noted(sheet[name], numbers) for name in NOTES if name in sheet},
    }


def _is_rare(value: Any) -> bool:
    return type(value) is int or (type(value) is float and value - value != 0)


def _noted(notes: dict[Any, str | None], numbers: dict[Any, int]) -> list[int | None]:
    return _chained((*at, None if text is None else numbers[text]) for at, text in notes.items())


def _chained(places: Iterable[Any]) -> list[Any]:
    return list(chain.from_iterable(places))
