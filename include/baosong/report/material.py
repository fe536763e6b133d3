"""What the report takes from the archive besides figures: sentences of prefectures' reports, and their photographs."""

from __future__ import annotations

import io
import logging
import re
import unicodedata
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from baosong.consolidate import RegionFigures
from baosong.findings import Kind
from baosong.report.parts import Picture, ranked

if TYPE_CHECKING:
    from baosong.ledger import Submission
    from baosong.storage import Storage

log = logging.getLogger(__name__)

MOST_REPORTS = 20
PHOTOS_EACH, MOST_PHOTOS = 2, 40
LONGEST_SIDE = 1000  # pixels: some 330 dots an inch at the printed size
_MOST_PIXELS = 50_000_000  # of a picture that must be decoded whole; a JPEG is decoded at an eighth of its size
_LARGEST_REPORT = 50 << 20
_CHAPTER = re.compile(r"^[一二三四五六七八九十]+、")
_NOT_QUOTED = re.compile(r"不足|问题|困难|下一步|打算|建议")
_FORMULAIC = re.compile(r"现将|如下|领导小组|按照|召开|制定|\d{7}")
_LIVELY = re.compile(r"首次|首届|首个|创新|特色|品牌|走进|深入|直播|体验|展演|激发|欢迎|吸引|仪式|举办|覆盖")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that are quoted and shown, chosen by the ledger alone: the same ledger, the same choice."""

    reports: list[Submission]
    photos: list[Submission]


@dataclass(frozen=True, slots=True)
class Highlight:
    """A sentence of a prefecture's own report, and the report's name."""

    prefecture: str
    sentence: str
    source: str


def sources(figures: RegionFigures) -> Sources:
    """Return every prefecture's report and first photographs; of very many prefectures those with the most people."""
    place = {p.code: n for n, p in enumerate(figures.campaign.prefectures)}
    if len(place) > MOST_REPORTS:
        required = [i.code for i in figures.campaign.form.indicators.rows if i.required]
        place = {p.prefecture.code: n for n, (_, p, _) in enumerate(ranked(figures, required[-1])[:MOST_REPORTS])}
    files = sorted(
        (s for s in figures.accepted if s.prefecture in place), key=lambda s: (place[s.prefecture], s.name, s.id)
    )
    photos: list[Submission] = []
    for code in place:
        photos += [s for s in files if s.prefecture == code and s.kind == Kind.PHOTO][:PHOTOS_EACH]
    return Sources([s for s in files if s.kind == Kind.REPORT], photos[:MOST_PHOTOS])


def highlights(storage: Storage, figures: RegionFigures, reports: list[Submission]) -> list[Highlight]:
    """Return one sentence of each report that can be read as text."""
    names = {p.code: p.name for p in figures.campaign.prefectures}
    found = []
    for report in reports:
        sentence = best_sentence(_text(storage, report))
        if sentence:
            found.append(Highlight(names[report.prefecture], sentence, visible(report.name.rpartition(".")[0])))
    return found


def _text(storage: Storage, report: Submission) -> str:
    """Return a report's text; nothing of a scan, an old format, or a document too large to read here."""
    from baosong.checks.documents import Locked, Unreadable, read_docx, read_pdf
    from baosong.checks.zips import Bomb

    reader = {"docx": read_docx, "pdf": read_pdf}.get(report.name.rpartition(".")[2].lower())
    stored = storage.stat("archive", report.archive_key or "") if reader and report.size <= _LARGEST_REPORT else None
    if reader is None or stored is None:
        log.warning("no text to quote in %s", report.archive_key)
        return ""
    try:
        return reader(storage.source("archive", stored)).text
    except (Unreadable, Locked, Bomb):
        log.warning("cannot read %s", report.archive_key)
        return ""


def best_sentence(text: str) -> str:
    """Return the liveliest sentence that stands by itself, "" if none: the same text always gives the same one."""
    best, most = "", 0
    skipping = False
    for line in text.splitlines():
        if _CHAPTER.match(line.strip()):
            skipping = bool(_NOT_QUOTED.search(line))
            continue
        for sentence in re.findall(r"[^。！？]+[。！？]", visible(line).strip()):
            score = 0 if skipping else _score(sentence)
            if score > most:
                best, most = sentence, score
    return best


def _score(sentence: str) -> int:
    if not 25 <= len(sentence) <= 130 or _FORMULAIC.search(sentence) or sentence.count("“") != sentence.count("”"):
        return 0
    return 1 + 2 * len(set(_LIVELY.findall(sentence))) + min(3, len(_NUMBER.findall(sentence)))


def visible(text: str) -> str:
    """Return a text without controls, invisible marks and private characters; line ends become spaces."""
    return "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")


def pictures(storage: Storage, figures: RegionFigures, photos: list[Submission]) -> list[Picture]:
    """Return the photographs made small, one after the other, without metadata; what cannot be read is left out."""
    names = {p.code: p.name for p in figures.campaign.prefectures}
    shown: list[Picture] = []
    for photo in photos:
        stored = storage.stat("archive", photo.archive_key or "")
        made = _small(storage.source("archive", stored).open()) if stored else None
        if made is None:
            log.warning("cannot show %s", photo.archive_key)
            continue
        caption = f"图{len(shown) + 1}　{names[photo.prefecture]}：{visible(photo.name.rpartition('.')[0])[:40]}"
        shown.append(Picture(*made, caption))
    return shown


def _small(file: IO[bytes]) -> tuple[bytes, int, int] | None:
    from PIL import Image, ImageOps

    try:
        with Image.open(file) as picture:
            picture.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG decodes straight to about this size
            if picture.width * picture.height > _MOST_PIXELS:
                return None
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
            out = io.BytesIO()
            plain = Image.new("RGB", upright.size, "white")  # a new picture carries nothing of the old one's metadata
            plain.paste(upright.convert("RGB"))
            plain.save(out, "JPEG", quality=82)
            return out.getvalue(), *plain.size
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
