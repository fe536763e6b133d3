"""Times, sizes, locations and other people's texts as every page shows them."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

# Controls, directional and zero-width marks, lone surrogates, line and paragraph separators: nothing a reader can see.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_LOCATIONS = {"member": "压缩包内“{}”", "sheet": "工作表“{}”", "cell": "单元格 {}", "track": "{}", "page": "第 {} 页"}
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
_NOT_XML = re.compile(r"[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# One dot between the parts of a name, one letter for those that keyboards of Uyghur, Kazakh and Kyrgyz confuse, and
# nothing for what only joins or parts letters.
_ALIKE = str.maketrans(
    dict.fromkeys("•・‧∙⋅.", "·")
    | dict.fromkeys("ېىی", "ي")
    | dict.fromkeys("ەھ", "ه")
    | {"ک": "ك"}
    | dict.fromkeys("ـ\xad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\u2066\u2067\u2068\u2069\ufeff", "")
)
# Few names hold any of them, and to translate takes longer than to look.
_OTHER = re.compile(f"[{re.escape(''.join(map(chr, _ALIKE)))}]")
_RIGHT_TO_LEFT = re.compile(
    r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+(?:[\s·.,-]*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]+)*+"
)
_LONGEST = 32767  # characters that a cell of Excel holds
CELL_WORDS = {
    "accepted": "已齐",
    "rejected": "已退回，待重新报送",
    "held": "待人工审核",
    "checking": "校验中",
    "missing": "未报送",
}


def escape_invisible(text: object) -> str:
    """Return a text whose invisible characters are replaced by their code points, `‹U+202E›`."""
    return "".join(f"‹U+{ord(c):04X}›" if unicodedata.category(c) in _INVISIBLE else c for c in str(text))


def alike(name: str) -> str:
    """Return what two spellings of a name have in common: no spaces, width, joined shapes, one sort of interpunct."""
    plain = unicodedata.normalize("NFKC", name)
    return "".join((plain.translate(_ALIKE) if _OTHER.search(plain) else plain).split()).lower()


def isolated(text: object) -> str:
    """Return a text as HTML, invisible characters escaped, what is written from right to left apart from the rest.

    Else the signs and figures beside a Uyghur or Kazakh word change places with it.
    """
    escaped = html.escape(escape_invisible(text))
    return _RIGHT_TO_LEFT.sub(lambda found: f"<bdi>{found[0]}</bdi>", escaped)


def strip_control(text: str) -> str:
    """Return a text without the characters that XML forbids, cut to the length of an Excel cell."""
    return _NOT_XML.sub("", text)[:_LONGEST]


def ellipsize(text: object, length: int = 60) -> str:
    """Return a text of at most `length` characters, invisible ones escaped.

    Its middle is cut, not its end, because a file's name ends in what tells its type.
    """
    shown = escape_invisible(text)
    if len(shown) <= length:
        return shown
    tail = length // 4
    return f"{shown[: length - tail - 1]}…{shown[-tail:]}"


def size_text(size: int) -> str:
    """Return a size in bytes with its unit, in powers of 1024."""
    if size < 1024:
        return f"{size} 字节"
    power = 1
    while size >= 1024 ** (power + 1) and power < 3:
        power += 1
    return f"{size / 1024**power:.1f}".removesuffix(".0") + f" {'KMG'[power - 1]}B"


def time_text(at: datetime, zone: ZoneInfo) -> str:
    """Return a time of day in the campaign's zone, `2023-06-01 15:30`."""
    return at.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def elapsed_text(elapsed: timedelta) -> str:
    """Return how long something took: seconds below a minute, then as in `remaining_text`."""
    return _span(elapsed) if elapsed >= timedelta(minutes=1) else f"{max(int(elapsed.total_seconds()), 0)} 秒"


def remaining_text(deadline: datetime, now: datetime) -> str:
    """Return the time left until the deadline, or since it."""
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


def location_text(where: Mapping[str, Any]) -> str:
    """Return the location of a finding in words; without one it is about the whole file."""
    parts = []
    for key, phrase in _LOCATIONS.items():
        if where.get(key):
            parts.append(phrase.format(escape_invisible(_TRACKS.get(str(where[key]).lower(), where[key]))))
    if where.get("field"):
        parts.append(escape_invisible(_FIELDS.get(str(where["field"]), where["field"])))
    return "，".join(parts) or "整个文件"
