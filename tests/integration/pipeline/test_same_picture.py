"""The same picture twice: scaled and saved again is the same; another scene, another crop, another second is not."""

from __future__ import annotations

from baosong.ledger import Submission
from baosong.ledger.services import Services
from intake_run import run
from photo_samples import again, scaled, shot
from sheet_help import CAMPAIGN

AREA = "2023/6501-乌鲁木齐市"


def sent(services: Services, **photos: bytes) -> dict[str, Submission]:
    """Put photos into the intake at once, see them through, and return the newest submission of each name."""
    for name, data in photos.items():
        services.storage.put("intake", f"{AREA}/照片/{name}.jpg", data)
    run(services)
    return {row.name.removesuffix(".jpg"): row for row in services.ledger.submissions(CAMPAIGN.id)}


def told(row: Submission) -> list[tuple[str, str]]:
    return [(f["rule"], f["observed"]) for f in row.findings if f["rule"] != "file.late"]


def test_the_second_of_two_alike_names_the_first_in_one_drop_or_later(services: Services) -> None:
    small = again(shot(1), scaled(0.75), quality=80)
    together = sent(services, 一=shot(1), 二=small, 三=shot(2))
    assert {name: row.state for name, row in together.items()} == dict.fromkeys("一二三", "accepted")
    assert sorted(told(row) for row in together.values()) == [[], [], [("photo.same_picture", together["一"].name)]]

    later = sent(services, 四=again(shot(2), scaled(0.8), quality=70))["四"]
    assert told(later) == [("photo.same_picture", "三.jpg")]


def test_the_same_bytes_are_told_once_and_a_better_one_under_the_same_name_not_at_all(services: Services) -> None:
    sent(services, 一=again(shot(1), scaled(0.75), quality=80))
    mended = sent(services, 一=shot(1))
    assert [told(row) for row in mended.values()] == [[]]
    double = sent(services, 二=shot(1))["二"]
    assert (double.state, told(double)) == ("duplicate", [("file.duplicate", "一.jpg")])


def test_a_photo_that_was_not_accepted_or_is_another_prefecture_s_is_not_compared_with(services: Services) -> None:
    tiny = again(shot(1), scaled(0.3))
    services.storage.put("intake", "2023/6502-克拉玛依市/照片/一.jpg", shot(1))
    rows = sent(services, 零=tiny)
    assert rows["零"].state == "rejected"
    assert told(sent(services, 二=shot(1))["二"]) == []
