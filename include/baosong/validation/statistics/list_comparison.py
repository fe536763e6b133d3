"""The cross checks that hold the activity list against the indicators, and its counties against the prefecture's."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from baosong.campaign import Prefecture
from baosong.campaign.form import Listed
from baosong.rules.catalogue import phrase
from baosong.validation.statistics.check_context import CheckContext, Detection
from baosong.validation.statistics.units import named_prefectures
from baosong.validation.statistics.values import shown


def near_list(context: CheckContext) -> Iterator[Detection]:
    """X18: what the list counts of an indicator, too, is not several times as much or as little."""
    for spec in () if context.values.undecided else context.form.indicators.rows:
        found = context.amount(spec.code)
        if spec.listed is None or found is None or found < 0 or (expected := _in_list(context, spec.listed)) is None:
            continue
        less, more = sorted((found, expected))
        if more > 0 and more >= less * context.limit:
            parts = phrase("list.sum" if spec.listed.sum else "list.count", what=_of_list(context, spec.listed))
            yield context.figure(spec.code, found=found, expected=expected, parts=parts, limit=context.limit)


def _in_list(context: CheckContext, listed: Listed) -> Decimal | None:
    """Return what the list says; None where it says nothing, or holds a cell that could not be read."""
    name = listed.sum or listed.field or ""
    values = context.values.activities.get(name, [])
    texts = context.values.activity_text.get(name, [])
    blank = values.count(None)
    if blank == len(values) or blank != texts.count(None):  # a cell that could not be read has a text, and no value
        return None
    if listed.sum:
        return sum((v for v in values if v is not None), Decimal(0))
    return Decimal(sum(values.count(choice) for choice in listed.choices))


def _of_list(context: CheckContext, listed: Listed) -> str:
    if listed.sum:
        return context.form.by_field[listed.sum].label
    field = context.form.by_field[listed.field or ""]
    return f"{field.label}为{'、'.join(listed.choices)}"


def own_counties(context: CheckContext) -> Iterator[Detection]:
    """X19: no activity lies in a county of another prefecture; of another prefecture's sheet X13 says it all."""
    prefecture, unit = context.prefecture, context.values.reading.signatures.get("unit")
    signed = named_prefectures(unit[0], context.campaign) if unit else []
    if prefecture is None or (signed and prefecture not in signed):
        return
    homes = {name: p for p in context.campaign.prefectures for name in (*p.counties, p.name)}
    elsewhere: dict[Any, Prefecture | None] = {}  # a list names few counties, and often
    for index, county in enumerate(context.column("county")):
        if county not in elsewhere:
            elsewhere[county] = _elsewhere("".join(str(county or "").split()), homes, prefecture)
        if home := elsewhere[county]:
            yield context.activity(index, "county", found=shown(county), other=home.name, expected=prefecture.name)


def _elsewhere(text: str, homes: dict[str, Prefecture], prefecture: Prefecture) -> Prefecture | None:
    """Return the prefecture of a county if it is another one's."""
    home = _home(text, homes)
    return home if home and home.code != prefecture.code and not _is_own(text, prefecture) else None


def _home(text: str, homes: dict[str, Prefecture]) -> Prefecture | None:
    """Return the prefecture of the county that a text is or begins or ends with."""
    return next((home for name, home in homes.items() if text.startswith(name) or text.endswith(name)), None)


def _is_own(text: str, prefecture: Prefecture) -> bool:
    return any(name in text for name in (prefecture.name, *prefecture.aliases, *prefecture.counties))
