"""When two sheets count as the same: by what their tables tell, not by their files, their order or their year."""

from __future__ import annotations

import random
from typing import Any

from baosong.ledger.content_digest import FEWEST_ACTIVITIES, FEWEST_FIGURES, content_digests
from sheet_help import judged, sample

BOTH = ["activities", "indicators"]


def figures(seed: int = 1) -> dict[str, Any]:
    found = judged(sample(seed=seed).content).figures
    assert found
    return found


def test_order_year_and_dates_do_not_make_a_list_another() -> None:
    mine = figures()
    rows = [a | {"name": f"2023年{a['name']}", "row": 99} for a in mine["activities"]]
    moved = [a | {"name": a["name"].replace("2023", "2022"), "start": "2022-05-21", "end": None} for a in rows]
    random.Random(1).shuffle(moved)
    assert content_digests({"activities": moved}) == content_digests({"activities": rows})


def test_one_changed_number_makes_it_another() -> None:
    mine, other = figures(), figures()
    other["indicators"][0]["total"] += 1
    other["activities"][0]["offline"] += 1
    assert sorted(content_digests(mine)) == BOTH
    assert set(content_digests(mine).values()).isdisjoint(content_digests(other).values())


def test_what_is_nearly_empty_is_like_many_others_and_has_no_fingerprint() -> None:
    mine = figures()
    filled = [i for i in mine["indicators"] if i["total"]]
    zeros = [i | {"total": 0, "offline": None, "online": None} for i in mine["indicators"]]
    few = mine["activities"][: FEWEST_ACTIVITIES - 1]
    assert content_digests({"indicators": filled[: FEWEST_FIGURES - 1], "activities": few}) == {}
    assert content_digests({"indicators": zeros + filled[: FEWEST_FIGURES - 1]}) == {}
    assert list(content_digests({"indicators": zeros + filled[:FEWEST_FIGURES]})) == ["indicators"]
    assert content_digests(None) == {}
