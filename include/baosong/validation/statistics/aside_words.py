"""What the texts of a list say that are no activity's: 以下空白, 全市合计, 注：…, 填表人：…, 甲县, 一、启动仪式.

The words stand in the form; here is how they may be joined. Each text is looked at once, and only its first characters.
"""

from __future__ import annotations

import re

from baosong.validation.statistics.numbers import fold
from baosong.validation.statistics.tables import key, short_key

LONGEST = 40  # characters of a text that are looked at
LONGEST_SCOPE = 12  # 沙依巴克区各街道 小计
LONGEST_NAME, LEAST_SENTENCE = 100, 8
LONGEST_PERSON = 20
NUMBERING = re.compile(r"[(（第]?(?:\d{1,5}|[一二三四五六七八九十百]{1,4}|[①-⑳IVXⅠ-Ⅻ])(?:[)）、.．:：]|部分|章|类)?")
_SECTION = re.compile(
    r"第?[一二三四五六七八九十百]{1,4}(?:[、.．)章]|部分)|[(（](?:[一二三四五六七八九十百]{1,4})[)）]"
)
_COUNT_LINE = re.compile(
    r"(?:以上|本页|本表|活动|全[市县区州]|[总合一]?共计?|总计|合计|累计|举办|开展|有){1,4}[\d一二三四五六七八九十百]{1,9}[项场个次期]"
)
_DAY = re.compile(r"(?:20\d\d|二[〇零○]二.)年[\d一二三四五六七八九十]{0,3}月[\d一二三四五六七八九十]{0,3}[日号]?")
_SIGNED = re.compile(r"(?:盖章|公章|签章)处?$")
_NO_PLACE = re.compile(r"[进下走到入送]|[社校小园景库牧灾]区$|[夜早超集菜城门都]市$")
_NOTE_END = ":、.)】]"
_PERSONS = ("人", "员", "长", "领导")
_MARKS = "([【*※★▲#☆◆ "


class AsideWords:
    """The form's words, ready to be compared with the text of a cell."""

    def __init__(
        self,
        ends: tuple[str, ...],
        totals: tuple[str, ...],
        notes: tuple[str, ...],
        signatures: tuple[str, ...],
        places: tuple[str, ...],
        sections: tuple[str, ...],
    ) -> None:
        self._ends = {key(word) for word in ends}
        self._totals = {key(word) for word in totals}
        self._long_totals = [word for word in self._totals if len(word) > 1]  # 设计 is no 计
        self._notes = sorted({fold(word).lower() for word in notes}, key=len, reverse=True)
        self._signatures = {spell(word) for word in signatures for spell in (key, short_key)}
        self._places = places
        self._sections = {key(word) for word in sections}

    def is_any(self, text: str) -> bool:
        """Return whether a text is an end mark, a total, a note, a signature or its day, or a sentence."""
        if self.is_fixed(text) or self.is_total(text) or _DAY.fullmatch(key(text[:LONGEST])):
            return True
        return "。" in text[LEAST_SENTENCE:] or len(text) > LONGEST_NAME

    def is_fixed(self, text: str) -> bool:
        """Return whether no activity can be called so: 合计, 以下空白, 注：…, 填表人：…"""
        short = key(text[:LONGEST])
        return not short or short in self._totals or self.ends_the_list(text)

    def ends_the_list(self, text: str) -> bool:
        """Return whether after such a text there are only more of its kind: an end mark, a note, a signature."""
        if not text:
            return False
        return key(text[:LONGEST]) in self._ends or self._is_note(text) or self._is_signature(text)

    def is_section(self, text: str) -> bool:
        """Return whether a text that stands alone in its row heads those below it: 一、…, 甲县, 讲座报告类."""
        short = short_key(text[:LONGEST])
        if _SECTION.match(fold(text[:LONGEST])) or short.removesuffix("活动").removesuffix("类") in self._sections:
            return True
        return len(short) <= LONGEST_SCOPE and short.endswith(self._places) and not _NO_PLACE.search(short)

    def is_total(self, text: str) -> bool:
        """Return whether a text is a total's, with its scope or its count: 甲县小计, 合计6项, 共6项活动."""
        whole, plain = key(text[:LONGEST]), short_key(text[:LONGEST])
        if whole in self._totals or plain in self._totals or _COUNT_LINE.match(whole):
            return True
        return any(self._is_scoped(word, whole) or self._is_scoped(word, plain) for word in self._long_totals)

    def _is_scoped(self, word: str, short: str) -> bool:
        if short.startswith(word) and short[len(word) :][:1].isdecimal():
            return True
        return short.endswith(word) and len(short) - len(word) <= LONGEST_SCOPE

    def _is_note(self, text: str) -> bool:
        plain = fold(text[: 2 * LONGEST]).lower().lstrip(_MARKS)
        word = next((w for w in self._notes if plain.startswith(w)), None)
        if word is None:
            return False
        rest = plain[len(word) :].lstrip(" 0123456789一二三四五")
        return not rest or rest[0] in _NOTE_END

    def _is_signature(self, text: str) -> bool:
        """Return whether a text is a signature's label, with its value or without: 填表人：某某, 单位负责人（签字）."""
        label, colon, _ = fold(text[: 2 * LONGEST]).strip().partition(":")
        if short_key(label) in self._signatures or key(label) in self._signatures:
            return True
        if not colon and _SIGNED.search(key(label)):
            return True
        first, space, value = label.partition(" ")
        named = first.endswith(_PERSONS) and short_key(first) in self._signatures
        return bool(space) and named and len(value) <= LONGEST_PERSON
