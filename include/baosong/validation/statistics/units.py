"""Whose sheet it is: the prefecture that a unit's name tells, also 天山区科技局 or 乌鲁木齐市科技局（昌吉路）."""

from __future__ import annotations

import re
from functools import lru_cache

from baosong.campaign import Campaign, Prefecture
from baosong.rules.words import alike
from baosong.validation.statistics.numbers import fold

LONGEST = 400  # characters of a cell that are looked at
_BRACKETS = re.compile(r"[(\[【〔][^()\[\]【】〔〕]*[)\]】〕]?")  # an address, whom a copy goes to
_COPIES = re.compile("抄送|抄报|主送|地址|住址|联系")
_PARTS = re.compile("[,、;/|]")
_STREET = "(?![东西南北中]?(?:路|街|大道|大街|巷|胡同|大厦|宾馆|酒店|饭店|小区|社区))"


def named_prefecture(text: str, campaign: Campaign) -> Prefecture | None:
    """Return the prefecture that a unit's name tells; of several units the first one's."""
    return next(iter(named_prefectures(text, campaign)), None)


def named_prefectures(text: str, campaign: Campaign) -> list[Prefecture]:
    """Return the prefectures of the units that a text names: 伊犁哈萨克自治州塔城地区科技局 is one, 塔城地区's.

    What stands in brackets, and whom a copy goes to, names nobody, unless nothing else does.
    """
    squeezed = alike(fold(text[:LONGEST]))
    units = tuple((name, p.code) for p in campaign.prefectures for name in (*p.names, *p.counties))
    pattern, codes = _pattern(units)
    for plain in (_COPIES.split(_BRACKETS.sub("", squeezed))[0], _COPIES.split(squeezed)[0]):
        found = [pattern.findall(part) for part in _PARTS.split(plain)]
        named = list(dict.fromkeys(codes[names[-1]] for names in found if names))
        if named:
            return [p for code in named for p in campaign.prefectures if p.code == code]
    return []


@lru_cache(maxsize=16)
def _pattern(units: tuple[tuple[str, str], ...]) -> tuple[re.Pattern[str], dict[str, str]]:
    """Return what finds the names of units, and the code of each; a street that is called like one is none."""
    codes = {alike(name): code for name, code in reversed(units)}
    names = "|".join(map(re.escape, sorted(codes, key=len, reverse=True)))
    return re.compile(f"(?:{names}){_STREET}"), codes
