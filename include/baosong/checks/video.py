"""The video check: the campaign's profile against MediaInfo's words, item by item, each with how to export it right.

Cheap first: the headers decide nearly every file. Only an MPG whose answer hangs on the exact bit rate is read whole,
because its headers declare a rate that the essence need not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from baosong.campaign import VideoProfile
from baosong.checks import media
from baosong.checks.media import Media
from baosong.findings import Checked, Finding, Where, error, note, warning
from baosong.source import Source

GOOD, TOLERATED, BAD, UNKNOWN, REMARK = "合格", "合格（容差内）", "不合格", "无法判定", "合格（有提示）"
NEAR = 0.05  # how near to a limit the exact rate is worth reading a whole MPG
JITTER = 0.05  # frames a second within which a rate is the one asked for
DROPPED = 0.02  # share of frames that a variable rate may have lost before it is another rate
CONTAINERS = {"MPEG-PS": "mpg（MPEG-PS）", "MPEG-TS": "mpg（MPEG-TS）"}
SCANS = {"interlaced": "隔行", "progressive": "逐行"}

EXPORT_SIZE = (
    "Premiere：序列与导出设置选 {width}×{height}、方形像素；EDIUS：工程预设选 {width}×{height}；"
    "剪映：导出分辨率选 {height}P。手机请横拍，不要把小画面放大充数。"
)
EXPORT_RATE = (
    "Premiere：导出设置“帧速率”选 {rate}；EDIUS：工程预设选每秒 {rate} 帧（50i 即 25 帧）；剪映：导出帧率选 {rate}fps。"
)
EXPORT_SCAN = (
    "Premiere：导出设置“场序”选高场优先（隔行）或逐行；"
    "EDIUS：工程预设选 {height} 隔行（i）或逐行（p）；剪映：只能导出逐行。"
)
EXPORT_BITS = (
    "Premiere：格式选 QuickTime 或 MPEG2，比特率编码选 CBR，目标 {mega} Mbps；"
    "EDIUS：导出 MPEG2 程序流，CBR {mega} Mbps；剪映：码率选“自定义”，填 {mega}000 kbps。"
)
EXPORT_CONTAINER = (
    "只改扩展名不能改变格式。Premiere：格式选 QuickTime（.mov）或 MPEG2（.mpg）；"
    "EDIUS：导出 MOV 或 MPEG2 程序流；剪映：格式选 mov。"
)
SEND_AGAIN = "请先在本机完整播放一遍；能播放就重新上传并等进度走完，不能播放就从编辑软件重新导出。"
TURN = "请从编辑软件重新导出，去掉旋转标记（Premiere：在序列里把画面转正后再导出；剪映：用“旋转”转正后导出）。"


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the answer: what was asked, what was found, the word for it, and the finding if there is one."""

    name: str
    asked: str
    found: str
    verdict: str = GOOD
    finding: Finding | None = None


def check(source: Source, profile: VideoProfile) -> Checked:
    """Judge a video file; facts carry the table of items and what the parse has cost."""
    found = media.inspect(source)
    if needs_exact(found, profile):
        found = media.inspect(source, media.EXACT).after(found)
    items = judge(found, profile)
    findings = [item.finding for item in items if item.finding]
    held = any(item.verdict == UNKNOWN for item in items) and not any(item.verdict == BAD for item in items)
    return Checked(findings=findings, facts=facts(found, profile, items), held=held)


def needs_exact(found: Media, profile: VideoProfile) -> bool:
    """Return whether the answer hangs on the exact rate: an MPG without one, or near a limit of the profile."""
    if found.video is None or found.cut_short or found.container not in ("MPEG-PS", "MPEG-TS"):
        return False
    rate = found.number("BitRate")
    limits = (profile.bit_rate_min, profile.bit_rate_max)
    return rate is None or any(abs(rate - limit) <= NEAR * limit for limit in limits)


def judge(found: Media, profile: VideoProfile) -> list[Item]:
    """Return all items of the profile at once; a file without a picture is judged on that alone."""
    items = [_container(found, profile), *_complete(found)]
    if found.video is None:
        return items if found.cut_short else [*items, _no_picture()]
    judges: list[Callable[[Media, VideoProfile], Item]] = [_resolution, _rotation, _frame_rate, _scan, _bit_rate]
    return [*items, *(judge_one(found, profile) for judge_one in judges)]


def facts(found: Media, profile: VideoProfile, items: list[Item]) -> dict[str, object]:
    """Return what is worth keeping of a parse, as JSON values."""
    return {
        "container": found.container,
        "width": found.number("Width"),
        "height": found.number("Height"),
        "frame_rate": found.number("FrameRate"),
        "scan_type": found.scan,
        "bit_rate": found.number("BitRate"),
        "duration": found.number("Duration"),
        "codec": found.text("Format"),
        "exact": found.exact,
        "mediainfo": media.library_version(),
        "bytes_read": found.bytes_read,
        "requests": found.requests,
        "profile": profile.text,
        "table": [{"item": i.name, "asked": i.asked, "found": i.found, "verdict": i.verdict} for i in items],
    }


def _container(found: Media, profile: VideoProfile) -> Item:
    asked = "、".join(CONTAINERS.get(name, name) for name in profile.containers)
    shown = CONTAINERS.get(found.container, found.container) or "无法识别"
    if found.container not in profile.containers:
        message = (
            f"文件的真实格式是 {shown}，不是要求的 {asked}。" if found.container else "文件内容不是可识别的视频格式。"
        )
        bad = _error("video.container", message, "Format", shown, asked, EXPORT_CONTAINER, "General")
        return Item("文件格式", asked, shown, BAD, bad)
    if found.container == "MPEG-TS":
        remark = note(
            "video.container", "文件是 MPEG-TS 传输流，按 mpg 接收。", where=Where(track="General", field="Format")
        )
        return Item("文件格式", asked, shown, REMARK, remark)
    return Item("文件格式", asked, shown)


def _complete(found: Media) -> list[Item]:
    if not found.cut_short:
        return []
    lost = (
        "文件不完整：索引（moov）缺失，无法播放。"
        if found.video is None
        else "文件不完整：结尾缺失，可能没有传完或录制中断。"
    )
    bad = _error("video.damaged", lost, "IsTruncated", "结尾缺失", "完整的文件", SEND_AGAIN, "General")
    return [Item("完整性", "完整", "结尾缺失", BAD, bad)]


def _no_picture() -> Item:
    bad = _error("video.no_picture", "文件里没有视频画面轨道。", "Format", "没有画面", "至少一条视频轨道", SEND_AGAIN)
    return Item("画面", "有", "没有", BAD, bad)


def _resolution(found: Media, profile: VideoProfile) -> Item:
    asked = f"{profile.width}×{profile.height}"
    width, height = found.number("Width"), found.number("Height")
    if width is None or height is None:
        return _unknown("分辨率", asked, "video.resolution", "Width")
    shown = f"{width:.0f}×{height:.0f}"
    aspect = found.number("PixelAspectRatio") or 1.0
    if (width, height) != (profile.width, profile.height):
        message = f"画面分辨率为 {shown}，要求 {asked}。"
    elif abs(aspect - 1) > 0.005:
        shown = f"{shown}，像素长宽比 {aspect:.3f}"
        message = f"像素不是方形（长宽比 {aspect:.3f}），画面会变形。"
    else:
        return Item("分辨率", asked, shown)
    return Item(
        "分辨率",
        asked,
        shown,
        BAD,
        _error("video.resolution", message, "Width", shown, asked, _export(EXPORT_SIZE, profile)),
    )


def _rotation(found: Media, profile: VideoProfile) -> Item:
    turned = round(found.number("Rotation") or 0) % 360
    if not turned:
        return Item("画面方向", "横向，无旋转", "无旋转")
    shown = f"旋转 {turned}°"
    message = f"画面带有旋转标记（{turned}°），播放时不是正的横向画面。"
    return Item(
        "画面方向", "横向，无旋转", shown, BAD, _error("video.rotation", message, "Rotation", shown, "0°", TURN)
    )


def _frame_rate(found: Media, profile: VideoProfile) -> Item:
    asked, wanted = f"{profile.frame_rate} 帧/秒", float(profile.frame_rate)
    rate = found.number("FrameRate")
    if rate is None:
        return _unknown("帧率", asked, "video.frame_rate", "FrameRate")
    shown = f"{rate:g} 帧/秒"
    if abs(rate - wanted) <= JITTER:
        return Item("帧率", asked, shown)
    if found.text("FrameRate_Mode") == "VFR" and abs(rate - wanted) <= DROPPED * wanted:
        message = f"平均帧率为 {shown}，可能有个别丢帧，请播放检查。"
        remark = warning(
            "video.frame_rate", message, where=_at("FrameRate"), observed=shown, expected=asked, fix=EXPORT_RATE
        )
        return Item("帧率", asked, shown, REMARK, remark)
    message = f"帧率为 {shown}，要求 {asked}。"
    return Item(
        "帧率",
        asked,
        shown,
        BAD,
        _error("video.frame_rate", message, "FrameRate", shown, asked, _export(EXPORT_RATE, profile)),
    )


def _scan(found: Media, profile: VideoProfile) -> Item:
    asked = "或".join(SCANS[s] for s in profile.scans)
    scan = found.scan
    if scan is None:
        return _unknown("扫描方式", asked, "video.scan", "ScanType")
    if scan in profile.scans:
        return Item("扫描方式", asked, SCANS[scan])
    message = f"扫描方式为{SCANS[scan]}，要求{asked}。"
    return Item(
        "扫描方式",
        asked,
        SCANS[scan],
        BAD,
        _error("video.scan", message, "ScanType", SCANS[scan], asked, _export(EXPORT_SCAN, profile)),
    )


def _bit_rate(found: Media, profile: VideoProfile) -> Item:
    low, high, spare = profile.bit_rate_min, profile.bit_rate_max, profile.tolerance
    asked = f"{low / 1e6:g}～{high / 1e6:g} Mbps"
    rate = found.number("BitRate")
    if rate is None:
        return _unknown("视频码率", asked, "video.bit_rate", "BitRate")
    shown = f"{rate / 1e6:.2f} Mbps"
    if low <= rate <= high:
        return Item("视频码率", asked, shown)
    if low * (1 - spare) <= rate <= high * (1 + spare):
        message = f"视频码率 {shown}，在要求的 {asked} 之外，但在容差 {spare:.0%} 以内：{TOLERATED}。"
        remark = note("video.bit_rate", message, where=_at("BitRate"), observed=shown, expected=asked)
        return Item("视频码率", asked, shown, TOLERATED, remark)
    message = f"视频码率 {shown}，{'低' if rate < low else '高'}于要求的 {asked}（只算画面，不含声音）。"
    return Item(
        "视频码率",
        asked,
        shown,
        BAD,
        _error("video.bit_rate", message, "BitRate", shown, asked, _export(EXPORT_BITS, profile)),
    )


def _unknown(name: str, asked: str, rule: str, field: str) -> Item:
    message = f"{name}无法判定：文件没有写明，等待工作人员核实。"
    fix = "可以等待核实，也可以从编辑软件重新导出后再传。"
    remark = warning(rule, message, where=_at(field), observed=UNKNOWN, expected=asked, fix=fix)
    return Item(name, asked, UNKNOWN, UNKNOWN, remark)


def _error(rule: str, message: str, field: str, found: str, asked: str, fix: str, track: str = "Video") -> Finding:
    return error(rule, message, where=_at(field, track), observed=found, expected=asked, fix=fix)


def _export(words: str, profile: VideoProfile) -> str:
    """Return how to export right, with the profile's own figures; the rate aims a fifth above the lower limit."""
    mega = min(profile.bit_rate_min * 1.2, profile.bit_rate_max) / 1e6
    return words.format(width=profile.width, height=profile.height, rate=profile.frame_rate, mega=round(mega))


def _at(field: str, track: str = "Video") -> Where:
    return Where(track=track, field=field)
