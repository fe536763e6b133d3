"""Which photographs are shown and who is quoted: variety first, and among equals nobody for standing first."""

from __future__ import annotations

from collections import Counter
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from baosong.campaign import Campaign, Campaigns, Prefecture
from baosong.report.consolidation import AcceptedFile
from baosong.report.excerpt import Passages
from baosong.report.material import MOST_REPORTS, sources
from baosong.report.own_words import own_words
from baosong.store.settings import PROJECT

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
PLAN = "培育科普品牌，健全工作机制，推动常态化。"
NAMES = ("讲座甲甲甲", "竞赛乙乙乙", "展览丙丙丙")


def region(campaign: Campaign, photos: dict[str, list[str]], people: int = 5) -> Any:
    """Return a region whose prefectures sent photographs of these names, and have the same number of people."""
    sent = [
        AcceptedFile(n, code, "photo", f"{name}.jpg", "", "", (), {}, "")
        for code, names in photos.items()
        for n, name in enumerate(names)
    ]
    values = {i.code: SimpleNamespace(total=people) for i in campaign.form.indicators.rows}
    places = [SimpleNamespace(prefecture=p, sheet=p, values=values) for p in campaign.prefectures]
    listed = [
        SimpleNamespace(name=n, category=n[:2], fields={}, start=date(2023, 5, 20), end=None, form=None) for n in NAMES
    ]
    sheets = [SimpleNamespace(prefecture=p.code, id=n) for n, p in enumerate(campaign.prefectures)]
    activities = SimpleNamespace(of=lambda _: iter(listed))
    return SimpleNamespace(campaign=campaign, accepted=sent, prefectures=places, sheets=sheets, activities=activities)


def shown(figures: Any) -> list[tuple[str, str]]:
    return [(photo.prefecture, photo.name) for photo, _ in sources(figures).photos]


def test_each_place_is_shown_before_any_is_shown_again_and_categories_take_turns() -> None:
    """Nine places that sent the same three: once four of one place, now one of each and three of each category."""
    codes = [p.code for p in CAMPAIGN.prefectures[:9]]
    chosen = shown(region(CAMPAIGN, {code: ["图", *NAMES] for code in codes}))
    assert [code for code, _ in chosen] == codes
    assert Counter(name for _, name in chosen) == {f"{name}.jpg": 3 for name in NAMES}


def test_where_few_places_have_photographs_each_has_two_that_differ() -> None:
    codes = [p.code for p in CAMPAIGN.prefectures[:2]]
    chosen = shown(region(CAMPAIGN, {codes[0]: ["图", "讲座甲甲甲1", "讲座甲甲甲2", "竞赛乙乙乙"], codes[1]: ["图"]}))
    assert chosen == [(codes[0], "竞赛乙乙乙.jpg"), (codes[0], "讲座甲甲甲1.jpg"), (codes[1], "图.jpg")]


def many(campaign_id: str) -> Campaign:
    places = [Prefecture(code=f"{6501 + n}", name=f"第{n:02d}州") for n in range(MOST_REPORTS * 2)]
    return CAMPAIGN.model_copy(update={"id": campaign_id, "prefectures": places})


def test_of_many_places_with_as_many_people_not_always_the_first_are_shown() -> None:
    first = {p.code for p in many("a").prefectures[:MOST_REPORTS]}
    chosen = [
        {code for code, _ in shown(region(campaign, {p.code: ["图"] for p in campaign.prefectures}))}
        for campaign in map(many, ("a", "a", "b"))
    ]
    assert [len(codes) for codes in chosen] == [MOST_REPORTS] * 3
    assert chosen[0] == chosen[1] != chosen[2], "the same each time, and another year others"
    assert first not in chosen


def quotes(campaign: Campaign, plans: dict[str, str], **more: Any) -> dict[str, Any]:
    read = {
        code: Passages(cases=more.get("cases", {}).get(code, []), problems="", plans=p) for code, p in plans.items()
    }
    return own_words(campaign, read)


def test_of_equal_plans_not_always_the_first_place_s_is_quoted() -> None:
    """All wrote of the same: one sentence stands in the report, and over the years it is not one place's."""
    plans = {p.code: f"在{p.name}{PLAN}" for p in CAMPAIGN.prefectures}
    said = [quotes(CAMPAIGN.model_copy(update={"id": str(n)}), plans)["打算原文"] for n in range(20)]
    assert all(s.count("写道：“") == 1 for s in said)
    assert said[0] == quotes(CAMPAIGN.model_copy(update={"id": "0"}), plans)["打算原文"]
    assert len(set(said)) > 5
    assert sum(s.startswith(CAMPAIGN.prefectures[0].name) for s in said) < 10


@pytest.mark.parametrize("year", ["0", "1", "2", "3"])
def test_who_was_quoted_in_a_case_is_not_quoted_again_where_another_can_be(year: str) -> None:
    one, other = (p.code for p in CAMPAIGN.prefectures[:2])
    campaign = CAMPAIGN.model_copy(update={"id": year})
    said = quotes(campaign, {one: PLAN, other: PLAN}, cases={one: [(9, "举办科普讲座20场次，吸引三千人。")]})
    assert said["打算原文"] == f"{CAMPAIGN.prefectures[1].name}写道：“{PLAN}”"


def test_the_sentence_on_what_one_alone_writes_of_is_quoted_before_any_other() -> None:
    """The topics that all wrote of have just been counted."""
    alone = "加强科普队伍建设，引进讲解员。"
    plans = {p.code: PLAN for p in CAMPAIGN.prefectures[:5]} | {CAMPAIGN.prefectures[2].code: PLAN + alone}
    assert quotes(CAMPAIGN, plans)["打算原文"] == f"{CAMPAIGN.prefectures[2].name}写道：“{alone}”"


def test_marks_within_a_quotation_are_the_inner_ones() -> None:
    code = CAMPAIGN.prefectures[0].code
    said = quotes(
        CAMPAIGN, {code: "培育“丝路”科普品牌，推动常态化开展。"}, cases={code: [(9, "举办“丝路”讲座20场次。")]}
    )
    assert said["案例"][0]["摘录"] == "举办‘丝路’讲座20场次。"
    assert said["打算原文"] == "原文写道：“培育‘丝路’科普品牌，推动常态化开展。”"
