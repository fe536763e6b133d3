"""The figures of an edition as JSON (figures.json): exact strings, and the sha256 of every input."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from baosong.campaign.form import Indicator
from baosong.report.consolidation import Figure, PrefectureFigures, RegionFigures, exact
from baosong.report.coverage import levels

Json = dict[str, Any]
_PARTS = ("offline", "online")


def figures_json(figures: RegionFigures, edition: str, version: int) -> Json:
    """Return all figures of an edition; numbers are strings, because JSON readers would round them."""
    campaign = figures.campaign
    rows = campaign.form.indicators.rows
    return {
        "campaign": campaign.id,
        "edition": edition,
        "version": version,
        "generated_at": figures.as_of.isoformat(timespec="seconds"),
        "rules_version": campaign.rules_version,
        "form": {"id": campaign.form.id, "version": campaign.form.version},
        "totals": {i.code: exact_string(figures.totals[i.code].total or 0, i) for i in rows},
        "parts": {i.code: _parts(figures.totals[i.code], i) for i in rows},
        "indicators": [{"code": i.code, "name": i.name, "unit": i.unit} for i in rows],
        "prefectures": [_prefecture(p, rows) for p in figures.prefectures],
        "activities": len(figures.activities),
        "timeline": _timeline(figures),
        "press": _press(figures),
        "inputs": [_input(p) for p in figures.prefectures if p.sheet],
        "remarks": [asdict(r) for r in figures.remarks],
        "closed_at": figures.closed_at.isoformat(timespec="seconds") if figures.closed_at else None,
        "missing": [{"code": p.code, "name": p.name} for p in figures.missing],
    }


def exact_string(value: Any, indicator: Indicator) -> str | None:
    """Return an indicator's value as an exact string; None where it was not stated."""
    shown = exact(None if value is None else Decimal(value), indicator)
    return None if shown is None else str(shown)


def _parts(figure: Figure, indicator: Indicator) -> Json:
    return {part: exact_string(getattr(figure, part), indicator) for part in _PARTS}


def _prefecture(p: PrefectureFigures, rows: tuple[Indicator, ...]) -> Json:
    stated = [i for i in rows if i.code in p.values]
    values = {i.code: {"total": exact_string(p.values[i.code].total, i), **_parts(p.values[i.code], i)} for i in stated}
    cells = {
        code: {**value, "cell": p.cells[code], "cells": {part: p.cell(code, part) for part in _PARTS if value[part]}}
        for code, value in values.items()
    }
    return {"code": p.prefecture.code, "name": p.prefecture.name, "counted": p.sheet is not None, "values": cells}


def _timeline(figures: RegionFigures) -> Json:
    """Return how many activities were under way on each day, by form, and how many on none of them."""
    told = figures.activities.counts.timeline
    days = {d.isoformat(): dict(zip(told.forms, map(str, told.under_way(d, d)), strict=True)) for d in told.days}
    whole = dict(zip(told.forms, map(str, told.under_way(told.days[0], told.days[-1])), strict=True))
    within, apart = str(told.within), {"outside": str(told.outside), "undated": str(told.undated)}
    return {"days": days, "forms": whole, "within": within, **apart}


def _press(figures: RegionFigures) -> Json:
    """Return the counts that the report tells of the list of press coverage."""
    told = figures.coverage
    return {
        "pieces": str(len(told.pieces)),
        "levels": {level: str(len(told.of(level))) for level in levels(figures.campaign)},
        "linked": str(sum(bool(p.link) for p in told.pieces)),
        "shared": str(sum(len(p.places) > 1 for p in told.pieces)),
        "files": str(told.files),
        "unlisted": str(len(told.unlisted)),
    }


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
