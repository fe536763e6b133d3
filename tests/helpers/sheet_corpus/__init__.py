"""Sheets as they come in, each with exactly what must be said of it: `CASES` is the corpus, a module a theme."""

from __future__ import annotations

from sheet_corpus import (
    appearance,
    containers,
    dates,
    formats,
    habits,
    layout,
    limits,
    numbers,
    producers,
    recalculated,
    structure,
    values,
)
from sheet_corpus.case import Case

THEMES = (
    *(habits, numbers, values, dates, layout, structure, limits, producers, formats, containers, appearance),
    recalculated,
)
CASES: list[Case] = [case for theme in THEMES for case in theme.CASES]
