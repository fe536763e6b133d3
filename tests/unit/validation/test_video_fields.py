"""What the profile makes of MediaInfo's fields, of clips that ffmpeg cannot make cheaply: good fields, some changed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from baosong.campaign import Campaign, VideoProfile
from baosong.validation.video import video
from baosong.validation.video.media_info import Media
from baosong.validation.video.stream_end import End

GOOD = {
    "@type": "Video",
    "Format": "MPEG Video",
    "Width": "1920",
    "Height": "1080",
    "PixelAspectRatio": "1.000",
    "FrameRate": "25.000",
    "FrameRate_Mode": "CFR",
    "ScanType": "Interlaced",
    "BitRate": "50000000",
}
WHOLE = End(12, False, False)


def media(container: str = "MOV", **fields: str | None) -> Media:
    track = {name: value for name, value in (GOOD | fields).items() if value is not None}
    return Media(container, {}, track, "", False)


def verdicts(profile: VideoProfile, end: End | None = None, **fields: str | None) -> dict[str, str]:
    return {item.name: item.verdict for item in video.judge(media(**fields), profile, end)}


@pytest.mark.parametrize(
    ("fields", "item", "verdict"),
    [
        ({"ScanType": None}, "扫描方式", video.UNKNOWN),
        ({"BitRate": None}, "视频码率", video.UNKNOWN),
        ({"FrameRate": "none"}, "帧率", video.UNKNOWN),
        ({"BitRate": "nan"}, "视频码率", video.UNKNOWN),
        ({"Width": None}, "分辨率", video.UNKNOWN),
        ({"ScanType": "MBAFF"}, "扫描方式", video.GOOD),
        ({"ScanType_Original": "Progressive"}, "扫描方式", video.GOOD),
        ({"FrameRate": "24.750", "FrameRate_Mode": "VFR"}, "帧率", video.REMARK),
        ({"FrameRate": "24.750"}, "帧率", video.BAD),
        ({"FrameRate": "23.976", "FrameRate_Mode": "VFR"}, "帧率", video.BAD),
        ({"FrameRate": "50.000"}, "帧率", video.BAD),
        ({"BitRate": "49320000"}, "视频码率", video.TOLERATED),
        ({"BitRate": "48990000"}, "视频码率", video.BAD),
        ({"BitRate": "101900000"}, "视频码率", video.TOLERATED),
        ({"BitRate": "111000000"}, "视频码率", video.BAD),
        ({"Width": "1440", "PixelAspectRatio": "1.333"}, "分辨率", video.BAD),
        ({"PixelAspectRatio": "1.067"}, "分辨率", video.BAD),
        ({"Rotation": "180.000"}, "画面方向", video.BAD),
    ],
)
def test_each_field_is_judged_as_the_profile_reads_it(
    campaign: Campaign, fields: dict[str, str | None], item: str, verdict: str
) -> None:
    found = verdicts(campaign.video, **fields)
    assert found.pop(item) == verdict
    assert set(found.values()) <= {video.GOOD}


def test_a_scan_that_the_campaign_does_not_list_is_rejected(campaign: Campaign) -> None:
    interlaced = campaign.video.model_copy(update={"scans": ["interlaced"]})
    progressive = campaign.video.model_copy(update={"scans": ["progressive"]})
    assert verdicts(interlaced, ScanType="Progressive")["扫描方式"] == video.BAD
    assert verdicts(progressive, End(12, False, True), ScanType="Progressive")["扫描方式"] == video.BAD


@pytest.mark.parametrize(
    ("end", "verdict"),
    [
        (WHOLE, video.GOOD),
        (End(12, True, False), video.BAD),
        (End(0, True, False), video.BAD),
        (End(0, False, False), video.UNKNOWN),
    ],
)
def test_an_end_is_judged_by_what_could_be_decoded(campaign: Campaign, end: End, verdict: str) -> None:
    assert verdicts(campaign.video, end)["完整性"] == verdict


@pytest.mark.parametrize(
    ("container", "in_pieces", "whole"),
    [
        ("MPEG-PS", False, True),
        ("MPEG-TS", False, True),
        ("MOV", False, False),
        ("MOV", True, True),
        ("MXF", False, False),
    ],
)
def test_what_has_no_index_of_the_whole_is_read_whole(container: str, in_pieces: bool, whole: bool) -> None:
    assert video.needs_whole(replace(media(container), in_pieces=in_pieces)) is whole


@pytest.mark.parametrize(
    ("codec", "fields", "verdict"),
    [
        ("AVC-Intra 100", {"Format": "AVC", "Format_Commercial_IfAny": "AVC-Intra 100"}, video.GOOD),
        ("ProRes 422", {"Format": "ProRes", "Format_Profile": "422"}, video.GOOD),
        ("ProRes", {"Format": "ProRes", "Format_Profile": "422 HQ"}, video.GOOD),
        ("ProRes 422", {"Format": "ProRes", "Format_Profile": "422 HQ"}, video.BAD),
        ("AVC-Intra 100", {"Format": "AVC"}, video.BAD),
    ],
)
def test_an_exception_names_a_codec(campaign: Campaign, codec: str, fields: dict[str, str], verdict: str) -> None:
    exception = {"codec": codec, "bit_rate_max": 115_000_000}
    profile = VideoProfile.model_validate({**campaign.video.model_dump(), "exceptions": [exception]})
    assert verdicts(profile, BitRate="112000000", **fields)["视频码率"] == verdict


@pytest.mark.parametrize(
    "wrong", [{"bit_rate_min": 200_000_000}, {"exceptions": [{"codec": "ProRes", "bit_rate_max": 90_000_000}]}]
)
def test_a_profile_that_contradicts_itself_is_refused(campaign: Campaign, wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="bit_rate"):
        VideoProfile.model_validate({**campaign.video.model_dump(), **wrong})
