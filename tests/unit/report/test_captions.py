"""What stands below a photograph: what the list and the camera know, and nothing that a file's name says."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from baosong.campaign import Campaigns
from baosong.report.captions import called_after, caption
from baosong.report.consolidation import AcceptedFile
from baosong.store.settings import PROJECT


def activity(name: str, place: str = "人民广场", start: date | None = date(2023, 5, 21)) -> Any:
    return SimpleNamespace(name=name, fields={"place": place}, start=start, end=start)


LISTED = [
    activity("科技下乡服务"),
    activity("科技下乡服务（第2场）", "文化馆"),
    activity("讲座"),
    activity("流动科技馆", "", None),
]


@pytest.mark.parametrize(
    ("name", "taken", "said"),
    [
        ("科技下乡服务现场 张三.jpg", "", "乌鲁木齐市：科技下乡服务（5月21日，人民广场）"),
        ("科技下乡 服务(第2场)03.jpg", "", "乌鲁木齐市：科技下乡服务（第2场）（5月21日，文化馆）"),
        ("流动科技馆.jpg", "", "乌鲁木齐市：流动科技馆"),
        ("讲座.jpg", "2023:05:22 10:00:00", "乌鲁木齐市活动照片（5月22日摄）"),
        ("张三.jpg", "2012:01:01 00:00:00", "乌鲁木齐市活动照片"),
        ("张三.jpg", "不明", "乌鲁木齐市活动照片"),
    ],
)
def test_a_caption_is_made_of_activity_place_and_date(name: str, taken: str, said: str) -> None:
    photo = AcceptedFile(1, "6501", "photo", name, "", "", (), {}, taken)
    campaign = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
    assert caption(campaign, photo, called_after(photo, LISTED)) == said


def test_an_activity_that_is_listed_twice_names_no_photograph() -> None:
    photo = AcceptedFile(1, "6501", "photo", "科技下乡服务.jpg", "", "", (), {}, "")
    campaign = Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
    assert caption(campaign, photo, called_after(photo, [activity("科技下乡服务")] * 2)) == "乌鲁木齐市活动照片"
