"""The list of press coverage: each address once, by level, with nothing private and nothing that leads astray."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from baosong.campaign import Campaigns
from baosong.report.coverage import UNSTATED, Coverage, coverage
from baosong.report.printable import public_link
from baosong.store.settings import PROJECT

CAMPAIGN = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
FIRST, SECOND = CAMPAIGN.prefectures[:2]
MOBILE = "13812345678"


def piece(title: str = "科技周开幕", link: str = "", **more: str) -> dict[str, str]:
    return {"title": title, "medium": "", "date": "", "level": "", "link": link} | more


def of(*given: tuple[str, Any], state: str = "accepted") -> Coverage:
    """Return the coverage of press files, each by its prefecture and what the check has kept of it."""
    rows: Any = [
        SimpleNamespace(kind="press", state=state, prefecture=code, name=f"{n}.docx", sha256=f"{n:064}", facts=facts)
        for n, (code, facts) in enumerate(given)
    ]
    return coverage(CAMPAIGN, rows)


def test_an_address_that_several_sent_stands_once_with_all_their_names() -> None:
    told = of(
        (SECOND.code, {"coverage": [piece("科技周开幕啦", "http://A.cn/1/", medium="新华网")]}),
        (FIRST.code, {"coverage": [piece("", "https://a.cn/1", date="2023-05-20"), piece("", "https://a.cn/1")]}),
    )
    (one,) = told.pieces
    assert (one.title, one.medium, one.day, one.level) == ("科技周开幕啦", "新华网", date(2023, 5, 20), "中央级")
    assert one.places == (FIRST.name, SECOND.name)
    assert one.link == "https://a.cn/1"


def test_without_addresses_title_medium_and_day_tell_pieces_apart() -> None:
    same = piece(medium="天山网", date="2023-05-20")
    other = same | {"date": "2023-05-21"}
    told = of((FIRST.code, {"coverage": [same, other]}), (SECOND.code, {"coverage": [same, piece(), piece()]}))
    assert [len(p.places) for p in told.pieces] == [2, 1, 1, 1]


@pytest.mark.parametrize(
    ("stated", "medium", "level"),
    [
        ("", "新华网新疆频道", "中央级"),
        ("", "石榴云", "省级"),
        ("", "沙湾市融媒体中心", "地级及以下"),
        ("", f"{FIRST.aliases[0]}晚报", "地级及以下"),
        ("县级", "新华网", "地级及以下"),
        ("国家级", "", "中央级"),
        ("自治区级", "不知名的网站", "省级"),
        ("", "不知名的网站", UNSTATED),
        ("", "", UNSTATED),
    ],
)
def test_a_level_is_the_stated_one_or_else_the_medium_s(stated: str, medium: str, level: str) -> None:
    (one,) = of((FIRST.code, {"coverage": [piece(level=stated, medium=medium)]})).pieces
    assert one.level == level


def test_levels_then_days_then_places_give_the_order_whatever_came_first() -> None:
    rows = [
        (SECOND.code, {"coverage": [piece("甲甲甲甲", "https://a.cn/1", medium="天山网")]}),
        (FIRST.code, {"coverage": [piece("乙乙乙乙", "https://a.cn/2", medium="天山网", date="2023-05-22")]}),
        (FIRST.code, {"coverage": [piece("丙丙丙丙", "https://a.cn/3", medium="人民网", date="2023-05-25")]}),
    ]
    assert of(*rows) == of(*reversed(rows))
    assert [p.title for p in of(*rows).pieces] == ["丙丙丙丙", "乙乙乙乙", "甲甲甲甲"]


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "ftp://a.cn/1",
        "//a.cn/1",
        'https://a.cn/"><script>',
        "https://a.cn/a\\o",
        "https://a.cn/ b",
        "https://a.cn/\u202egpj",
        f"https://a.cn/{MOBILE}/1.html",
        "https://a.cn/?tel=138****5678",
        "data:text/html,1",
    ],
)
def test_only_addresses_of_the_web_without_personal_numbers_are_printed(address: str) -> None:
    assert public_link(address) == ""
    assert [p.link for p in of((FIRST.code, {"coverage": [piece(link=address)]})).pieces] == [""]


def test_long_numbers_of_an_address_that_are_nobody_s_stand() -> None:
    address = "https://www.a.cn/2023-05/20/c_1129632187.htm?id=1684561234567"
    assert public_link(address) == address


def test_titles_lose_personal_numbers_and_names_of_files() -> None:
    told = of((FIRST.code, {"coverage": [piece(f"张三{MOBILE}的科技周"), piece("秘密材料.docx")]}))
    assert sorted(p.title for p in told.pieces) == ["张三（号码从略）的科技周", "文件"]


def test_what_a_taken_over_parser_may_answer_harms_nothing() -> None:
    odd: list[Any] = [None, 7, "x", [1], [{"title": 5}], [{"title": ["a"], "link": {}}], [piece("长" * 10_000)]]
    told = of(*((FIRST.code, {"coverage": facts}) for facts in odd))
    assert max(len(p.title) for p in told.pieces) <= 500


def test_a_file_without_a_title_and_one_that_was_checked_before_are_told_honestly() -> None:
    told = of((FIRST.code, {"width": 1024}), (FIRST.code, {"title": "科技周开幕", "links": 1}))
    assert (told.files, told.unlisted, [p.title for p in told.pieces]) == (2, (FIRST.name,), ["科技周开幕"])


def test_what_was_not_accepted_is_not_listed() -> None:
    assert of((FIRST.code, {"coverage": [piece()]}), state="superseded") == Coverage()
    assert of(("9999", {"coverage": [piece()]})) == Coverage()
