"""How times, sizes, places and other people's texts are said on every page."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# Controls, directional and zero-width marks, lone surrogates, line and paragraph separators: nothing a reader can see.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_PLACES = {"member": "压缩包内“{}”", "sheet": "工作表“{}”", "cell": "单元格 {}", "track": "{}", "page": "第 {} 页"}
_FIELDS = {
    "Format": "文件格式",
    "IsTruncated": "完整性",
    "Width": "分辨率",
    "Rotation": "旋转标记",
    "FrameRate": "帧率",
    "ScanType": "扫描方式",
    "BitRate": "码率",
}
_TRACKS = {"video": "视频轨", "audio": "音频轨", "general": "整个文件"}
CELL_WORDS = {
    "accepted": "已齐",
    "rejected": "已退回，待重新报送",
    "held": "待人工审核",
    "checking": "校验中",
    "missing": "未报送",
}


def visible(text: object) -> str:
    """Return a text with every character that cannot be seen replaced by its code point, `‹U+202E›`."""
    return "".join(f"‹U+{ord(c):04X}›" if unicodedata.category(c) in _UNSEEN else c for c in str(text))


def shortened(text: object, length: int = 60) -> str:
    """Return a visible text of at most `length` characters; its middle gives way, because names end in a suffix."""
    shown = visible(text)
    if len(shown) <= length:
        return shown
    tail = length // 4
    return f"{shown[: length - tail - 1]}…{shown[-tail:]}"


def size_text(size: int) -> str:
    """Return a size in bytes as people say it, in units of 1024."""
    if size < 1024:
        return f"{size} 字节"
    power = 1
    while size >= 1024 ** (power + 1) and power < 3:
        power += 1
    return f"{size / 1024**power:.1f}".removesuffix(".0") + f" {'KMG'[power - 1]}B"


def moment(at: datetime, zone: ZoneInfo) -> str:
    """Return a time of day in the campaign's zone, `2023-06-01 15:30`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def remaining(deadline: datetime, now: datetime) -> str:
    """Return what is left until the deadline, or how long it has passed."""
    left = deadline - now
    if abs(left) < timedelta(minutes=1):
        return "距截止不足 1 分钟" if left > timedelta(0) else "刚过截止时间"
    if left > timedelta(0):
        return f"距截止还有 {_span(left)}"
    return f"已超过截止时间 {_span(-left)}"


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {rest} 分钟" if rest else f"{hours} 小时"
    return f"{rest} 分钟"


def place_text(where: Mapping[str, Any]) -> str:
    """Return the place of a finding in words; a finding without one is about the whole file."""
    said = []
    for key, phrase in _PLACES.items():
        if where.get(key):
            said.append(phrase.format(visible(_TRACKS.get(str(where[key]).lower(), where[key]))))
    if where.get("field"):
        said.append(visible(_FIELDS.get(str(where["field"]), where["field"])))
    return "，".join(said) or "整个文件"
