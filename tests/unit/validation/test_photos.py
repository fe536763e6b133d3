"""The photo check: damaged, flooding, small and disguised pictures before the good ones."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from baosong.campaign import Campaign
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples.media import make_photo
from photo_samples import flooding_png

PHOTO = make_photo(1, "乌鲁木齐市", (1280, 960))


def judged(data: bytes, campaign: Campaign, name: str = "照片.jpg") -> Checked:
    return check(Source(name, len(data), lambda: io.BytesIO(data)), Kind.PHOTO, campaign, None)


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


def saved(form: str, size: tuple[int, int] = (1280, 960), mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 1).save(out, form)
    return out.getvalue()


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (13_000, 10_000), (12_100, 10_000)])
def test_a_picture_that_would_fill_the_memory_is_not_decoded(campaign: Campaign, width: int, height: int) -> None:
    checked = judged(flooding_png(width, height), campaign, "照片.png")
    assert rules(checked) == ["photo.pixels"]
    assert checked.verdict is Verdict.REJECTED


@pytest.mark.parametrize("share", [0.05, 0.4, 0.95])
def test_a_picture_cut_short_is_damaged(campaign: Campaign, share: float) -> None:
    assert rules(judged(PHOTO[: int(len(PHOTO) * share)], campaign)) == ["photo.damaged"]


@given(at=st.integers(0, len(PHOTO) - 1), noise=st.binary(min_size=1, max_size=200))
@settings(max_examples=40, deadline=None)
def test_no_noise_in_a_picture_makes_the_check_raise(campaign_now: Campaign, at: int, noise: bytes) -> None:
    checked = judged(PHOTO[:at] + noise + PHOTO[at + len(noise) :], campaign_now)
    assert checked.verdict in set(Verdict)


@pytest.fixture(scope="module", name="campaign_now")
def module_campaign() -> Campaign:
    """Return the 2023 campaign for tests that hypothesis repeats."""
    from pathlib import Path

    from baosong.campaign import load_campaign

    return load_campaign(Path(__file__).parents[3] / "include/campaigns/2023.yaml")


def test_a_small_picture_is_rejected_with_its_size(campaign: Campaign) -> None:
    (finding,) = judged(make_photo(1, "哈密市", (640, 480)), campaign).findings
    assert finding.rule == "photo.size"
    assert finding.observed == "640×480"
    assert finding.expected == "不小于 1024×768"


def test_a_portrait_of_the_same_size_is_large_enough(campaign: Campaign) -> None:
    assert judged(saved("JPEG", (768, 1024)), campaign).verdict is Verdict.ACCEPTED


def test_a_format_that_is_not_collected_is_rejected_by_its_true_type(campaign: Campaign) -> None:
    assert rules(judged(saved("GIF", mode="P"), campaign, "照片.gif")) == ["file.format"]
    assert rules(judged(saved("WEBP"), campaign, "照片.jpg")) == ["file.type_mismatch"]


def test_a_telephone_s_heic_is_told_how_to_become_a_jpeg(campaign: Campaign) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    (finding,) = judged(heic, campaign, "IMG_0001.HEIC").findings
    assert finding.rule == "file.format"
    assert "兼容性最佳" in finding.fix


def collecting(campaign: Campaign, *formats: str) -> Campaign:
    deliverables = [d.model_copy(update={"formats": [*d.formats, *formats]}) for d in campaign.deliverables]
    return campaign.model_copy(update={"deliverables": deliverables})


def test_a_heic_is_decoded_where_a_campaign_collects_it(campaign: Campaign) -> None:
    torn = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64)
    assert rules(judged(torn, collecting(campaign, "heic"), "IMG_0001.HEIC")) == ["photo.damaged"]
    good = judged(saved("HEIF"), collecting(campaign, "heic"), "IMG_0001.HEIC")
    assert (good.verdict, good.findings, good.facts["format"]) == (Verdict.ACCEPTED, [], "HEIF")


def test_a_picture_that_nothing_here_decodes_waits_for_a_human_where_it_is_collected(campaign: Campaign) -> None:
    raw = b"II*\0\x10\0\0\0CR\x02\0" + bytes(200)
    checked = judged(raw, collecting(campaign, "cr2"), "DSC_0001.CR2")
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["photo.not_decoded"])


def test_a_png_named_jpg_is_accepted_with_a_warning(campaign: Campaign) -> None:
    checked = judged(saved("PNG"), campaign)
    assert checked.verdict is Verdict.ACCEPTED
    assert [(f.rule, f.severity) for f in checked.findings] == [("file.type_mismatch", Severity.WARNING)]


def test_the_position_is_noted_but_not_repeated(campaign: Campaign) -> None:
    checked = judged(make_photo(2, "喀什地区", (1280, 960), position=True), campaign)
    assert checked.verdict is Verdict.ACCEPTED
    assert [(f.rule, f.severity) for f in checked.findings] == [("photo.position", Severity.NOTE)]
    assert "43" not in str(checked.facts)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_each_collected_format_is_accepted(campaign: Campaign, form: str) -> None:
    checked = judged(saved(form), campaign, f"照片.{form.lower()}")
    assert checked.verdict is Verdict.ACCEPTED
    assert (checked.facts["width"], checked.facts["height"]) == (1280, 960)


def test_a_sample_photo_is_the_same_for_the_same_seed() -> None:
    assert make_photo(1, "乌鲁木齐市", (1280, 960)) == PHOTO
    assert make_photo(2, "乌鲁木齐市", (1280, 960)) != PHOTO
