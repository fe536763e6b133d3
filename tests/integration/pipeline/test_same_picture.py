"""The same picture twice: scaled and saved again is the same; another scene, another crop, another second is not."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageOps

from baosong.ledger import Submission
from baosong.ledger.services import Services
from baosong.store.source import Source
from baosong.validation.photo import photo
from baosong.validation.photo.perceptual_hash import MOST_BITS, alike
from baosong_local.samples.media import make_photo
from intake_run import run
from sheet_help import CAMPAIGN

AREA = "2023/6501-乌鲁木齐市"
Change = Callable[[Image.Image], Image.Image]


@cache
def shot(seed: int) -> bytes:
    return make_photo(seed, "乌鲁木齐市", (1600, 1200))


def again(data: bytes, change: Change, form: str = "JPEG", **how: Any) -> bytes:
    """Return a picture opened, changed and saved again, as an editor or a messenger does; its EXIF is lost."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        change(image.convert("RGB")).save(out, form, **how)
    return out.getvalue()


def facts(data: bytes) -> dict[str, object]:
    return photo.facts(photo.decode(Source("照片.jpg", len(data), lambda: io.BytesIO(data)), 10**9))


def scaled(share: float) -> Change:
    return lambda image: image.resize((int(image.width * share), int(image.height * share)))


def cut(left: float, top: float = 0, right: float = 0) -> Change:
    def change(image: Image.Image) -> Image.Image:
        width, height = image.size
        return image.crop((int(width * left), int(height * top), int(width * (1 - right)), height))

    return change


SAME: dict[str, tuple[Change, str, dict[str, Any]]] = {
    "saved again": (scaled(1), "JPEG", {"quality": 92}),
    "half as large": (scaled(0.5), "JPEG", {"quality": 85}),
    "by a messenger": (scaled(0.5), "JPEG", {"quality": 40}),
    "a thumbnail": (scaled(0.2), "JPEG", {"quality": 60}),
    "larger": (scaled(1.5), "JPEG", {"quality": 80}),
    "as png": (scaled(1), "PNG", {}),
    "as webp": (scaled(0.8), "WEBP", {"quality": 70}),
    "as heic": (scaled(1), "HEIF", {"quality": 60, "enc_params": {"preset": "ultrafast"}}),
}
OTHER: dict[str, Change] = {
    "a step aside": cut(0.04),
    "cropped": cut(0.1, 0.1, 0.1),
    "the left half": cut(0, 0, 0.5),
    "mirrored": ImageOps.mirror,
    "inverted": ImageOps.invert,
}


@pytest.mark.parametrize("how", SAME)
def test_a_picture_scaled_or_saved_again_is_the_same(how: str) -> None:
    change, form, quality = SAME[how]
    for seed in range(3):
        copy = facts(again(shot(seed), change, form, **quality))
        assert alike(copy, facts(shot(seed))), seed


@pytest.mark.parametrize("how", OTHER)
def test_another_view_is_another_picture(how: str) -> None:
    for seed in range(3):
        assert not alike(facts(again(shot(seed), OTHER[how])), facts(shot(seed))), seed


def test_a_little_more_light_is_the_same_picture() -> None:
    brighter = facts(again(shot(1), lambda image: ImageEnhance.Brightness(image).enhance(1.05)))
    assert alike(brighter, facts(shot(1)))


def test_scenes_of_one_fair_are_far_apart() -> None:
    """Forty pictures with the same sky, banner and row of booths."""
    prints = [int(str(facts(make_photo(seed, "哈密市", (800, 600)))["fingerprint"]), 16) for seed in range(40)]
    assert min((a ^ b).bit_count() for a, b in combinations(prints, 2)) > 2 * MOST_BITS


def test_a_picture_turned_by_its_exif_is_the_same_as_one_turned_in_its_pixels() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    turned = again(shot(1), lambda image: image.transpose(Image.Transpose.ROTATE_270))
    out = io.BytesIO()
    Image.open(io.BytesIO(shot(1))).save(out, "JPEG", quality=90, exif=exif)
    assert alike(facts(out.getvalue()), facts(turned))
    assert not alike(facts(out.getvalue()), facts(shot(1)))


def test_shots_of_one_burst_are_told_apart_by_the_clock() -> None:
    first = facts(shot(1))
    assert alike(first, dict(first))
    assert not alike(first, {**first, "taken": "2023:05:20 10:00:01"})
    assert alike(first, {k: v for k, v in first.items() if k != "taken"})


def test_pictures_that_show_nothing_are_not_compared() -> None:
    blank = facts(again(shot(1), lambda image: Image.new("RGB", image.size, "white")))
    assert "fingerprint" not in blank
    assert not alike(blank, blank)


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
