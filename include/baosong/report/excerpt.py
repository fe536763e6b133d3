"""Excerpts of prefectures' files for the report: passages of a report, a photograph made small.

Both functions open other people's files, so they run in the sandbox (`validation.sandbox`).
"""

from __future__ import annotations

import base64
import hashlib
import re
import unicodedata
from typing import Any, TypedDict

from baosong.report.printable import public_text, without_numbers
from baosong.store.source import Source

LONGEST_SIDE = 1000  # pixels: some 330 dots an inch at the printed size
_MOST_PIXELS = 50_000_000  # of a picture that must be decoded whole; a JPEG is decoded at an eighth of its size
_SENTENCE = re.compile(r"([^。！？]++[。！？])|[^。！？]++")  # "" for a rest without an end, which is read once
_CHAPTER = re.compile(r"^[一二三四五六七八九十]+、")
_PROBLEMS, _PLANS = re.compile(r"不足|问题|困难"), re.compile(r"下一步|打算|建议")
_NUMBERED = re.compile(r"^(?:[（(][一二三四五六七八九十\d]{1,3}[)）]|[一二三四五六七八九十\d]{1,3}[.、．])\s*")
_SHORTEST, _QUOTED, _MOST_CASES, _LONGEST_CHAPTER = 15, 130, 8, 4000
_FORMULAIC = re.compile(r"现将|如下|领导小组|按照|召开|制定|\d{7}")
_LIVELY = re.compile(r"首次|首届|首个|创新|特色|品牌|走进|深入|直播|体验|展演|激发|欢迎|吸引|仪式|举办|覆盖")
_NUMBER = re.compile(r"\d+")


class Passages(TypedDict):
    """What the region's report may use of a prefecture's: sentences with their scores, and two sorts of chapters."""

    cases: list[tuple[int, str]]
    problems: str
    plans: str


def passages(source: Source) -> Passages | None:
    """Return what may be used of a Word or PDF report; None if it cannot be read."""
    from baosong.validation.common.reader import Locked, Unreadable, read_docx, read_pdf
    from baosong.validation.common.zip_guard import Bomb

    read = read_pdf if source.name.lower().endswith(".pdf") else read_docx
    try:
        return passages_of(read(source).text)
    except (Unreadable, Locked, Bomb):
        return None


def passages_of(text: str) -> Passages:
    """Return the liveliest self-contained sentences with figures, and the chapters on problems and on plans."""
    found: Passages = {"cases": [], "problems": "", "plans": ""}
    chapter = ""
    for line in text.splitlines():
        if _CHAPTER.match(line.strip()):
            chapter = line
        elif _PROBLEMS.search(chapter) or _PLANS.search(chapter):
            for name, heading in (("problems", _PROBLEMS), ("plans", _PLANS)):
                if heading.search(chapter):
                    found[name] = f"{found[name]}{line}\n"[:_LONGEST_CHAPTER]  # type: ignore[literal-required]
        else:
            sentences = _SENTENCE.findall(clean_line(line).strip())
            found["cases"] += [(score, _shortened(s)) for s in sentences if (score := _score(s))]
    best = sorted((c for c in found["cases"] if c[1]), key=lambda c: -c[0])
    return found | {"cases": best[:_MOST_CASES]}


def _score(sentence: str) -> int:
    """Return how well a sentence tells of something that happened, 0 where it is not to be quoted."""
    figures = len(_NUMBER.findall(sentence))
    if not 25 <= len(sentence) <= 240 or not figures or _FORMULAIC.search(sentence) or not _balanced(sentence):
        return 0
    if without_numbers(sentence) != sentence:
        return 0
    return 1 + 2 * len(set(_LIVELY.findall(sentence))) + min(3, figures)


def _shortened(sentence: str) -> str:
    """Return a sentence as it stands, or its first clauses and the sign that more follows; "" if it has none."""
    if len(sentence) <= _QUOTED:
        return sentence
    ends = [n for n, sign in enumerate(sentence[:_QUOTED]) if sign in "，；" and _balanced(sentence[:n])]
    return f"{sentence[: ends[-1]]}……" if ends and _NUMBER.search(sentence[: ends[-1]]) else ""


def whole_sentences(chapter: str) -> list[str]:
    """Return the sentences of a chapter that can be quoted whole: closed, not too long, and nothing private."""
    lines = (_NUMBERED.sub("", clean_line(line).strip()) for line in chapter.splitlines())
    found = [s for line in lines for s in _SENTENCE.findall(line)]
    return [s for s in found if _SHORTEST <= len(s) <= _QUOTED and _balanced(s) and public_text(s) == s]


def lot(*texts: str) -> str:
    """Return what decides among equals: the same each time, and in favour of nobody who stands first in a list."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def _balanced(text: str) -> bool:
    return all(text.count(one) == text.count(two) for one, two in ("“”", "（）", "《》"))


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
