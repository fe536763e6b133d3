"""The video check on clips really made by ffmpeg: right ones pass, and each usual way to be wrong is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from baosong.campaign import Campaign
from baosong.rules.findings import Checked, Kind, Severity, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from clips import RECIPES, Clips

ACCEPTED, REJECTED, HELD = Verdict.ACCEPTED, Verdict.REJECTED, Verdict.HELD
BOX, SIZE, RATE, SCAN, BITS, TURN, TORN, NOTHING = (
    f"video.{rule}"
    for rule in ("container", "resolution", "frame_rate", "scan", "bit_rate", "rotation", "damaged", "no_picture")
)

# Every clip, its verdict, and the rules of all its findings: errors, warnings and notes.
TABLE: dict[str, tuple[Verdict, set[str]]] = {
    "50i.mov": (ACCEPTED, set()),
    "25p.mov": (ACCEPTED, set()),
    "50i.mpg": (ACCEPTED, set()),
    "25p.mpg": (ACCEPTED, set()),
    "ts.mpg": (ACCEPTED, {BOX}),
    "m2ts.mpg": (ACCEPTED, {BOX}),
    "fast.mov": (ACCEPTED, set()),
    "old.mov": (ACCEPTED, set()),
    "notes.mov": (ACCEPTED, set()),
    "thumbnail.mov": (ACCEPTED, set()),
    "timecode.mov": (ACCEPTED, set()),
    "voices.mov": (ACCEPTED, set()),
    "silent.mov": (ACCEPTED, set()),
    "jianying.mov": (ACCEPTED, set()),
    "mbaff.mov": (ACCEPTED, set()),
    "psf.mov": (ACCEPTED, set()),
    "h264.ts.mpg": (ACCEPTED, {BOX}),
    "b_pictures.mpg": (ACCEPTED, set()),
    "open_groups.ts.mpg": (ACCEPTED, {BOX}),
    "prores_lt.mov": (ACCEPTED, set()),
    "joined.mpg": (ACCEPTED, set()),
    "film.mov": (ACCEPTED, set()),
    "film_fast.mov": (ACCEPTED, set()),
    "50.0.mov": (ACCEPTED, set()),
    "100.0.mov": (ACCEPTED, set()),
    "49.5.mov": (ACCEPTED, {BITS}),
    "101.5.mov": (ACCEPTED, {BITS}),
    "49.5.mpg": (ACCEPTED, {BITS}),
    "49.5.ts.mpg": (ACCEPTED, {BOX, BITS}),
    "dropped.mov": (ACCEPTED, {RATE}),
    "48.5.mov": (REJECTED, {BITS}),
    "48.3.mpg": (REJECTED, {BITS}),
    "103.mov": (REJECTED, {BITS}),
    "prores.mov": (REJECTED, {BITS}),
    "25mbps.mov": (REJECTED, {BITS}),
    "198.mov": (REJECTED, {BITS}),
    "720.mov": (REJECTED, {SIZE}),
    "1440.mov": (REJECTED, {SIZE}),
    "wide_pixels.mov": (REJECTED, {SIZE}),
    "rotated.mov": (REJECTED, {TURN}),
    "upside_down.mov": (REJECTED, {TURN}),
    "50p.mov": (REJECTED, {RATE, BITS}),
    "30.mov": (REJECTED, {RATE}),
    "24.mov": (REJECTED, {RATE}),
    "many_dropped.mov": (REJECTED, {RATE, BITS}),
    "phone.mov": (REJECTED, {BOX, SIZE, RATE, BITS}),
    "portrait.mov": (REJECTED, {BOX, SIZE, RATE, BITS}),
    "mp4.mov": (REJECTED, {BOX}),
    "mxf.mov": (REJECTED, {BOX}),
    "mkv.mov": (REJECTED, {BOX}),
    "avi.mpg": (REJECTED, {BOX, RATE}),
    "essence.mpg": (REJECTED, {BOX}),
    "h264.mpg": (REJECTED, {BOX, RATE}),
    "sound.mov": (REJECTED, {NOTHING}),
    "sound.mpg": (REJECTED, {NOTHING}),
    "no_index.mov": (REJECTED, {TORN}),
    "cut_fast.mov": (REJECTED, {TORN}),
    "last_byte.mov": (REJECTED, {TORN}),
    "zeros_fast.mov": (REJECTED, {TORN}),
    "zeros.mov": (REJECTED, {TORN}),
    "only_index.mov": (REJECTED, {TORN}),
    "cut.mpg": (REJECTED, {TORN}),
    "cut_at_a_pack.mpg": (REJECTED, {TORN}),
    "zeros.mpg": (REJECTED, {TORN}),
    "noise.mpg": (REJECTED, {TORN}),
    "cut.ts.mpg": (REJECTED, {BOX, TORN}),
    "cut_at_a_packet.ts.mpg": (REJECTED, {BOX, TORN}),
    "zeros.ts.mpg": (REJECTED, {BOX, TORN}),
    "cut_h264.ts.mpg": (REJECTED, {BOX, TORN}),
    "pieces.mov": (ACCEPTED, set()),
    "pieces_of_both.mov": (ACCEPTED, set()),
    "untimed.ts.mpg": (ACCEPTED, {BOX}),
    "long_group.ts.mpg": (ACCEPTED, {BOX}),
    "prores_50i.mov": (ACCEPTED, set()),
    "prores_50i_no_fiel.mov": (ACCEPTED, set()),
    "prores_25p_no_fiel.mov": (ACCEPTED, set()),
    "hevc.mov": (ACCEPTED, set()),
    "hevc_50i.mov": (ACCEPTED, set()),
    "hevc_no_fiel.mov": (ACCEPTED, set()),
    "hevc_50i_no_fiel.mov": (ACCEPTED, set()),
    "hevc.ts.mpg": (ACCEPTED, {BOX}),
    "hevc_50i.ts.mpg": (ACCEPTED, {BOX}),
    "jianying_long.mov": (ACCEPTED, set()),
    "h264.ps.mpg": (ACCEPTED, set()),
    "h264_vob.mpg": (ACCEPTED, set()),
    "204.ts.mpg": (ACCEPTED, {BOX}),
    "204_h264.ts.mpg": (ACCEPTED, {BOX}),
    "1088_cropped.mov": (ACCEPTED, set()),
    "1088_aperture.mov": (ACCEPTED, set()),
    "prores_1088.mov": (REJECTED, {SIZE}),
    "flipped.mov": (REJECTED, {TURN}),
    "mirrored.mov": (REJECTED, {TURN}),
    "slanted.mov": (REJECTED, {TURN}),
    "declares_50_has_48.3.mov": (REJECTED, {BITS}),
    "declares_100_has_104.mov": (REJECTED, {BITS}),
    "declares_60.ts.mpg": (REJECTED, {BOX, BITS}),
    "index_without_pictures.mov": (REJECTED, {TORN}),
    "elsewhere.mov": (REJECTED, {TORN}),
    "cut_pieces.mov": (REJECTED, {TORN}),
    "low_pieces.mov": (REJECTED, {BITS}),
    "cut_between_low_pieces.mov": (REJECTED, {TORN, BITS}),
    "cut_between_pieces.mov": (HELD, {TORN}),
    "cut_204.ts.mpg": (REJECTED, {BOX, TORN}),
    "cut_h264.ps.mpg": (REJECTED, {TORN}),
    "25p_then_50i.mpg": (HELD, {SCAN}),
    "25p_then_50i.ts.mpg": (HELD, {BOX, SCAN}),
}


def judged(clips: Clips, name: str, campaign: Campaign) -> Checked:
    return check(Source.from_path(clips[name]), Kind.VIDEO, campaign, campaign.prefecture("6501"))


def rows(checked: Checked) -> dict[str, tuple[str, str]]:
    return {row["item"]: (row["found"], row["verdict"]) for row in checked.facts["table"]}


@pytest.mark.parametrize("name", TABLE)
def test_each_clip_gets_its_verdict_with_all_its_faults_at_once(clips: Clips, campaign: Campaign, name: str) -> None:
    checked = judged(clips, name, campaign)
    verdict, rules = TABLE[name]
    assert (checked.verdict, {f.rule for f in checked.findings}) == (verdict, rules)
    assert any(f.severity is Severity.ERROR for f in checked.findings) == (verdict is REJECTED)


def test_every_clip_that_can_be_made_is_judged() -> None:
    assert set(TABLE) == set(RECIPES)
    assert len(TABLE) > 40


@pytest.mark.parametrize(
    ("name", "container", "scan"),
    [
        ("50i.mov", "MOV", "interlaced"),
        ("mbaff.mov", "MOV", "interlaced"),
        ("25p.mov", "MOV", "progressive"),
        ("50i.mpg", "MPEG-PS", "interlaced"),
        ("ts.mpg", "MPEG-TS", "interlaced"),
    ],
)
def test_what_was_found_is_kept(clips: Clips, campaign: Campaign, name: str, container: str, scan: str) -> None:
    found = judged(clips, name, campaign).facts
    assert (found["container"], found["scan_type"]) == (container, scan)
    assert (found["width"], found["height"], found["frame_rate"]) == (1920, 1080, 25)
    assert 50e6 <= found["bit_rate"] <= 70e6
    assert found["mediainfo"].count(".") == 1


@pytest.mark.parametrize(
    ("name", "rate", "verdict"),
    [
        ("50.0.mov", "实测 50.00 Mbps", "合格"),
        ("49.5.mov", "实测 49.50 Mbps", "合格（容差内）"),
        ("49.5.mpg", "实测 49.55 Mbps", "合格（容差内）"),
        ("48.5.mov", "实测 48.50 Mbps", "不合格"),
    ],
)
def test_a_tolerance_is_shown(clips: Clips, campaign: Campaign, name: str, rate: str, verdict: str) -> None:
    assert rows(judged(clips, name, campaign))["视频码率"] == (rate, verdict)


def test_a_rate_near_a_limit_is_measured_not_guessed(clips: Clips, campaign: Campaign) -> None:
    """The headers of this clip promise 48.92 Mbps, which would be rejected."""
    exact = judged(clips, "49.5.mpg", campaign).facts
    assert (exact["exact"], round(exact["bit_rate"] / 1e6, 1)) == (True, 49.5)
    assert judged(clips, "50i.mov", campaign).facts["exact"] is False


def test_a_codec_that_the_campaign_excepts_may_exceed_the_limit(clips: Clips, campaign: Campaign) -> None:
    wider = {**campaign.video.model_dump(), "exceptions": [{"codec": "ProRes 422", "bit_rate_max": 135_000_000}]}
    excepting = campaign.model_copy(update={"video": type(campaign.video).model_validate(wider)})
    checked = judged(clips, "prores.mov", excepting)
    assert checked.verdict is ACCEPTED
    asked = {row["item"]: row["asked"] for row in checked.facts["table"]}
    assert asked["视频码率"] == "50～135 Mbps"


def test_the_largest_picture_track_is_judged(clips: Clips, campaign: Campaign) -> None:
    assert judged(clips, "thumbnail.mov", campaign).facts["width"] == 1920


def test_a_name_changes_no_verdict(clips: Clips, campaign: Campaign) -> None:
    source = Source.from_path(clips["50i.mpg"])
    assert check(replace(source, name="片花.mov"), Kind.VIDEO, campaign, None).verdict is ACCEPTED


def test_every_finding_says_where_what_and_how_to_mend(clips: Clips, campaign: Campaign) -> None:
    checked = judged(clips, "phone.mov", campaign)
    for finding in checked.findings:
        assert all((finding.message, finding.observed, finding.expected, finding.fix))
    rate = next(f for f in checked.findings if f.rule == BITS)
    assert rate.where == {"track": "Video", "field": "BitRate"}
    assert "60 Mbps" in rate.fix
    assert "60000 Kbps" in checked.facts["exports"]["剪映"]
    assert "MPEG2" in checked.facts["exports"]["Premiere"]


def test_a_good_clip_needs_no_advice(clips: Clips, campaign: Campaign) -> None:
    assert judged(clips, "50i.mov", campaign).facts["exports"] == {}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("50i.mov", "索引与文件长度相符"),
        ("50i.mpg", "结尾可正常解码"),
        ("noise.mpg", "结尾无法解码"),
        ("cut_fast.mov", "结尾缺失"),
        ("cut_pieces.mov", "结尾缺失"),
        ("cut_between_pieces.mov", "没有结束标记"),
        ("index_without_pictures.mov", "画面数据少于索引所写"),
        ("elsewhere.mov", "只有索引，引用别的文件"),
    ],
)
def test_the_table_says_how_completeness_was_judged(clips: Clips, campaign: Campaign, name: str, found: str) -> None:
    assert rows(judged(clips, name, campaign))["完整性"][0] == found


def test_the_rate_of_a_torn_stream_is_not_guessed(clips: Clips, campaign: Campaign) -> None:
    assert rows(judged(clips, "cut.mpg", campaign))["视频码率"] == ("文件不完整，未判定", "无法判定")


@pytest.mark.parametrize(
    ("name", "turned"),
    [
        ("rotated.mov", "旋转 270°"),
        ("upside_down.mov", "旋转 180°"),
        ("flipped.mov", "上下翻转"),
        ("mirrored.mov", "左右镜像"),
    ],
)
def test_a_turned_picture_is_told_as_it_is_turned(clips: Clips, campaign: Campaign, name: str, turned: str) -> None:
    assert rows(judged(clips, name, campaign))["画面方向"][0] == turned


@pytest.mark.parametrize("name", ["cut_h264.ps.mpg", "48.5.mov", "phone.mov", "cut_between_low_pieces.mov"])
def test_nobody_is_told_to_wait_for_a_film_that_is_rejected(clips: Clips, campaign: Campaign, name: str) -> None:
    told = judged(clips, name, campaign).findings
    assert not any("等待" in finding.message + finding.fix for finding in told)


def test_the_rate_is_called_measured(clips: Clips, campaign: Campaign) -> None:
    (low,) = judged(clips, "48.5.mov", campaign).findings
    assert "视频码率实测 48.50 Mbps" in low.message
    assert low.observed == "实测 48.50 Mbps"
