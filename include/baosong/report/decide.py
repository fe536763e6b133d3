"""What the figures leave to be decided before an edition is sent out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baosong.report.wording import first_names, join_names

if TYPE_CHECKING:
    from baosong.report.consolidation import RegionFigures

_MOST_NAMED = 4


def to_decide(figures: RegionFigures) -> list[str]:
    """Return one sentence for each matter, with the names of those concerned; empty where nothing is open."""
    return [text for text in (_missing(figures), _held(figures), _doubted(figures)) if text]


def _missing(figures: RegionFigures) -> str:
    """Return who is waited for; of a campaign that was closed without them that has been decided."""
    names = [] if figures.closed_at else [p.name for p in figures.missing]
    return f"{len(names)}个地州市材料未报齐（{first_names(names)}）：继续催报，还是以现有材料印发。" if names else ""


def _held(figures: RegionFigures) -> str:
    held = {p.prefecture.name: [state for state, _ in p.states.values()].count("held") for p in figures.punctuality}
    names = [name for name, count in held.items() if count]
    told = f"{sum(held.values())}项材料待人工审核（{join_names(names, _MOST_NAMED)}）"
    return f"{told}：接收，还是退回。" if names else ""


def _doubted(figures: RegionFigures) -> str:
    where = {r.prefecture for r in figures.remarks}
    names = [p.name for p in figures.campaign.prefectures if p.code in where]
    told = f"{len(figures.remarks)}处数据提请核实（{join_names(names, _MOST_NAMED)}）"
    return f"{told}：待核实后印发，还是以现有数据印发。" if names else ""
