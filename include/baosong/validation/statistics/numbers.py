"""Numbers as people write them: 1，234, １２３４, 1.2万人次, 3万余份, 约500人, 近万人, 500+, 十余场.

Exact spellings are normalised with a note where the text changed; rounded or vague ones are read as the number they
state, and say so; what is truly unclear (ranges, several numbers, percentages) is invalid and has no value.
"""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from baosong.rules.catalogue import phrase

Raw = int | float | str | bool | date | datetime | time | timedelta | None
"""What a workbook's reader gives for a cell."""

LARGEST = 10**12
LONGEST = 60

LONGEST_REMARK = 200

_NOTHING = (
    "- -- --- — —— – ― / // /// \\ … …… 无 没有 暂无 未填 空 无此项 无数据 不涉及 不适用 未开展 未举办 未发放 "
    "未投入 未发生 n/a na none null"
)
NONES = frozenset(_NOTHING.split())

_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "俩": 2}
_POWERS = {"十": 1, "百": 2, "千": 3, "万": 4, "亿": 8, "拾": 1, "佰": 2, "仟": 3, "萬": 4, "億": 8}
_MONEY = {"元": 0, "圆": 0, "块钱": 0, "百元": 2, "千元": 3, "万元": 4, "万": 4, "百万元": 6, "千万元": 7, "亿元": 8}

_VAGUE_BEFORE = (
    "大约|大概|约为|约有|约|将近|接近|近|超过|超|逾|至少|不少于|不低于|多达|上|大于|>=|>|≥|≈|~"
    "|不足|不到|小于|少于|<=|<|≤|最多|至多"
)
_PLAIN_BEFORE = "总共|总计|合计|共计|共有|共|达到|达|计|人民币|¥|￥"
_VAGUE_AFTER = "余|多|来|几|左右|上下|以上|以内|\\+"
_SHAPE = re.compile(
    # What was read as words before the number is not tried again: 共计 is 共 and 计, too, so n of them were 2**n ways.
    rf"(?P<before>(?:(?:{_PLAIN_BEFORE}|{_VAGUE_BEFORE})[:]?)*+)"
    rf"(?P<body>[-+]?[0-9.,零〇一二三四五六七八九两俩十百千万亿拾佰仟萬億 ]++)"
    rf"(?P<mid>(?:{_VAGUE_AFTER})?)(?P<power>[万亿千]?)"
    rf"(?P<unit>[^\W\d_]{{0,10}}?(?:[(/]条\)?)?)"
    rf"(?P<after>(?:{_VAGUE_AFTER})*)[。;,]?"
)
_ARABIC = re.compile(r"[-+]?(?:[0-9]+|[0-9]{1,3}(?:[, ][0-9]{3})+)?(?:\.[0-9]+)?")
_SCIENTIFIC = re.compile(r"[0-9](?:\.[0-9]+)?[eE]\+?[0-9]{1,2}")
_STEP = re.compile(r"([0-9.]+|[零〇一二三四五六七八九两俩]+|(?=[十百千万亿拾佰仟萬億]))([十百千万亿拾佰仟萬億]?)")
_UNIT_WORDS = "人次 人 名 位 场 场次 次 项 期 个 份 册 本 块 件 台 套 辆 辆次 车次 篇 条 篇(条) 篇/条 张 幅 家 所 届"
_COUNT_UNITS = frozenset(_UNIT_WORDS.split())
_COUNTED = (
    "活动 资料 材料 宣传资料 宣传材料 宣传品 宣传册 宣传单 宣传页 科普资料 传单 手册 图书 书籍 展板 展品 展牌 展项 车 "
    "车辆 大篷车 报道 新闻报道 新闻 稿件 信息 照片 视频 讲座 科普讲座 专家 学生 师生 群众 干部群众 居民 村民 市民 人员 "
    "工作人员 科技人员 观众 公众 志愿者 参加 参与 受益 受众 整 正"
)
_NOUNS = frozenset(_COUNTED.split())
_CAPITALS = str.maketrans("壹贰叁肆伍陆柒捌玖弍弐參", "一二三四五六七八九二二三")
_RESPELT = (
    ("人/次", "人次"),
    ("场/次", "场次"),
    ("辆/次", "辆次"),
    ("元整", "元"),
    ("元正", "元"),
    ("圆整", "元"),
    ("圆正", "元"),
)
_TEN_THOUSAND = re.compile(r"(?<=[0-9])[wW](?=[^0-9A-Za-z]|$)")
_IN_REMARK = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_ROUGHLY = re.compile(r"约|估|大概|左右|上下|不完全|预计|[余多]$")
_CONTRADICTS = re.compile(r"线[上下]|实[际为]|应|另|外|加|待|暂|更正|改|共|总|合计|不含|未|原|上年|去年|[万亿千百/~-]")


class NumberKind(StrEnum):
    """What a cell that should hold a number holds."""

    BLANK = "blank"
    NONE = "none"
    NUMBER = "number"
    VAGUE = "vague"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A number read from a cell; `value` is None unless `kind` is number or vague; `note` says what was done to it."""

    value: Decimal | None
    kind: NumberKind
    note: str | None = None

    @property
    def exact(self) -> bool:
        """Return whether the cell says exactly this."""
        return self.kind is not NumberKind.VAGUE and self.kind is not NumberKind.INVALID


_BLANK = Parsed(None, NumberKind.BLANK)
_NONE = Parsed(None, NumberKind.NONE)
_INVALID = Parsed(None, NumberKind.INVALID)


def parse_number(raw: Raw, unit: str = "") -> Parsed:
    """Read a cell as a number in `unit` (the form's, 人次 or 万元); never raises."""
    if raw is None or raw == "":
        return _BLANK
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return _INVALID
    if not isinstance(raw, str):
        return _from_float(raw)
    if raw.isascii() and raw.isdecimal() and len(raw) <= 12:
        return Parsed(Decimal(raw), NumberKind.NUMBER)
    return _from_text(raw, unit)


def unit_factor(written: str, unit: str) -> Decimal | None:
    """Return what a figure under the heading `written` is worth in `unit`: 万人次 to 人次 10000; None if unrelated."""
    written = fold(written)
    if written in _MONEY and unit in _MONEY:
        return Decimal(10) ** (_MONEY[written] - _MONEY[unit])
    for power in ("万", "千", "百", "亿"):
        if written == power + fold(unit):
            return Decimal(10) ** _POWERS[power]
    return Decimal(1) if written == fold(unit) else None


def format_decimal(value: Decimal) -> str:
    """Return a number without exponent or idle zeros: 1200, 3.5."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _from_float(raw: int | float) -> Parsed:
    if not math.isfinite(raw) or abs(raw) > LARGEST:
        return _INVALID
    if raw == int(raw):
        return Parsed(Decimal(int(raw)), NumberKind.NUMBER)
    return Parsed(Decimal(format(raw, ".15g")), NumberKind.NUMBER)  # what a workbook holds; more is noise


def _from_text(raw: str, unit: str) -> Parsed:
    text = fold(raw)
    if not text:
        return _BLANK
    if text.lower().strip("()") in NONES:
        return _NONE
    text, remark = _parted(text)
    if text.lower() in NONES and not any(map(str.isdecimal, remark)):  # 无（未开展）
        return _NONE
    if max(len(text), len(remark) - LONGEST_REMARK) > LONGEST or any(
        unicodedata.category(c) == "No" for c in raw[:300]
    ):
        return _INVALID
    parsed = _scientific(text) or _remarked(text, remark, unit)
    if parsed.value is not None and abs(parsed.value) > LARGEST:
        return _INVALID
    if parsed.kind is NumberKind.NUMBER and parsed.value is not None and format_decimal(parsed.value) == raw.strip():
        return Parsed(parsed.value, parsed.kind)
    return parsed


def as_text(value: Raw) -> str:
    """Return a cell as text: 1001.0 is 1001, a date its ISO form, a duration 26:30:00."""
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value).strip().removesuffix(" 00:00:00")


def fold(raw: str) -> str:
    """Return a text in half width, ASCII digits, without control marks or spaces at its ends."""
    if raw.isascii() and raw.isprintable():
        return raw.strip().lstrip("'").strip()
    text = unicodedata.normalize("NFKC", raw)
    return "".join(_folded(c) for c in text).strip().lstrip("'").strip()


def _folded(c: str) -> str:
    if c.isspace():
        return " "
    if c.isdecimal():
        return str(unicodedata.decimal(c))
    return "" if unicodedata.category(c) in ("Cf", "Cc") else c


def _parted(text: str) -> tuple[str, str]:
    """Return a number's text in plain words, and what stands behind it in brackets: 7人, (3名女性)."""
    if (among := text.find("其中")) > 0 and "(" not in text:  # 2665,其中维吾尔文800
        text = f"{text[:among]}({text[among:]})"
    at = text.find("(", 1)
    if at > 0 and text.startswith("(条)", at):
        at = text.find("(", at + 1)
    head, remark = (text[:at], text[at:].rstrip("。;,. ")) if at > 0 and len(text) > at else (text, "")
    if len(head) > LONGEST:
        return head, remark
    head = _TEN_THOUSAND.sub("万", head.translate(_CAPITALS))
    for written, plain in _RESPELT:
        head = head.replace(written, plain)
    return head.rstrip("。;,.、 ") or head, remark


def _remarked(text: str, remark: str, unit: str) -> Parsed:
    """Return the number before a remark, which may name its unit or parts of it, but no other number."""
    inside = remark[1:-1].strip()
    if remark and not remark.endswith(")"):
        return _INVALID
    if not any(c.isdecimal() for c in inside):
        return _told_besides(text, inside, unit)
    parsed = _added(text, unit)
    again = (_spoken(inside, unit), _spoken(f"{inside}元", unit))  # 叁万贰仟元整（¥32,000.00）
    if parsed.value is None or parsed.value in [number.value for number in again]:
        return parsed
    parts = [Decimal(n) for n in _IN_REMARK.findall(inside.replace(",", ""))]
    if _CONTRADICTS.search(inside) or max(parts) > parsed.value or not any(c.isalpha() for c in inside):
        return _INVALID
    return _with_remark(parsed)


def _told_besides(text: str, inside: str, unit: str) -> Parsed:
    """Return a number behind which words stand in brackets: a unit, that it is a rough one, or a remark."""
    if not inside or inside in _COUNT_UNITS or inside == "套":
        return _added(text, unit)
    if inside in _MONEY and unit.endswith("元"):
        return _spoken(text + inside, unit)
    parsed = _added(text, unit)
    if parsed.value is not None and _ROUGHLY.search(inside):
        return _spelled(parsed.value, vague=True)
    return _with_remark(parsed, NumberKind.VAGUE if _CONTRADICTS.search(inside) else NumberKind.NUMBER)


def _with_remark(parsed: Parsed, kind: NumberKind = NumberKind.NUMBER) -> Parsed:
    if parsed.value is None or parsed.kind is NumberKind.VAGUE:
        return parsed
    return Parsed(parsed.value, kind, phrase("number.remarked", value=format_decimal(parsed.value)))


def _added(text: str, unit: str) -> Parsed:
    """Return a number, or the sum of several: 50+7, 30+20=50."""
    left, equals, right = text.partition("=")
    terms = left.split("+")
    if len(terms) == 1 or not all(terms):
        return _spoken(text, unit)
    numbers = [_spoken(term.strip(), unit) for term in terms]
    if any(n.value is None or n.kind is not NumberKind.NUMBER for n in numbers):
        return _INVALID
    total = sum((n.value for n in numbers if n.value is not None), Decimal(0))
    if equals and _spoken(right.strip(), unit).value != total:
        return _INVALID
    return Parsed(total, NumberKind.NUMBER, phrase("number.added", value=format_decimal(total)))


def _scientific(text: str) -> Parsed | None:
    if not _SCIENTIFIC.fullmatch(text):
        return None
    value = Decimal(text)
    return Parsed(value, NumberKind.VAGUE, phrase("number.scientific", value=format_decimal(value)))


def _spoken(text: str, unit: str) -> Parsed:
    match = _SHAPE.fullmatch(text)
    if match is None:
        return _INVALID
    vague = bool(re.search(_VAGUE_BEFORE, match["before"]) or match["mid"] or match["after"])
    value = _amount(match["body"].strip() + match["power"], vague)
    if value is None:
        return _INVALID
    written = _without_noun(match["unit"].strip(), unit)
    if unit.endswith("元"):
        return _money(value, match["body"] + match["power"], written, unit, vague)
    if written in _MONEY or (written and written not in _COUNT_UNITS and written not in fold(unit)):
        return _INVALID
    same = any(c in fold(unit) for c in written) or {written, unit} <= {"人", "名", "位", "人次"}
    if written and unit and not same:
        how = phrase("number.other_unit", written=written, value=format_decimal(value), unit=unit)
        return Parsed(value, NumberKind.VAGUE, how)
    return _spelled(value, vague)


def _without_noun(written: str, unit: str) -> str:
    """Return the unit of 份宣传资料, 人次参加, 元整: what is counted is not looked at."""
    for end in range(len(written), 0, -1):
        known = written[:end] in _COUNT_UNITS or written[:end] in _MONEY or written[:end] == fold(unit)
        if known and (end == len(written) or written[end:] in _NOUNS):
            return written[:end]
    return written


def _spelled(value: Decimal, vague: bool) -> Parsed:
    if vague:
        return Parsed(value, NumberKind.VAGUE, phrase("number.vague", value=format_decimal(value)))
    return Parsed(value, NumberKind.NUMBER, phrase("number.read_as", value=format_decimal(value)))


def _money(value: Decimal, body: str, written: str, unit: str, vague: bool) -> Parsed:
    """Turn an amount with its own unit into the form's; `3万` in a column of 万元 is 3, and asks to be looked at."""
    scale = Decimal(10) ** _MONEY.get(unit, 0)
    if not written:
        if _MONEY.get(unit, 0) >= 4 and re.search("[万亿萬億]", body):
            how = phrase("number.read_in", value=format_decimal(value / scale), unit=unit)
            return Parsed(value / scale, NumberKind.VAGUE, how)
        return _spelled(value, vague)
    if written not in _MONEY:
        return _INVALID
    return _spelled(value * Decimal(10) ** _MONEY[written] / scale, vague)


def _amount(body: str, vague: bool) -> Decimal | None:
    """Return what `1,234`, `1.2万`, `1万2千`, `一百二十` or (where vague) `万` say; None if it is no one number."""
    arabic = re.fullmatch(r"([-+]?[0-9., ]*)([十百千万亿]*)", body)
    if arabic and arabic[1].strip():
        number = _arabic(arabic[1].strip())
        return None if number is None else number.scaleb(sum(_POWERS[c] for c in arabic[2]))
    sign = -1 if body.startswith("-") else 1
    value = _mixed(body.lstrip("+-").replace(" ", ""), vague)
    return None if value is None else sign * value


def _arabic(text: str) -> Decimal | None:
    if not _ARABIC.fullmatch(text) or not any(c.isdecimal() for c in text):
        return None
    return Decimal(text.replace(",", "").replace(" ", ""))


def _mixed(text: str, vague: bool) -> Decimal | None:
    """Add up descending steps of a digit and a power; a power alone counts once for 十 or where the text is vague."""
    total, section, last, before = Decimal(0), Decimal(0), 99, 0
    for number, power in _STEP.findall(text):
        rank = _POWERS.get(power, 0)
        digit = _digit(number, power, vague)
        if digit is None or (rank >= last and rank < 4) or (rank == 0 and last == 0):
            return None
        if not power and before > 1 and number[0] not in "零〇":
            return None  # 三万五: thirty thousand and five, or thirty-five thousand?
        if rank >= 4:
            if total and rank >= last and total < 10**rank:
                return None
            step = section + digit if number else (section or digit)
            total, section = total + step.scaleb(rank), Decimal(0)
        else:
            section += digit.scaleb(rank)
        last, before = 99 if rank >= 4 else rank, rank
    return total + section if total + section > 0 or set(text) <= set("零〇") else None


def _digit(number: str, power: str, vague: bool) -> Decimal | None:
    if not number:
        return Decimal(1) if power in "十拾" or vague else Decimal(0) if power in "万亿萬億" else None
    if number[0] in _DIGITS:
        digits = number.lstrip("零〇")
        if len(digits) > 1:
            return None  # 二三: two or three, or twenty-three?
        return Decimal("".join(str(_DIGITS[c]) for c in digits) or "0")
    return _arabic(number)
