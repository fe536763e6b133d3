"""A digest for each table of a sheet, equal for two sheets of the same content whatever their files look like."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from typing import Any

FEWEST_ACTIVITIES = 3  # fewer rows, or fewer figures, may be alike by chance
FEWEST_FIGURES = 5
_YEAR = re.compile("20[0-9]{2}")
_DESCRIBED = ("name", "category", "place", "offline", "online")
_AMOUNTS = ("total", "offline", "online")


def content_digests(figures: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the digests of `indicators` and `activities` in a sheet's figures, of those that have enough content.

    Order, dates and years do not count: last year's list with its dates moved on is still last year's.
    """
    figures = figures or {}
    indicators = [i for i in figures.get("indicators", ()) if any(_value(i, name) for name in _AMOUNTS)]
    activities = figures.get("activities", ())
    digests = {}
    if len(indicators) >= FEWEST_FIGURES:
        digests["indicators"] = _digest(f"{i['code']}|{_line(i, _AMOUNTS)}" for i in indicators)
    if len(activities) >= FEWEST_ACTIVITIES:
        digests["activities"] = _digest(_line(a, _DESCRIBED) for a in activities)
    return digests


def _value(item: Mapping[str, Any], name: str) -> Any:
    value = item.get(name)
    return None if value in (0, "0", "") else value


def _line(item: Mapping[str, Any], names: Iterable[str]) -> str:
    return "|".join(str(_value(item, name) or "") for name in names)


def _digest(lines: Iterable[str]) -> str:
    text = _YEAR.sub("", "\n".join(sorted(lines)))
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
