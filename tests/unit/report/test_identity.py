"""An edition's identity changes with any input, and with nothing that no renderer is given."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from baosong.campaign import Campaign, Campaigns
from baosong.report.consolidation import AcceptedFile, Activities, Figure, PrefectureFigures, Punctuality, RegionFigures
from baosong.report.coverage import Coverage, Reported
from baosong.report.docx.document import make_document
from baosong.report.figures import figures_json
from baosong.report.files import ONE_PAGE, json_bytes
from baosong.report.identity import inputs_sha
from baosong.report.printable import Remark
from baosong.report.slides import make_slides
from baosong.report.template_context import Material, template_context
from baosong.report.xlsx.workbook import make_workbook
from baosong.report.year_over_year import Comparison
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT
from baosong_local.tools.docx_template import make_template

AT = datetime(2023, 6, 20, 9, 5, tzinfo=UTC)
LINK = "https://www.xinhuanet.com/1.html"
Inputs = tuple[RegionFigures, Comparison | None, tuple[bytes, ...]]
Place = tuple[Any, ...]


@cache
def campaign() -> Campaign:
    whole = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
    return whole.model_copy(update={"prefectures": whole.prefectures[:2]})


@cache
def inputs() -> Inputs:
    """Return a small region in which every field of every input holds something."""
    first, second = campaign().prefectures
    rows = campaign().form.indicators.rows
    sheet = AcceptedFile(1, first.code, "statistics", "表.xlsx", "ab" * 32, "k", ("指标", "明细"), {"total": "D"}, "")
    photo = AcceptedFile(2, first.code, "photo", "1.jpg", "cd" * 32, "k2", (), {}, "2023:05:21 10:00:00")
    values = {i.code: Figure(Decimal(7), Decimal(4), Decimal(3)) for i in rows}
    states = {Kind.STATISTICS: ("accepted", 1)}
    figures = RegionFigures(
        campaign=campaign(),
        as_of=AT,
        prefectures=[
            PrefectureFigures(first, sheet, values, {i.code: f"D{n}" for n, i in enumerate(rows, 5)}),
            PrefectureFigures(second, None, {}, {}),
        ],
        totals=values,
        activities=Activities(None, campaign(), (), 0),  # type: ignore[arg-type]
        punctuality=[
            Punctuality(first, states, complete=True, on_time=True, rejected=1, replaced=2, late=3, last_receipt=AT),
            Punctuality(second, {}, complete=False, on_time=False, rejected=0, replaced=0, late=0, last_receipt=None),
        ],
        remarks=[Remark(first.code, 1, "statistics", "单元格 D5", "像是估计数", "700", "7")],
        missing=[second],
        accepted=[sheet, photo],
        coverage=Coverage(
            (Reported("科技周启动", "新华网", AT.date(), "中央级", LINK, (first.name,)),), 2, (second.name,)
        ),
    )
    moved = {rows[0].code: [(first.name, rows[0].unit, Decimal(2)), (second.name, rows[0].unit, Decimal(0))]}
    last_year = Comparison("2022年活动周", [first.name], [(rows[0], Decimal(5), Decimal(7))], moved)
    return figures, last_year, (make_template(), make_template(ONE_PAGE))


def children(value: Any) -> dict[Any, Any]:
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if isinstance(value, BaseModel):
        return {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        return value
    return dict(enumerate(value)) if isinstance(value, list | tuple) else {}


def leaves(value: Any, place: Place = ()) -> Iterator[Place]:
    inner = children(value)
    for name, child in inner.items():
        yield from leaves(child, (*place, name))
    if not inner:
        yield place


def at(value: Any, place: Place) -> Any:
    return at(children(value)[place[0]], place[1:]) if place else value


def changed(value: Any, place: Place, new: Callable[[Any], Any]) -> Any:
    """Return a copy of a tree of inputs in which one leaf is another."""
    if not place:
        return new(value)
    name, child = place[0], changed(children(value)[place[0]], place[1:], new)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{name: child})
    if isinstance(value, BaseModel):
        return value.model_copy(update={name: child})
    if isinstance(value, dict):
        return value | {name: child}
    return type(value)(child if n == name else each for n, each in enumerate(value))


def another(value: Any) -> Any:
    """Return a value of the same type that is not this one."""
    if isinstance(value, Enum):
        return next(v for v in type(value) if v is not value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return value + "改" if value else "改"
    if isinstance(value, int | float | Decimal):
        return value + 1
    if isinstance(value, date):
        return value + timedelta(days=1)
    if isinstance(value, bytes):
        return value + b" "
    if isinstance(value, Activities):
        return Activities(None, campaign(), (9,), 0)  # type: ignore[arg-type]
    return "改" if value is None else (type(value)(["改"]) if isinstance(value, list | tuple) else {"改": "改"})


def rendered(given_: Inputs) -> dict[str, bytes]:
    """Return what is printed of the inputs at one time and as one version; the identity itself stands in no file."""
    figures, last_year, templates = given_
    figures = replace(figures, as_of=AT)
    context = template_context(figures, "final", 1, Material({}, [], last_year, None))
    return {
        "word": make_document(templates[0], context, AT),
        "one page": make_document(templates[1], context, AT),
        "slides": make_slides(figures, context),
        "book": make_workbook(figures, "final"),
        "figures": json_bytes(figures_json(figures, "final", 1)),
    }


PLACES = sorted(leaves(inputs()), key=str)
OPERATIONAL = ("archive", "quarantine", "intake", "previous", "contacts", "operators", "reminders")
SILENT = [p for p in PLACES if p[:2] == (0, "as_of") or (p[:2] == (0, "campaign") and p[2] in OPERATIONAL)]
BY_INPUT: dict[Place, list[Place]] = {}  # so that the thousands in the form do not crowd out the few elsewhere
for place_ in PLACES:
    if place_ not in SILENT:
        BY_INPUT.setdefault(place_[:2] if place_[:2] != (0, "campaign") else place_[:3], []).append(place_)


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")  # a text where the form may have a number
@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(BY_INPUT.values())).flatmap(st.sampled_from))
def test_any_one_input_that_changes_makes_another_edition(place: Place) -> None:
    assert inputs_sha(*changed(inputs(), place, another)) != inputs_sha(*inputs()), place


@pytest.mark.parametrize("place", SILENT, ids=str)
def test_what_no_edition_prints_makes_none(place: Place) -> None:
    after = changed(inputs(), place, another)
    assert inputs_sha(*after) == inputs_sha(*inputs())
    assert rendered(after) == rendered(inputs())


@pytest.mark.parametrize("field", ["title", "medium", "day", "level", "link", "places"])
def test_each_field_of_a_press_piece_is_printed_and_makes_another_edition(field: str) -> None:
    """What is in the identity and printed nowhere would write editions for nothing."""
    new = (lambda _: "省级") if field == "level" else another
    after = changed(inputs(), (0, "coverage", "pieces", 0, field), new)
    assert inputs_sha(*after) != inputs_sha(*inputs())
    before, now = rendered(inputs()), rendered(after)
    assert before["word"] != now["word"]
    assert before["book"] != now["book"]


def test_the_order_of_what_a_database_gives_without_one_makes_no_edition() -> None:
    """Keys of JSON come in PostgreSQL's order, and a rebuilt ledger may have another."""
    figures, last_year, templates = inputs()
    turned = replace(figures, totals=dict(reversed(figures.totals.items())))
    assert inputs_sha(turned, last_year, templates) == inputs_sha(*inputs())


def test_an_input_that_cannot_be_digested_is_refused_and_not_passed_over() -> None:
    figures, last_year, templates = inputs()
    odd = replace(figures, remarks=[object()])  # type: ignore[list-item]
    with pytest.raises(TypeError, match="no identity"):
        inputs_sha(odd, last_year, templates)


def test_the_same_inputs_give_the_same_bytes() -> None:
    first, second = rendered(inputs()), rendered(inputs())
    assert first == second
    with zipfile.ZipFile(io.BytesIO(first["book"])) as package:
        assert package.testzip() is None
