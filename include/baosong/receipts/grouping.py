"""Findings as people read them: what was found in many cells of a sheet is one line, with all of the cells.

The JSON of a receipt keeps each finding for itself; only the page joins them.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import digits
from typing import Any

from baosong.rules.words import location_text

Json = dict[str, Any]
_FEWEST = 3  # remarks about a column whose words differ are joined from so many on


def grouped(findings: Sequence[Json]) -> list[Json]:
    """Return the findings in their order, those joined that are equal, or remarks of one rule about one column."""
    return [line for alike in _split(findings, _column) for line in _lines(alike)]


def _lines(alike: list[Json]) -> list[Json]:
    if len(alike) >= _FEWEST and alike[0]["severity"] != "error":
        return [_joined(alike)]
    return [_joined(same) for same in _split(alike, _words)]


def _split(findings: Sequence[Json], key: Any) -> list[list[Json]]:
    groups: dict[tuple[str, ...], list[Json]] = {}
    for number, f in enumerate(findings):
        alone = "" if f.get("where", {}).get("cell") else str(number)
        groups.setdefault((*key(f), alone), []).append(f)
    return list(groups.values())


def _column(f: Json) -> tuple[str, ...]:
    where = {**f.get("where", {})}
    column = where.pop("cell", "").rstrip(digits)
    return f["severity"], f["rule"], f["expected"], f["fix"], column, str(where)


def _words(f: Json) -> tuple[str, ...]:
    return f["message"], f["observed"]


def _joined(group: list[Json]) -> Json:
    if len(group) == 1:
        return group[0]
    first, cells = group[0], [f["where"]["cell"] for f in group]
    place = location_text({**first["where"], "cell": "、".join(cells)})
    line = {**first, "place": f"{place}（{len(group)} 处）"}
    if len({_words(f) for f in group}) > 1:
        begun = _beginning([f["message"] for f in group])
        rests: dict[str, list[str]] = {}
        for cell, f in zip(cells, group, strict=True):
            rests.setdefault(f["message"][len(begun) :], []).append(cell)
        each = "；".join(f"{rest}（{'、'.join(there)}）" for rest, there in rests.items())
        line |= {"message": f"{begun}：{each}", "observed": "、".join(dict.fromkeys(f["observed"] for f in group))}
    return line


def _beginning(texts: Sequence[str]) -> str:
    """Return how all texts begin, but no half of what a cell holds, which stands in quotes."""
    one, another = min(texts), max(texts)
    length = next((n for n, pair in enumerate(zip(one, another, strict=False)) if pair[0] != pair[1]), len(one))
    begun = one[:length]
    return begun[: begun.rindex("“")] if begun.count("“") > begun.count("”") else begun
