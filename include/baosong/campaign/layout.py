"""The cells of the printed form, by the names of its indicators and fields."""

from __future__ import annotations

from baosong.campaign.form import Form

Cell = tuple[str, str]
"""An indicator's code and the column of its table."""


def column_letter(column: int) -> str:
    """Return the letters of a column counted from 1: 2 is B, 28 is AB."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def signature_cells(form: Form) -> dict[str, str]:
    """Return the cell that holds each signature's value, on the sheet of indicators; two per row below the title."""
    return {s.name: f"{'CF'[i % 2]}{2 + i // 2}" for i, s in enumerate(form.signatures)}


def indicator_header(form: Form) -> int:
    """Return the row of the indicators' header."""
    return 2 + (len(form.signatures) + 1) // 2


def indicator_cells(form: Form) -> dict[Cell, str]:
    """Return the cell of each indicator and column (`total`, `offline`, `online`, `remark`)."""
    first = indicator_header(form) + 1
    return {
        (spec.code, column.name): f"{column_letter(at)}{row}"
        for row, spec in enumerate(form.indicators.rows, first)
        for at, column in enumerate(form.indicators.columns, 1)
    }


def first_activity_row(form: Form) -> int:
    """Return the first row below the activity list's title, note and header."""
    return 4


def last_activity_row(form: Form) -> int:
    """Return the last row that the activity list may have, more than the template prepares."""
    return first_activity_row(form) + form.activities.max_rows - 1


def activity_range(form: Form, name: str) -> str:
    """Return the range of cells that a field of the activity list may have."""
    letter = column_letter([f.name for f in form.activities.fields].index(name) + 1)
    return f"{letter}{first_activity_row(form)}:{letter}{last_activity_row(form)}"
