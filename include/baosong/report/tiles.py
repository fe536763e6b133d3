"""The map of the region: a tile for each prefecture where the campaign file puts it, darker for more."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from baosong.report.parts import SHADES, Tile, TileMap, value
from baosong.report.wording import NOTHING, amount_text

if TYPE_CHECKING:
    from baosong.campaign.form import Indicator
    from baosong.report.consolidation import PrefectureFigures, RegionFigures

MISSING = "未报"


def tile_map(figures: RegionFigures, indicator: Indicator) -> TileMap | None:
    """Return the map of an indicator; None where the campaign places no prefectures, or only one has a figure."""
    placed = {p.prefecture.tile: p for p in figures.prefectures if p.prefecture.tile}
    stated = sorted(v for p in placed.values() if (v := value(p, indicator.code)) is not None)
    if len(stated) < 2:
        return None
    shades = {v: len(SHADES) * stated.index(v) // len(stated) for v in stated}
    columns, rows = (range(min(at), max(at) + 1) for at in zip(*placed, strict=True))
    tiles = [[_tile(placed[x, y], indicator, shades) if (x, y) in placed else None for x in columns] for y in rows]
    legend = [_range([v for v in stated if shades[v] == shade], shade) for shade in sorted(set(shades.values()))]
    if len(stated) < len(placed):
        legend.append(Tile("", MISSING, None))
    return TileMap(f"各地州市{indicator.name}（{indicator.unit}）", tiles, legend)


def _tile(p: PrefectureFigures, indicator: Indicator, shades: dict[Decimal, int]) -> Tile:
    """Return a prefecture's tile, by the first of its short names."""
    stated = value(p, indicator.code)
    name = next(iter(p.prefecture.aliases), p.prefecture.name)
    if stated is None:
        return Tile(name, NOTHING if p.sheet else MISSING, None)
    return Tile(name, amount_text(stated), shades[stated])


def _range(values: Sequence[Decimal], shade: int) -> Tile:
    first, last = amount_text(values[0]), amount_text(values[-1])
    return Tile("", first if first == last else f"{first}至{last}", shade)
