"""Excerpts of prefectures' files for the report: a sentence of a report, a photograph made small.

Both functions open other people's files, so they run in the sandbox (`validation.sandbox`).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from typing import Any

from baosong.report.printable import without_numbers
from baosong.store.source import Source

LONGEST_SIDE = 1000  # pixels: some 330 dots an inch at the printed size
_MOST_PIXELS = 50_000_000  # of a picture that must be decoded whole; a JPEG is decoded at an eighth of its size
_SENTENCE = re.compile(r"([^。！？]++[。！？])|[^。！？]++")  # "" for a rest without an end, which is read once
_CHAPTER = re.compile(r"^[一二三四五六七八九十]+、")
_NOT_QUOTED = re.compile(r"不足|问题|困难|下一步|打算|建议")
_FORMULAIC = re.compile(r"现将|如下|领导小组|按照|召开|制定|\d{7}")
_LIVELY = re.compile(r"首次|首届|首个|创新|特色|品牌|走进|深入|直播|体验|展演|激发|欢迎|吸引|仪式|举办|覆盖")
_NUMBER = re.compile(r"\d+")


def sentence(source: Source) -> str:
    """Return the sentence to quote from a Word or PDF report; "" if there is none or the file cannot be read."""
    from baosong.validation.common.reader import Locked, Unreadable, read_docx, read_pdf
    from baosong.validation.common.zip_guard import Bomb

    read = read_pdf if source.name.lower().endswith(".pdf") else read_docx
    try:
        return best_sentence(read(source).text)
    except (Unreadable, Locked, Bomb):
        return ""


def best_sentence(text: str) -> str:
    """Return the liveliest self-contained sentence, "" if there is none; the same text always gives the same one."""
    best, most = "", 0
    skipping = False
    for line in text.splitlines():
        if _CHAPTER.match(line.strip()):
            skipping = bool(_NOT_QUOTED.search(line))
            continue
        for sentence in _SENTENCE.findall(clean_line(line).strip()):
            score = 0 if skipping else _score(sentence)
            if score > most:
                best, most = sentence, score
    return best


def _score(sentence: str) -> int:
    if not 25 <= len(sentence) <= 130 or _FORMULAIC.search(sentence) or sentence.count("“") != sentence.count("”"):
        return 0
    if without_numbers(sentence) != sentence:
        return 0
    return 1 + 2 * len(set(_LIVELY.findall(sentence))) + min(3, len(_NUMBER.findall(sentence)))


def clean_line(text: str) -> str:
    """Return a text as one line without control, invisible and private-use characters."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")


def small_photo(source: Source) -> dict[str, Any]:
    """Return a photograph as a small JPEG without metadata (base64) and its size; {} if it cannot be read."""
    from PIL import Image

    from baosong.validation.photo.preview import jpeg, shrunk

    try:
        with source.open() as file, Image.open(file) as picture:
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG decodes straight to about this size
            if picture.width * picture.height > _MOST_PIXELS:
                return {}
            small = shrunk(picture, LONGEST_SIDE)
            return {"jpeg": base64.b64encode(jpeg(small)).decode(), "width": small.width, "height": small.height}
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {}
