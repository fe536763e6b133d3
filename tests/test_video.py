"""The video check on clips really made by ffmpeg: right ones pass, and each usual way to be wrong is named."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.checks import check, video
from baosong.checks.media import Media, inspect
from baosong.findings import Checked, Kind, Severity, Verdict
from baosong.samples import media as samples
from baosong.source import Source


class Ranged(io.RawIOBase):
    """A raw reader without a file beneath, that counts and gives less than it is asked for, as a store does."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.bytes_read, self.requests = data, 0, 0, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.at

    def seek(self, offset: int, whence: int = 0) -> int:
        self.at = offset + (0, self.at, len(self.data))[whence]
        return self.at

    def readinto(self, buffer: memoryview) -> int:
        part = self.data[self.at : self.at + min(len(buffer), 40_000)]
        buffer[: len(part)] = part
        self.at += len(part)
        self.bytes_read += len(part)
        self.requests += 1
        return len(part)


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make all clips once; good ones first, the wrong ones mostly derived from them."""
    at = tmp_path_factory.mktemp("clips")
    mov = samples.make_clip(at / "50i.mov", seconds=1)
    mpg = samples.make_clip(at / "50i.mpg", container="mpg", seconds=1.6)
    samples.make_clip(at / "25p.mov", scan="progressive", seconds=0.6, text="科技活动周")
    samples.make_clip(at / "25mbps.mov", bit_rate_mbps=25, seconds=0.6)
    samples.make_clip(at / "720.mov", size=(1280, 720), seconds=0.6)
    samples.make_phone_clip(at / "phone.mov")
    samples.make_phone_clip(at / "portrait.mov", portrait=True)
    samples.rewrap(mpg, at / "ts.mpg", "-f", "mpegts")
    fast = samples.rewrap(mov, at / "fast.mov", "-movflags", "+faststart")
    samples.rewrap(mov, at / "rotated.mov", before=["-display_rotation", "90"])
    samples.rewrap(mov, at / "mxf.mov", "-f", "mxf")
    samples.rewrap(mov, at / "essence.mpg", "-an", "-f", "mpeg2video")
    samples.rewrap(mov, at / "sound.mov", "-vn")
    samples.rewrap(mov, at / "50fps.mov", "-an", before=["-itsscale", "0.5"])
    samples.rewrap(mov, at / "thumbnail.mov", "-map", "1:v", "-map", "0", before=["-i", str(at / "phone.mov")])
    samples.cut_short(mov, at / "no_index.mov")
    samples.cut_short(fast, at / "cut_fast.mov")
    samples.cut_short(mpg, at / "cut.mpg")
    samples.cut_short(at / "ts.mpg", at / "cut_ts.mpg", share=0.70001)
    return at


def judged(path: Path, campaign: Campaign) -> Checked:
    return check(Source.from_path(path), Kind.VIDEO, campaign, campaign.prefecture("6501"))


def errors(checked: Checked) -> set[str]:
    return {f.rule for f in checked.findings if f.severity is Severity.ERROR}


@pytest.mark.parametrize(
    ("name", "rules"),
    [
        ("no_index.mov", {"video.damaged"}),
        ("cut_fast.mov", {"video.damaged"}),
        ("cut.mpg", {"video.damaged"}),
        ("cut_ts.mpg", {"video.damaged"}),
        ("phone.mov", {"video.container", "video.resolution", "video.frame_rate", "video.bit_rate"}),
        ("portrait.mov", {"video.container", "video.resolution", "video.frame_rate", "video.bit_rate"}),
        ("25mbps.mov", {"video.bit_rate"}),
        ("720.mov", {"video.resolution"}),
        ("rotated.mov", {"video.rotation"}),
        ("mxf.mov", {"video.container"}),
        ("essence.mpg", {"video.container"}),
        ("sound.mov", {"video.no_picture"}),
    ],
)
def test_a_wrong_clip_is_rejected_with_all_its_faults_at_once(
    clips: Path, campaign: Campaign, name: str, rules: set[str]
) -> None:
    checked = judged(clips / name, campaign)
    assert checked.verdict is Verdict.REJECTED
    assert errors(checked) == rules


def test_a_clip_of_50_frames_a_second_is_told_so(clips: Path, campaign: Campaign) -> None:
    assert "video.frame_rate" in errors(judged(clips / "50fps.mov", campaign))


@pytest.mark.parametrize(
    ("name", "container", "scan"),
    [
        ("50i.mov", "MOV", "interlaced"),
        ("fast.mov", "MOV", "interlaced"),
        ("25p.mov", "MOV", "progressive"),
        ("50i.mpg", "MPEG-PS", "interlaced"),
        ("ts.mpg", "MPEG-TS", "interlaced"),
    ],
)
def test_a_clip_as_the_notice_asks_is_accepted(
    clips: Path, campaign: Campaign, name: str, container: str, scan: str
) -> None:
    checked = judged(clips / name, campaign)
    assert checked.verdict is Verdict.ACCEPTED, checked.findings
    found = checked.facts
    assert (found["container"], found["scan_type"]) == (container, scan)
    assert (found["width"], found["height"], found["frame_rate"]) == (1920, 1080, 25)
    assert 50e6 <= found["bit_rate"] <= 70e6
    assert found["mediainfo"]


def test_only_an_mpg_near_a_limit_is_read_whole(clips: Path, campaign: Campaign) -> None:
    assert judged(clips / "50i.mpg", campaign).facts["exact"] is True
    assert judged(clips / "50i.mov", campaign).facts["exact"] is False


def test_the_exact_rate_is_measured_not_declared(clips: Path, campaign: Campaign) -> None:
    declared = inspect(Source.from_path(clips / "50i.mpg")).number("BitRate")
    assert declared == 50_000_000
    assert judged(clips / "50i.mpg", campaign).facts["bit_rate"] > declared


def test_a_transport_stream_is_accepted_with_a_note(clips: Path, campaign: Campaign) -> None:
    (finding,) = judged(clips / "ts.mpg", campaign).findings
    assert (finding.rule, finding.severity) == ("video.container", Severity.NOTE)


def test_the_largest_picture_track_is_judged(clips: Path, campaign: Campaign) -> None:
    assert judged(clips / "thumbnail.mov", campaign).facts["width"] == 1920


def test_a_raw_ranged_reader_is_enough_and_its_cost_is_told(clips: Path, campaign: Campaign) -> None:
    data = (clips / "fast.mov").read_bytes()
    source = Source("片花.mov", len(data), lambda: Ranged(data))
    facts = video.check(source, campaign.video).facts
    assert facts["width"] == 1920
    assert 0 < facts["bytes_read"] < 2_000_000 < len(data)
    assert facts["requests"] > 0


def test_a_name_changes_no_verdict(clips: Path, campaign: Campaign) -> None:
    source = Source.from_path(clips / "50i.mpg")
    assert check(replace(source, name="片花.mov"), Kind.VIDEO, campaign, None).verdict is Verdict.ACCEPTED


def test_every_finding_says_where_what_and_how_to_mend(clips: Path, campaign: Campaign) -> None:
    findings = judged(clips / "phone.mov", campaign).findings
    for finding in findings:
        assert finding.message
        assert finding.observed
        assert finding.expected
        assert "Premiere" in finding.fix
        assert "剪映" in finding.fix
    rate = next(f for f in findings if f.rule == "video.bit_rate")
    assert rate.where == {"track": "Video", "field": "BitRate"}
    assert "60000 kbps" in rate.fix


def test_the_facts_carry_the_table_of_what_was_asked_and_found(clips: Path, campaign: Campaign) -> None:
    table = {row["item"]: row for row in judged(clips / "25mbps.mov", campaign).facts["table"]}
    assert table["视频码率"]["asked"] == "50～100 Mbps"
    assert table["视频码率"]["verdict"] == "不合格"
    assert table["分辨率"] == {"item": "分辨率", "asked": "1920×1080", "found": "1920×1080", "verdict": "合格"}


GOOD = {
    "@type": "Video",
    "Width": "1920",
    "Height": "1080",
    "PixelAspectRatio": "1.000",
    "FrameRate": "25.000",
    "FrameRate_Mode": "CFR",
    "ScanType": "Interlaced",
    "BitRate": "50000000",
}


def verdicts(campaign: Campaign, **fields: str | None) -> dict[str, str]:
    """Judge what MediaInfo says of clips that ffmpeg cannot make cheaply: good fields, some changed or absent."""
    track = {name: value for name, value in (GOOD | fields).items() if value is not None}
    found = Media("MOV", {}, track, "", False, None, None)
    return {item.name: item.verdict for item in video.judge(found, campaign.video)}


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
    found = verdicts(campaign, **fields)
    assert found.pop(item) == verdict
    assert set(found.values()) <= {video.GOOD}


def test_a_scan_that_the_campaign_does_not_list_is_rejected(campaign: Campaign) -> None:
    only_interlaced = campaign.model_copy(update={"video": campaign.video.model_copy(update={"scans": ["interlaced"]})})
    assert verdicts(only_interlaced, ScanType="Progressive")["扫描方式"] == video.BAD


def test_what_cannot_be_judged_waits_for_a_human(clips: Path, campaign: Campaign) -> None:
    """An MPG that is too short for a scan type or a rate is not accepted in silence."""
    data = (clips / "50i.mpg").read_bytes()[:2048]
    checked = video.check(Source("a.mpg", len(data), lambda: io.BytesIO(data)), campaign.video)
    assert checked.verdict is not Verdict.ACCEPTED
