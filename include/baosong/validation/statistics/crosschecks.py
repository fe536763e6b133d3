"""The checks that span cells, tables or the file and its folder: one function per test, named by the form's data.

A test looks only at values that could be read; a cell that is missing or unreadable has its own finding already.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong.campaign.form import CrossCheck, Indicator
from baosong.rules.catalogue import phrase
from baosong.rules.findings import Finding, Where
from baosong.rules.words import alike
from baosong.validation.statistics.cells import address
from baosong.validation.statistics.check_context import CheckContext, Detection
from baosong.validation.statistics.list_comparison import near_list, own_counties
from baosong.validation.statistics.numbers import format_decimal
from baosong.validation.statistics.units import named_prefectures
from baosong.validation.statistics.values import AMOUNT_NAMES, AMOUNTS, Values, shown

MANY_FIGURES = 8  # fewer large figures than this may all be round by chance
Test = Callable[[CheckContext], Iterator[Detection]]


def run(values: Values, campaign: Campaign, prefecture: Prefecture | None) -> list[Finding]:
    """Return what the form's cross checks find."""
    found: list[Finding] = []
    for check in (c for c in campaign.form.checks if c.test in TESTS):  # the others need the ledger
        context = CheckContext(check, values, campaign, prefecture)
        found += [worded(check, where, details) for where, details in TESTS[check.test](context)]
    return found


def worded(check: CrossCheck, where: Where, details: dict[str, Any]) -> Finding:
    """Return the finding of a check in the form's wording; a value that the test does not give is left blank."""
    values = defaultdict(str, {k: format_decimal(v) if isinstance(v, Decimal) else str(v) for k, v in details.items()})
    message, expected, fix = (text.format_map(values) for text in (check.message, check.expected, check.fix))
    return Finding(check.rule, check.severity, message, where, values["found"], expected, fix)


def _rows(context: CheckContext) -> Iterator[Detection]:
    """X01: the indicator is the number of activities listed."""
    found, rows = context.amount(context.check.indicator), len(context.values.reading.activity_rows)
    if context.values.undecided or context.values.tables.activities is None:
        return
    if found is not None and found != rows:
        yield context.figure(context.indicator.code, found=found, expected=rows)


def _part(context: CheckContext) -> Iterator[Detection]:
    """X02, X05: no 其中 is larger than its whole; without an indicator, all wholes that no other check names."""
    named = {c.indicator for c in context.form.checks if c.test == "part" and c.indicator}
    wholes = {i.part_of for i in context.form.indicators.rows if i.part_of}
    for whole in sorted({context.check.indicator} if context.check.indicator else wholes - named):
        for part in context.form.parts_of(whole):
            for amount in AMOUNTS:
                yield from _exceeds(context, context.form.by_code[whole], part, amount)
    if context.check.indicator is None:
        yield from _amount_exceeds_total(context)


def _exceeds(context: CheckContext, whole: Indicator, part: Indicator, amount: str) -> Iterator[Detection]:
    limit, found = context.amount(whole.code, amount), context.amount(part.code, amount)
    if limit is not None and found is not None and found > limit:
        words = AMOUNT_NAMES[amount]
        yield context.figure(
            part.code, amount, label=f"{part.title}的{words}", whole=f"{whole.title}的{words}", found=found, limit=limit
        )


def _amount_exceeds_total(context: CheckContext) -> Iterator[Detection]:
    """Yield each 其中：线下 or 其中：线上 above its own 合计, but for those whose sum is checked anyway."""
    split = {c.indicator for c in context.form.checks if c.test == "split" and c.indicator}
    for spec in context.form.indicators.rows:
        total = context.amount(spec.code)
        for amount in ("offline", "online"):
            found = context.amount(spec.code, amount)
            if spec.code not in split and total is not None and found is not None and found > total:
                yield context.figure(
                    spec.code,
                    amount,
                    label=f"{spec.title}的{AMOUNT_NAMES[amount]}",
                    whole=f"{spec.title}的合计",
                    found=found,
                    limit=total,
                )


def _sum(context: CheckContext) -> Iterator[Detection]:
    """X03, X05: the kinds add up to their total; without an indicator, all totals that no other check names."""
    named = {c.indicator for c in context.form.checks if c.test == "sum" and c.indicator}
    wholes = {i.adds_to for i in context.form.indicators.rows if i.adds_to}
    for whole in sorted({context.check.indicator} if context.check.indicator else wholes - named):
        kinds = context.form.kinds_of(whole)
        found, figures = context.amount(whole), [context.amount(k.code) for k in kinds]
        if found is None or all(f is None for f in figures):
            continue
        added = sum((f for f in figures if f is not None), Decimal(0))
        if added != found:
            parts = phrase("from_to", first=kinds[0].code, last=kinds[-1].code) + " "
            yield context.figure(
                whole,
                parts=parts,
                found=found,
                expected=added,
                difference=abs(added - found),
            )


def _split(context: CheckContext) -> Iterator[Detection]:
    """X04: 线下 and 线上 add up to 合计; without an indicator, of all that add up and that no other check names."""
    named = {c.indicator for c in context.form.checks if c.test == "split" and c.indicator}
    every = [i.code for i in context.form.indicators.rows if i.adds_up]
    for code in [context.check.indicator] if context.check.indicator else sorted({*every} - named):
        total, added = _total_and_parts(context, code)
        if total is None or added is None or added == total:
            continue
        if context.check.indicator or not _part_exceeds(context, code, total):
            yield context.figure(code, found=total, expected=added, difference=abs(total - added))


def _covered(context: CheckContext) -> Iterator[Detection]:
    """X04: where something may count both 线下 and 线上, 合计 is at least no more than both together."""
    summed = {c.indicator for c in context.form.checks if c.test == "split"}
    for spec in context.form.indicators.rows:
        total, added = _total_and_parts(context, spec.code)
        if spec.adds_up or spec.code in summed or total is None or added is None:
            continue
        if total > added:
            yield context.figure(spec.code, found=total, expected=added, difference=total - added)


def _total_and_parts(context: CheckContext, code: str) -> tuple[Decimal | None, Decimal | None]:
    """Return 合计, and 线下 and 线上 together, None where neither is filled in or one could not be read."""
    total, offline, online = (context.amount(code, a) for a in AMOUNTS)
    if (offline is None and online is None) or _unread(context, code, "offline", "online"):
        return total, None
    return total, (offline or Decimal(0)) + (online or Decimal(0))


def _part_exceeds(context: CheckContext, code: str, total: Decimal) -> bool:
    """Return whether a part alone is more than the total, which X05 tells."""
    return any((context.amount(code, a) or Decimal(0)) > total for a in ("offline", "online"))


def _unread(context: CheckContext, code: str | None, *amounts: str) -> bool:
    """Return whether a cell holds something that could not be read."""
    texts, figures = context.values.indicator_text.get(code or "", {}), context.values.indicators.get(code or "", {})
    return any(texts.get(a) is not None and figures.get(a) is None for a in amounts)


def _list_sum(context: CheckContext) -> Iterator[Detection]:
    """X04: the indicator is the sum of the list, for 线下, 线上 and both together."""
    offline, online = context.sums("offline"), context.sums("online")
    if not context.values.reading.activity_rows or offline is None or online is None or context.values.undecided:
        return
    for amount, expected in (("total", offline + online), ("offline", offline), ("online", online)):
        found = context.amount(context.check.indicator, amount)
        if found is not None and found != expected:
            yield context.figure(
                context.indicator.code,
                amount,
                label=f"{context.indicator.title}的{AMOUNT_NAMES[amount]}",
                found=found,
                expected=expected,
                difference=abs(found - expected),
            )


def _date_order(context: CheckContext) -> Iterator[Detection]:
    """X06: no activity ends before it starts."""
    for index, start, end in _spans(context):
        if start and end and end < start:
            yield context.activity(index, "end", found=end, limit=start)


def _window(context: CheckContext) -> Iterator[Detection]:
    """X06: activities lie in the campaign's days."""
    window = context.campaign.window
    expected = phrase("from_to", first=window.start, last=window.end)
    for index, start, end in _spans(context):
        for field, day in (("start", start), ("end", end)):
            if day and not window.start <= day <= window.end:
                yield context.activity(index, field, found=day, expected=expected)


def _spans(context: CheckContext) -> Iterator[tuple[int, date | None, date | None]]:
    starts, ends = context.column("start"), context.column("end")
    return zip(range(len(starts)), starts, ends, strict=True)


def _duplicate(context: CheckContext) -> Iterator[Detection]:
    """X07: no two rows have the same name, first day and place."""
    seen: dict[tuple[Any, ...], int] = {}
    names, places = context.column("name"), context.column("place")
    plain = {text: alike(text or "") for text in {*names, *places}}
    rows = zip(names, context.column("start"), places, strict=True)
    for index, (name, start, place) in enumerate(rows):
        if not name or not start:
            continue
        same = seen.setdefault((plain[name], start, plain[place]), index)
        if same != index:
            other = phrase("sheet.row", row=context.values.reading.activity_rows[same] + 1)
            where, details = context.activity(index, "name", other=other)
            yield where, {**details, "found": details["name"]}


def _crowd(context: CheckContext) -> Iterator[Detection]:
    """X08: nobody counts that many people at one place."""
    for index, found in enumerate(context.values.activities.get("offline", [])):
        if found is not None and found > context.limit:
            yield context.activity(index, "offline", found=found, limit=context.limit)


def _form_mismatch(context: CheckContext) -> Iterator[Detection]:
    """X09: 线下 has no people online, 线上 none on the spot, and both have both."""
    choices = context.form.by_field["form"].choices
    forms = dict(zip(choices, ({"offline"}, {"online"}, {"offline", "online"}), strict=False))
    rows = zip(context.column("form"), context.column("offline"), context.column("online"), strict=True)
    for index, (form, offline, online) in enumerate(rows):
        if form not in forms or offline is None or online is None or not (offline or online):
            continue
        for field, found in (("offline", offline), ("online", online)):
            if (found > 0) != (field in forms[form]):
                label, expected = context.form.by_field[field].label, "0"
                if field in forms[form]:
                    expected = phrase("number.positive")
                yield context.activity(index, field, label=label, found=found, limit=form, expected=expected)


def _no_people(context: CheckContext) -> Iterator[Detection]:
    """X10: an activity has people."""
    for index in range(len(context.values.reading.activity_rows)):
        if context.values.activity(index, "offline") == 0 and context.values.activity(index, "online") == 0:
            yield context.activity(index, "offline", found=0)


def _idle(context: CheckContext) -> Iterator[Detection]:
    """X10: where there were activities there were people."""
    activities = len(context.values.reading.activity_rows)
    if activities and context.amount(context.check.indicator) == 0:
        yield context.figure(context.indicator.code, parts=phrase("sheet.list"), found=activities)


def _money_unit(context: CheckContext) -> Iterator[Detection]:
    """X11: 万元 or 元?"""
    found = context.amount(context.check.indicator)
    if found is not None and found >= context.limit:
        yield context.figure(context.indicator.code, found=found, limit=context.limit)


def _prefecture(context: CheckContext) -> Iterator[Detection]:
    """X13: the sheet is of the prefecture in whose area it lies."""
    text, sheet, row, column = context.values.reading.signatures.get("unit", ("", None, 0, 0))
    if context.prefecture is None or not text or sheet is None:
        return
    named = named_prefectures(text, context.campaign)
    if named and context.prefecture not in named:
        name = context.prefecture.name
        details = {"found": shown(text), "name": name, "expected": name}
        yield Where(sheet=sheet.name, cell=address(row, column)), details


def _signature(context: CheckContext) -> Iterator[Detection]:
    """X16: the sheet is signed."""
    table = context.values.tables.indicators
    if table is None:
        return
    for column in context.form.signatures:
        text, sheet, row, at = context.values.reading.signatures.get(column.name, ("", table.sheet, 0, 0))
        if column.required and not text.strip(" _—-/　"):
            label = column.label.replace("（盖章）", "")
            yield Where(sheet=sheet.name, cell=address(row, at)), {"label": label, "found": "空"}


def _round(context: CheckContext) -> Iterator[Detection]:
    """X17: real counts are not all round."""
    large = [
        (spec, value)
        for spec in context.form.indicators.rows
        if spec.type == "integer" and (value := context.amount(spec.code)) is not None and value >= context.limit
    ]
    if len(large) >= MANY_FIGURES and all(value % context.limit == 0 for _, value in large):
        yield context.figure(large[0][0].code, found=len(large), limit=context.limit)


TESTS: dict[str, Test] = {
    "rows": _rows,
    "part": _part,
    "sum": _sum,
    "split": _split,
    "covered": _covered,
    "listed": near_list,
    "counties": own_counties,
    "list_sum": _list_sum,
    "date_order": _date_order,
    "window": _window,
    "duplicate": _duplicate,
    "crowd": _crowd,
    "form_mismatch": _form_mismatch,
    "no_people": _no_people,
    "idle": _idle,
    "money_unit": _money_unit,
    "prefecture": _prefecture,
    "signature": _signature,
    "round": _round,
}
