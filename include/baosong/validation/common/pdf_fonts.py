"""What the codes in a PDF's text mean, where pypdf does not know it: a font is told its codec before its text is taken.

A code that nobody can know comes out as a character of the private plane 15, so that whoever takes the text can tell
what could not be read from what could. The names are those of Adobe's predefined CMaps (ISO 32000-2, 9.7.5.2).
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import partial
from typing import Any

from pypdf import _cmap
from pypdf._codecs import charset_encoding
from pypdf.generic import DictionaryObject, NameObject, StreamObject

LOST = 0xF0000  # a code without a meaning is this much and itself
BOX = chr(LOST)  # glyph 0 is seen as a box, whatever a table says of it: the font lacks the character
FEWEST_LOST = 3  # different ones: bullets are fewer, a classification mark is not
MOST_ODD = 0.1  # the share of a text that may be control characters or of private use

# Adobe-GB1's glyphs of GB 2312: (first glyph, place of its character in the standard's 94 x 94, how many follow)
_GB1 = (
    (96, 0, 4), (100, 4, 5), (106, 10, 84), (190, 110, 50), (240, 162, 10), (250, 174, 12), (262, 188, 177),
    (439, 376, 86), (525, 470, 24), (549, 502, 24), (602, 564, 33), (635, 612, 33), (668, 658, 26), (700, 694, 37),
    (738, 755, 76), (940, 1410, 3755), (4695, 5170, 3008),
)  # fmt: skip
_GB1_STARTS = [first for first, _, _ in _GB1]
_CODECS = {  # of predefined CMaps, without their direction
    "GBKp-EUC": "gb18030",
    "GBT-EUC": "gb18030",
    "B5pc": "big5",
    "HKscs-B5": "big5hkscs",
    "EUC": "euc_jp",
    "90msp-RKSJ": "cp932",
    "90pv-RKSJ": "cp932",
    "KSC-EUC": "cp949",
    "KSCms-UHC": "cp949",
}
_UNICODE = {"UTF8": "utf-8", "UTF16": "utf-16-be", "UTF32": "utf-32-be", "UCS2": "utf-16-be"}
_PREDEFINED = re.compile(r"/(?:Uni\w+-(?P<uni>UTF8|UTF16|UTF32|UCS2)|(?P<name>[\w-]+?))(?:-HW)?-[HV]")
_SYMBOLS = re.compile(r"(?i)wingdings|webdings|symbol|dingbat|marlett|bullet|mt ?extra")
_CORE = ("/Helvetica", "/Times-", "/Courier", "/Symbol", "/ZapfDingbats")
_SYMBOLIC = 4

# Chromium and others write a glyph that is both a radical and a character as the radical, Word letters in their shapes.
_RADICALS = dict(
    zip(
        "⺂⺃⺅⺉⺎⺏⺐⺒⺓⺔⺕⺖⺘⺙⺛⺞⺟⺠⺡⺣⺦⺨⺫⺭⺯⺰⺱⺲⺹⺺⺾⻁⻂⻃⻅⻆⻈⻉⻋⻌⻐⻑⻒⻓⻔⻖⻘⻙⻚⻛⻜⻝⻟⻠⻢⻣⻤⻥⻦⻧⻨⻩⻪⻫⻬⻮⻯⻰⻱⻲⻳",
        "乛乚亻刂兀尣尢巳幺彑彐忄扌攵旡歺母民氵灬丬犭罒礻糹纟罓罒耂肀艹虎衤覀见角讠贝车辶钅長镸长门阝青韦页风飞食飠饣马骨鬼鱼鸟卤麦黄黾斉齐齿竜龙龜亀龟",
        strict=True,
    )
)
_SHAPES = {
    ord(c): plain
    for first, last in ((0x2E80, 0x2FDF), (0xFB00, 0xFB06), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE))
    for c in map(chr, range(first, last + 1))
    if (plain := _RADICALS.get(c, unicodedata.normalize("NFKC", c))) != c
}


def as_written(text: str) -> str:
    """Return a text with radicals as the characters that they look like, and letters out of their joined shapes."""
    return text if text.isascii() else text.translate(_SHAPES)


def parted(text: str) -> tuple[str, bool]:
    """Return what of a text is legible, and whether enough of it is not to hide words."""
    kept = "".join(c for c in text if ord(c) < LOST)
    odd = sum(_is_odd(c) for c in kept) + text.count(BOX)
    return kept, len(set(text) - set(kept)) >= FEWEST_LOST or (odd > FEWEST_LOST and odd > MOST_ODD * len(kept))


def _is_odd(c: str) -> bool:
    """Return whether a character is no writing; U+F000 and on are the codes of symbol fonts."""
    code = ord(c)
    return (code < 32 and not c.isspace()) or code == 0xFFFD or 0xE000 <= code < 0xF000


def settle(font: Any) -> None:
    """Tell a font its codec, in place, where pypdf would read rubbish; a font that pypdf reads right stays as it is."""
    to_unicode = font.get("/ToUnicode")
    if to_unicode is not None and not _maps(to_unicode.get_object()):
        del font["/ToUnicode"]
    (_settle_composite if font.get("/Subtype") == "/Type0" else _settle_simple)(font)


def _maps(to_unicode: Any) -> bool:
    return not isinstance(to_unicode, StreamObject) or b"beginbf" in to_unicode.get_data()


def _settle_composite(font: Any) -> None:
    encoding = _resolved(font, "/Encoding")
    if isinstance(encoding, DictionaryObject):
        name, is_known = str(encoding.get("/CMapName", "")), False  # a copy of a map that has a name
    else:
        name, is_known = str(encoding), encoding in _cmap._predefined_cmap
    is_identity = name.startswith("/Identity")
    if is_identity and isinstance(_resolved(font, "/ToUnicode"), StreamObject):
        _TABLES.append(frozenset(_cmap.get_encoding(font)[1]) - {"\0"})
        _tell(font, f"baosong_table_{len(_TABLES) - 1}")
        return
    if is_known and ("/ToUnicode" in font or not is_identity):
        return
    if "/ToUnicode" in font:
        _tell(font, _codec_of(name) or "utf-16-be")
    else:
        _tell(font, _codec_of_glyphs(font) if is_identity else _codec_of(name) or "baosong_lost_2")


def _codec_of(encoding: str) -> str | None:
    if not (found := _PREDEFINED.fullmatch(encoding)):
        return None
    return (
        _UNICODE[found["uni"]] if found["uni"] else _CODECS.get(found["name"]) or _cmap._predefined_cmap.get(encoding)
    )


def _codec_of_glyphs(font: Any) -> str:
    """Return how to read numbers of glyphs: those of a known collection, or characters behind a table of their own."""
    descendants = _resolved(font, "/DescendantFonts") or []
    for descendant in (d.get_object() for d in descendants[:1]):
        ordering = str((_resolved(descendant, "/CIDSystemInfo") or {}).get("/Ordering", ""))
        if ordering == "GB1":
            return "baosong_gb1"
        if ordering == "UCS" or isinstance(_resolved(descendant, "/CIDToGIDMap"), StreamObject):
            return "utf-16-be"
    return "baosong_lost_2"


def _settle_simple(font: Any) -> None:
    name = str(font.get("/BaseFont", ""))
    if "/ToUnicode" in font or _SYMBOLS.search(name):
        return
    encoding = _resolved(font, "/Encoding")
    if isinstance(encoding, dict) and "/Differences" in encoding:
        if _says_nothing([n for n in _resolved(encoding, "/Differences") if isinstance(n, str)]):
            _tell(font, "baosong_lost_1")
    elif encoding is None and _has_own_codes(font):
        _tell(font, "baosong_lost_1")
    elif "/Widths" in font or not name.startswith(_CORE):
        base = encoding.get("/BaseEncoding") if isinstance(encoding, dict) else encoding
        _tell(font, f"baosong_gbk_or_{str(base or '/StandardEncoding')[1:].lower()}")


def _says_nothing(names: list[str]) -> bool:
    """Return whether most glyphs have names such as /g23, which nobody can know."""
    unknown = sum(not _cmap._glyph_name_to_unicode(name) for name in names if name != "/.notdef")
    return unknown >= FEWEST_LOST and 2 * unknown > len(names)


def _has_own_codes(font: Any) -> bool:
    """Return whether a font is carried along with codes of its own, which no table explains."""
    descriptor = _resolved(font, "/FontDescriptor") or {}
    symbolic = int(descriptor.get("/Flags", 0)) & _SYMBOLIC
    return font.get("/Subtype") == "/TrueType" and "/FontFile2" in descriptor and bool(symbolic)


def _resolved(holder: Any, key: str) -> Any:
    value = holder.get(key)
    return value.get_object() if hasattr(value, "get_object") else value


def _tell(font: Any, codec: str) -> None:
    """Give a font an encoding under whose name pypdf finds the codec."""
    name = f"/Baosong-{codec}"
    _cmap._predefined_cmap[name] = codec
    font[NameObject("/Encoding")] = NameObject(name)


# --- the codecs


def decode_gbk(data: bytes) -> str | None:
    """Return bytes read as GBK where they are Chinese in it: half of it common characters; else None.

    Letters with accents do not stand in pairs as Chinese does, and where they do they are rare characters.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return None
    wide = [c for c in text if c > "\x7f"]
    return text if wide and 2 * sum(map(_is_common, wide)) >= len(wide) else None


def _is_common(c: str) -> bool:
    """Return whether a character is a sign or one of the 3,755 most frequent characters of GB 2312."""
    code = c.encode("gb18030")
    return len(code) == 2 and 0xA1 <= code[0] <= 0xD7 and code[1] >= 0xA1


def _gbk_or(base: str, data: bytes, _errors: str = "strict") -> tuple[str, int]:
    data = bytes(data)
    text = None if data.isascii() else decode_gbk(data)
    return "".join(map(_LATIN.get(base, _LATIN["standardencoding"]).__getitem__, data)) if text is None else text, len(
        data
    )


def _lost(width: int, data: bytes, _errors: str = "strict") -> tuple[str, int]:
    data = bytes(data)
    codes = (int.from_bytes(data[i : i + width], "big") for i in range(0, len(data), width))
    return "".join(chr(LOST + code) for code in codes), len(data)


def _of_table(number: int, data: bytes, errors: str = "strict") -> tuple[str, int]:
    """Leave the codes that a font's own table knows to pypdf, which looks them up."""
    known, text = _TABLES[number], bytes(data).decode("utf-16-be", errors)
    return "".join(c if c in known else chr(LOST + min(ord(c), 0xFFFF)) for c in text), len(data)


def _gb1(data: bytes, _errors: str = "strict") -> tuple[str, int]:
    data = bytes(data)
    return "".join(map(_of_gb1, (int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2)))), len(data)


def _of_gb1(glyph: int) -> str:
    if 1 <= glyph <= 95 or 814 <= glyph <= 907:  # ASCII, wide and half as wide
        return chr(glyph + 31 if glyph <= 95 else glyph - 814 + 0x21)
    first, place, count = _GB1[max(0, bisect_right(_GB1_STARTS, glyph) - 1)]
    if 0 <= glyph - first < count:
        row, column = divmod(place + glyph - first, 94)
        return bytes((0xA1 + row, 0xA1 + column)).decode("gb2312")
    return chr(LOST + glyph)


_TABLES: list[frozenset[str]] = []  # of the fonts of the one file that this process reads
_LATIN = {name[1:].lower(): table for name, table in charset_encoding.items()}
_OWN: dict[str, Callable[..., tuple[str, int]]] = {
    "baosong_gb1": _gb1,
    "baosong_lost_1": partial(_lost, 1),
    "baosong_lost_2": partial(_lost, 2),
}


def _find(name: str) -> codecs.CodecInfo | None:
    """Return one of our codecs, which only decode, as Python asks for it."""
    decode = _OWN.get(name)
    if name.startswith("baosong_gbk_or_"):
        decode = partial(_gbk_or, name.removeprefix("baosong_gbk_or_"))
    elif name.startswith("baosong_table_"):
        decode = partial(_of_table, int(name.removeprefix("baosong_table_")))
    return codecs.CodecInfo(codecs.utf_16_be_encode, decode, name=name) if decode else None


codecs.register(_find)
