"""The same picture twice: scaled and saved again is the same; another scene, another crop, another second is not."""

from __future__ import annotations

import io
from functools import cache
from itertools import combinations
from typing import Any

import pytest
from PIL import Image, ImageEnhance, ImageOps

from baosong.store.source import Source
from baosong.validation.photo import photo
from baosong.validation.photo.perceptual_hash import MOST_BITS, alike
from baosong_local.samples.media import make_photo
from photo_samples import Change, again, scaled, shot


@cache
def facts(data: bytes) -> dict[str, object]:
    return photo.facts(photo.decode(Source("照片.jpg", len(data), lambda: io.BytesIO(data)), 10**9))


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
    "as png": (scaled(1), "PNG", {"compress_level": 1}),
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
