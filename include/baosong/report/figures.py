"""The figures of an edition as JSON (figures.json): exact strings, and every input by its content."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from baosong.campaign.form import Indicator
from baosong.report.consolidation import Figure, PrefectureFigures, RegionFigures, exact

Json = dict[str, Any]


def figures_json(figures: RegionFigures, edition: str, version: int) -> Json:
    """Return all figures of an edition; numbers are strings, so that no reader rounds them."""
    campaign = figures.campaign
    rows = campaign.form.indicators.rows
    return {
        "campaign": campaign.id,
        "edition": edition,
        "version": version,
        "generated_at": figures.as_of.isoformat(timespec="seconds"),
        "inputs_sha": figures.inputs_sha,
        "rules_version": campaign.rules_version,
        "form": {"id": campaign.form.id, "version": campaign.form.version},
        "totals": {i.code: said(figures.totals[i.code].total or 0, i) for i in rows},
        "parts": {i.code: _parts(figures.totals[i.code], i) for i in rows},
        "indicators": [{"code": i.code, "name": i.name, "unit": i.unit} for i in rows],
        "prefectures": [_prefecture(p, rows) for p in figures.prefectures],
        "activities": len(figures.activities),
        "inputs": [_input(p) for p in figures.prefectures if p.sheet],
        "remarks": [
            {"prefecture": r.prefecture, "submission": r.submission_id, "file": r.name, **r.finding}
            for r in figures.remarks
        ],
        "missing": [{"code": p.code, "name": p.name} for p in figures.missing],
    }


def said(value: Any, indicator: Indicator) -> str | None:
    """Return an indicator's value as an exact string; None where nothing was stated."""
    shown = exact(None if value is None else Decimal(value), indicator)
    return None if shown is None else str(shown)


def _parts(figure: Figure, indicator: Indicator) -> Json:
    return {"offline": said(figure.offline, indicator), "online": said(figure.online, indicator)}


def _prefecture(p: PrefectureFigures, rows: tuple[Indicator, ...]) -> Json:
    stated = [i for i in rows if i.code in p.values]
    values = {i.code: {"total": said(p.values[i.code].total, i), **_parts(p.values[i.code], i)} for i in stated}
    cells = {code: {**value, "cell": p.cells[code], "cells": _cells(p, code)} for code, value in values.items()}
    return {"code": p.prefecture.code, "name": p.prefecture.name, "counted": p.sheet is not None, "values": cells}


def _cells(p: PrefectureFigures, code: str) -> Json:
    parts = ("offline", "online")
    return {part: p.cell(code, part) for part in parts if getattr(p.values[code], part) is not None}


def _input(p: PrefectureFigures) -> Json:
    sheet = p.sheet
    assert sheet is not None  # noqa: S101 - the caller asks only for those
    return {
        "prefecture": p.prefecture.code,
        "submission": sheet.id,
        "file": sheet.name,
        "sha256": sheet.sha256,
        "archive_key": sheet.archive_key,
    }
