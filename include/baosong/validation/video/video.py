"""The video check: the campaign's profile against MediaInfo's words, item by item, with how to mend what is wrong.

Cheap first: the headers and the end of a stream decide nearly every file. Only an MPG whose answer hangs on the exact
bit rate is parsed whole, because its headers declare a rate that the essence need not have. A file that is not here
(`Source.remote`) is not read whole for that: its answer waits until it is read for its archive anyway, see `settle`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from baosong.campaign import VideoProfile
from baosong.rules.findings import Checked, Finding, Where, error, note, warning
from baosong.store.source import Source
from baosong.validation.video import media_info, stream_end
from baosong.validation.video.media_info import Media
from baosong.validation.video.stream_end import End

GOOD, TOLERATED, BAD, UNKNOWN, REMARK = "合格", "合格（容差内）", "不合格", "无法判定", "合格（有提示）"
NEAR = 0.05  # how near to a limit the exact rate is worth parsing a whole MPG
IMPOSSIBLE = 1.1  # times the declared maximum: such a rate comes of time stamps that start anew, not of pictures
JITTER = 0.05  # frames a second within which a rate is the one asked for
DROPPED = 0.02  # share of frames that a variable rate may have lost before it is another rate
STREAMS = ("MPEG-PS", "MPEG-TS")
CONTAINERS = {"MPEG-PS": "mpg（MPEG-PS）", "MPEG-TS": "mpg（MPEG-TS）"}
SCANS = {"interlaced": "隔行", "progressive": "逐行", "mixed": "开头逐行、结尾隔行"}
BIT_RATE = "视频码率"
CHUNK = 8 << 20

EXPORT_SIZE = "请把工程（序列）和导出都设为 {width}×{height}、方形像素。手机请横拍，不要把小画面放大充数。"
EXPORT_RATE = "请把工程（序列）和导出都设为每秒 {rate} 帧（50i 就是每秒 25 帧）。"
EXPORT_SCAN = "请按要求的扫描方式重新导出，整段保持一致。"
EXPORT_BITS = "请按固定码率（CBR）{mega} Mbps 重新导出；只改文件名或重新封装不会改变码率。"
EXPORT_CONTAINER = "只改扩展名不能改变格式，请从编辑软件重新导出为 MOV 或 mpg。"
SEND_AGAIN = "请先在本机完整播放一遍；能播放就重新上传并等进度走完，不能播放就从编辑软件重新导出。"
TURN = "请在编辑软件里把画面转正，再重新导出。"
EXPORTED = {f"video.{rule}" for rule in ("container", "resolution", "frame_rate", "scan", "bit_rate")}
# What each editor offers. ProRes takes no bit rate: of its kinds, only LT lies between 50 and 100 Mbps.
EXPORTS = {
    "Premiere": (
        "序列设为 {width}×{height}、{rate} 帧、方形像素。导出 mpg：格式选 MPEG2，场序选高场优先（50i）或逐行（25P），"
        "比特率编码选 CBR，{mega} Mbps，“多路复用器”选 MPEG-2（选“无”会得到声画分开的两个文件）。"
        "导出 MOV：格式选 QuickTime，编解码器"
        "选 Apple ProRes 422 LT（约 85 Mbps；422、422 HQ 超过上限，Proxy 不到下限）。"
    ),
    "EDIUS": (
        "工程设为 {width}×{height} 50i 或 25p。输出到文件，选 MPEG2 程序流：比特率选 CBR，平均值填 {mega}000000，"
        "场序选上场优先；或选 Apple ProRes（MOV），品质选 LT。"
    ),
    "剪映": (
        "导出：分辨率 {height}P，帧率 {rate}fps，格式 mov，码率选“自定义”，填 {mega}000 Kbps，选 CBR。"
        "剪映只导出逐行画面，符合 25P。"
    ),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the answer: what was asked, what was found, the word for it, and the finding if there is one."""

    name: str
    asked: str
    found: str
    verdict: str = GOOD
    finding: Finding | None = None


def check(source: Source, profile: VideoProfile) -> Checked:
    """Judge a video file; facts carry the table of items, the cost of reading, and `undecided` if the answer waits."""
    try:
        found = media_info.inspect(source)
    except media_info.Unparsable as e:
        return _unparsable(str(e))
    end = stream_end.look(source, found.container) if found.video and not found.cut_short else None
    cost = source.cost()
    if (end and end.damaged) or not needs_exact(found, profile):
        return _checked(found, judge(found, profile, end), profile, cost)
    if source.remote:
        items = [item for item in judge(found, profile, end) if item.name != BIT_RATE]  # in doubt it says nothing yet
        checked = _checked(found, items, profile, cost)
        checked.facts |= {"undecided": True, "end": asdict(end) if end else None}
        return checked
    with media_info.WholeParse(source.size) as parse, source.open() as film:
        while chunk := film.read(CHUNK):
            parse.feed(chunk)
        return _settled(parse, end, profile, cost)


def settle(parse: media_info.WholeParse, profile: VideoProfile, facts: Mapping[str, Any]) -> Checked:
    """Judge a file whose answer waited, after every byte of it was fed to `parse`; `facts` are those of `check`."""
    end = End(**facts["end"]) if facts.get("end") else None
    return _settled(parse, end, profile, {name: facts.get(name) for name in ("bytes_read", "requests")})


def needs_exact(found: Media, profile: VideoProfile) -> bool:
    """Return whether the answer hangs on every byte: a whole MPG whose headers leave a field out or a rate in doubt."""
    if found.video is None or found.cut_short or found.container not in STREAMS:
        return False
    rate, declared = found.number("BitRate"), found.number("BitRate_Maximum")
    if rate is None or found.scan is None:
        return True
    limits = (profile.bit_rate_min, profile.most(found.codecs))
    near = any(abs(rate - limit) <= NEAR * limit for limit in limits)
    return near or (declared is not None and rate > declared * IMPOSSIBLE)


def judge(found: Media, profile: VideoProfile, end: End | None = None) -> list[Item]:
    """Return all items of the profile at once; a file without a picture is judged on that alone."""
    items = [_container(found, profile), _complete(found, end)]
    if found.video is None:
        return items if found.cut_short else [*items[:1], _no_picture()]
    judges: list[Callable[[Media, VideoProfile], Item]] = [_resolution, _rotation, _frame_rate]
    items += [judge_one(found, profile) for judge_one in judges]
    torn = items[1].verdict == BAD and found.container in STREAMS  # a stream's rate is its size by its length
    return [*items, _scan(found, profile, end), _torn_rate(profile) if torn else _bit_rate(found, profile)]


def _settled(parse: media_info.WholeParse, end: End | None, profile: VideoProfile, cost: dict[str, Any]) -> Checked:
    try:
        found = parse.media()
    except media_info.Unparsable as e:
        return _unparsable(str(e))
    return _checked(found, judge(found, profile, end), profile, cost)


def _checked(found: Media, items: list[Item], profile: VideoProfile, cost: dict[str, Any]) -> Checked:
    findings = [item.finding for item in items if item.finding]
    bad = any(item.verdict == BAD for item in items)
    held = any(item.verdict == UNKNOWN for item in items) and not bad
    return Checked(findings=findings, facts=_facts(found, profile, items) | cost, held=held)


def _facts(found: Media, profile: VideoProfile, items: list[Item]) -> dict[str, Any]:
    """Return what is worth keeping of a parse, as JSON values."""
    export = any(item.verdict == BAD and item.finding and item.finding.rule in EXPORTED for item in items)
    return {
        "container": found.container,
        "width": found.number("Width"),
        "height": found.number("Height"),
        "frame_rate": found.number("FrameRate"),
        "scan_type": found.scan,
        "bit_rate": None if found.in_pieces else found.number("BitRate"),
        "duration": found.number("Duration"),
        "codec": found.text("Format"),
        "exact": found.exact,
        "mediainfo": found.library,
        "profile": profile.text,
        "table": [{"item": i.name, "asked": i.asked, "found": i.found, "verdict": i.verdict} for i in items],
        "exports": {editor: _export(words, profile) for editor, words in EXPORTS.items()} if export else {},
    }


def _unparsable(why: str) -> Checked:
    bad = _error(
        "video.damaged", "文件结构异常，无法解析。", "Format", "解析中断", "能正常播放的文件", SEND_AGAIN, "General"
    )
    return Checked(findings=[bad], facts={"unparsable": why})


def _container(found: Media, profile: VideoProfile) -> Item:
    both = set(STREAMS) <= set(profile.containers)
    asked = " 或 ".join(
        dict.fromkeys("mpg" if c in STREAMS and both else CONTAINERS.get(c, c) for c in profile.containers)
    )
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


def _complete(found: Media, end: End | None) -> Item:
    asked = "完整，能播放到结尾"
    if found.video is None or found.cut_short:
        lost = "索引（moov）缺失，无法播放" if found.video is None else "结尾缺失，可能没有传完或录制中断"
        return _damaged(asked, "结尾缺失", lost)
    if end is None:
        indexed = found.container in ("MOV", "MP4")
        return Item("完整性", asked, "索引与文件长度相符" if indexed else "未发现缺失")
    if end.damaged:
        return _damaged(asked, "结尾无法解码", "结尾的画面无法解码，可能没有传完、拷贝中断或磁盘有坏块")
    return (
        Item("完整性", asked, "结尾可正常解码")
        if end.pictures
        else _unknown("完整性", asked, "video.damaged", "IsTruncated")
    )


def _damaged(asked: str, shown: str, why: str) -> Item:
    bad = _error("video.damaged", f"文件不完整：{why}。", "IsTruncated", shown, asked, SEND_AGAIN, "General")
    return Item("完整性", asked, shown, BAD, bad)


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
            "video.frame_rate",
            message,
            where=_at("FrameRate"),
            observed=shown,
            expected=asked,
            fix=_export(EXPORT_RATE, profile),
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


def _scan(found: Media, profile: VideoProfile, end: End | None) -> Item:
    asked = "或".join(SCANS[s] for s in profile.scans)
    scan = found.scan
    if scan is None:
        return _unknown("扫描方式", asked, "video.scan", "ScanType")
    mixed = scan == "progressive" and end is not None and end.interlaced
    shown = SCANS["mixed" if mixed else scan]
    if scan not in profile.scans or (mixed and "interlaced" not in profile.scans):
        message = f"扫描方式为{shown}，要求{asked}。"
        bad = _error("video.scan", message, "ScanType", shown, asked, _export(EXPORT_SCAN, profile))
        return Item("扫描方式", asked, shown, BAD, bad)
    if mixed:
        return _unknown("扫描方式", asked, "video.scan", "ScanType", shown)
    return Item("扫描方式", asked, shown)


def _bit_rate(found: Media, profile: VideoProfile) -> Item:
    low, high, spare = profile.bit_rate_min, profile.most(found.codecs), profile.tolerance
    asked = _rates(low, high)
    rate = found.number("BitRate")
    if found.in_pieces:
        return _unknown(BIT_RATE, asked, "video.bit_rate", "BitRate", "分段录制（fragmented）的 MOV，没有总索引")
    if rate is None:
        return _unknown(BIT_RATE, asked, "video.bit_rate", "BitRate")
    shown = f"{rate / 1e6:.2f} Mbps"
    if low <= rate <= high:
        return Item(BIT_RATE, asked, shown)
    if low * (1 - spare) <= rate <= high * (1 + spare):
        message = f"视频码率 {shown}，在要求的 {asked} 之外，但在容差 {spare:.0%} 以内：{TOLERATED}。"
        remark = note("video.bit_rate", message, where=_at("BitRate"), observed=shown, expected=asked)
        return Item(BIT_RATE, asked, shown, TOLERATED, remark)
    message = f"视频码率 {shown}，{'低' if rate < low else '高'}于要求的 {asked}（只算画面，不含声音）。"
    return Item(
        BIT_RATE,
        asked,
        shown,
        BAD,
        _error("video.bit_rate", message, "BitRate", shown, asked, _export(EXPORT_BITS, profile)),
    )


def _torn_rate(profile: VideoProfile) -> Item:
    return Item(BIT_RATE, _rates(profile.bit_rate_min, profile.bit_rate_max), "文件不完整，未判定", UNKNOWN)


def _rates(low: int, high: int) -> str:
    return f"{low / 1e6:g}～{high / 1e6:g} Mbps"


def _unknown(name: str, asked: str, rule: str, field: str, shown: str = UNKNOWN) -> Item:
    why = "文件没有写明" if shown == UNKNOWN else shown
    message = f"{name}无法判定：{why}，等待工作人员核实。"
    fix = "可以等待核实，也可以从编辑软件重新导出后再传。"
    remark = warning(rule, message, where=_at(field), observed=shown, expected=asked, fix=fix)
    return Item(name, asked, shown, UNKNOWN, remark)


def _error(rule: str, message: str, field: str, found: str, asked: str, fix: str, track: str = "Video") -> Finding:
    return error(rule, message, where=_at(field, track), observed=found, expected=asked, fix=fix)


def _export(words: str, profile: VideoProfile) -> str:
    """Return how to export right, with the profile's own figures; the rate aims a fifth above the lower limit."""
    mega = min(profile.bit_rate_min * 1.2, profile.bit_rate_max) / 1e6
    return words.format(width=profile.width, height=profile.height, rate=profile.frame_rate, mega=round(mega))


def _at(field: str, track: str = "Video") -> Where:
    return Where(track=track, field=field)
