"""What differs between two statements of figures: of a report's versions, of a sheet and the one that it replaces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PARTS = {"total": "", "offline": "（线下）", "online": "（线上）"}
Stated = Mapping[tuple[str, str], str]
"""What is stated: the text of a figure by indicator and part."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs; a dash where it was not, or is no longer, stated."""

    place: str
    code: str
    what: str
    before: str
    after: str


def stated(values: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """Return the figures of indicators by code and part, without those that nobody stated."""
    return {(code, part): str(v[part]) for code, v in values.items() for part in PARTS if v.get(part) is not None}


def differences(place: str, names: Mapping[str, str], before: Stated, after: Stated) -> list[Change]:
    """Return the figures of a place that differ, in the order in which they are stated; `names` are by code."""
    return [
        Change(place, code, names.get(code, code) + PARTS[part], one, two)
        for code, part in dict.fromkeys([*before, *after])
        if (one := before.get((code, part), "—")) != (two := after.get((code, part), "—"))
    ]
