"""What a PDF says: fonts of every encoding, all places where words stand, and honest files carried along."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import FreeText, Text

import pdf_samples as p
from baosong.rules.findings import Checked, Kind, Verdict
from baosong.store.source import Source
from baosong.validation.check import check
from baosong.validation.common import pdf_fonts
from document_samples import paper
from personal_data_samples import WHOLE
from sheet_help import CAMPAIGN, URUMQI

MARK = "秘密★1年"


def judged(data: bytes, name: str = "总结.pdf", kind: Kind = Kind.REPORT) -> Checked:
    return check(Source(name, len(data), lambda: io.BytesIO(data)), kind, CAMPAIGN, URUMQI)


def rules(checked: Checked) -> list[str]:
    return [f.rule for f in checked.findings]


CODES = {
    "UniGB-UTF16-H": "utf-16-be",
    "UniGB-UTF16-V": "utf-16-be",
    "UniGB-UCS2-H": "utf-16-be",
    "UniGB-UTF32-H": "utf-32-be",
    "UniGB-UTF8-H": "utf-8",
    "UniGB2-UTF32-V": "utf-32-be",
    "UniCNS-UTF8-H": "utf-8",
    "UniJIS-UTF32-H": "utf-32-be",
    "GB-EUC-H": "gb2312",
    "GBpc-EUC-H": "gb2312",
    "GBK-EUC-H": "gbk",
    "GBKp-EUC-H": "gbk",
    "GBKp-EUC-V": "gbk",
    "GBK2K-H": "gb18030",
}


@pytest.mark.parametrize("encoding", CODES)
def test_a_text_in_a_predefined_code_is_read(encoding: str) -> None:
    font = p.composite(f"/{encoding}")
    good = judged(p.in_font(font, p.lines(p.TITLE, codec=CODES[encoding])))
    assert (good.verdict, rules(good)) == (Verdict.ACCEPTED, [])
    assert rules(judged(p.in_font(font, p.lines(MARK, p.TITLE, codec=CODES[encoding])))) == ["file.classified"]


@pytest.mark.parametrize("encoding", ["/WinAnsiEncoding", "/MacRomanEncoding", "/StandardEncoding", ""])
def test_gbk_under_a_western_encoding_is_read_as_what_it_is(encoding: str) -> None:
    font = p.simple(f"/Encoding {encoding}" if encoding else "")
    assert rules(judged(p.in_font(font, p.lines(p.TITLE, codec="gbk")))) == []
    assert rules(judged(p.in_font(font, p.lines(MARK, p.TITLE, codec="gbk")))) == ["file.classified"]


@pytest.mark.parametrize("text", ["café résumé", "écoles", "“Hello”", "Ünal", "Größe", "naïve – déjà"])
def test_western_letters_stay_what_they_are(text: str) -> None:
    assert pdf_fonts._gbk_or("winansiencoding", text.encode("cp1252"))[0] == text


def test_a_map_that_a_sender_copied_into_the_file_is_known_by_its_name() -> None:
    font = p.composite("6 0 R")
    copied = p.stream(b"begincmap endcmap", b"/Type /CMap /CMapName /GBKp-EUC-H")
    assert rules(judged(p.in_font(font, p.lines(MARK, codec="gbk"), copied))) == ["file.classified"]


def test_numbers_of_glyphs_of_adobes_chinese_collection_are_read() -> None:
    codes = [0x0ADD, 0x0AE1, 0x00AE, 0x0012, 0x0B4D]  # 秘密★1年 in Adobe-GB1
    font = p.composite("/Identity-H")
    assert rules(judged(p.in_font(font, [b"".join(c.to_bytes(2, "big") for c in codes)]))) == ["file.classified"]


def test_numbers_of_glyphs_with_a_table_are_read() -> None:
    font = p.composite("/Identity-H", "Identity", more="/ToUnicode 6 0 R")
    texts = (MARK, p.TITLE)
    assert rules(judged(p.in_font(font, p.glyphs(*texts), p.to_unicode(*texts)))) == ["file.classified"]


ILLEGIBLE = {
    "glyphs without a table": (p.composite("/Identity-H", "Identity"), b""),
    "vertical glyphs": (p.composite("/Identity-V", "Identity"), b""),
    "glyphs of a Japanese collection": (p.composite("/Identity-H", "Japan1"), b""),
    "a table that is empty": (p.composite("/Identity-H", "Identity", more="/ToUnicode 6 0 R"), p.stream(b"begincmap")),
    "a map of the sender's own": (p.composite("6 0 R"), p.stream(b"begincmap", b"/Type /CMap /CMapName /Mine-H")),
    "an unknown name": (p.composite("/Founder-H"), b""),
    "names that say nothing": (
        p.simple("/Encoding << /Differences [0 " + " ".join(f"/g{i}" for i in range(250)) + "] >>"), b"",
    ),
    "letters of its own": (
        p.simple("", "/FontDescriptor << /Type /FontDescriptor /Flags 4 /FontFile2 6 0 R >>"), p.stream(b"\0"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", ILLEGIBLE)
@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.PRESS])
def test_a_text_that_nobody_can_read_is_held_and_told_so(what: str, kind: Kind) -> None:
    """Not that the prefecture's name does not occur: nobody looked."""
    font, more = ILLEGIBLE[what]
    checked = judged(p.in_font(font, p.glyphs(MARK, p.TITLE), *([more] if more else [])), kind=kind)
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.not_searched"])
    assert "读不出来" in checked.findings[0].message


def test_letters_that_a_font_lacks_are_boxes_whatever_its_table_says() -> None:
    """Some programs say of the box which letter it first stood for; nobody sees that letter."""
    font = p.composite("/Identity-H", "Identity", more="/ToUnicode 6 0 R")
    table = p.stream(
        b"1 begincodespacerange <0000> <FFFF> endcodespacerange 2 beginbfchar <0000> <673A> <0001> <0031> endbfchar"
    )
    checked = judged(p.in_font(font, [bytes(2 * len(p.TITLE)), b"\0\1" * 9], table))
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.not_searched"])
    assert "方框" in checked.findings[0].message


@pytest.mark.parametrize("said", [b"null", b"(untitled)", b"(\\(anonymous\\))"])
def test_a_title_that_nobody_gave_is_none(said: bytes) -> None:
    made = p.with_page(b"", b"<< /Title %b >>" % said, trailer=b"/Info 6 0 R")
    assert judged(made).facts["title"] == p.TITLE


def test_a_table_with_gaps_hides_no_mark() -> None:
    font = p.composite("/Identity-H", "Identity", more="/ToUnicode 6 0 R")
    made = p.in_font(font, p.glyphs(p.TITLE, MARK), p.to_unicode(p.TITLE))
    assert (judged(made).verdict, rules(judged(made))) == (Verdict.HELD, ["file.not_searched"])


def test_a_mark_in_a_legible_font_counts_beside_an_illegible_one() -> None:
    font = p.composite("/Identity-H", "Identity")
    page = p.PAGE.replace(b"/F1 5 0 R", b"/F1 5 0 R /F2 6 0 R")
    text = b"BT /F2 9 Tf 50 700 Td <" + MARK.encode("utf-16-be").hex().encode() + b"> Tj /F1 9 Tf <000400050006> Tj ET"
    made = p.pdf(p.CATALOG, p.PAGES, page, p.stream(text), font, p.composite("/UniGB-UTF16-H"))
    assert rules(judged(made)) == ["file.classified"]


def test_bullets_of_a_symbol_font_hold_nobody_up() -> None:
    page = p.PAGE.replace(b"/F1 5 0 R", b"/F1 5 0 R /F2 6 0 R")
    title = p.TITLE.encode("utf-16-be").hex().encode()
    text = b"BT /F2 9 Tf 50 700 Td <00040004> Tj /F1 9 Tf <" + title + b"> Tj ET"
    bullets = p.composite("/Identity-H", "Identity")
    made = p.pdf(p.CATALOG, p.PAGES, page, p.stream(text), p.composite("/UniGB-UTF16-H"), bullets)
    assert judged(made).verdict is Verdict.ACCEPTED


def test_radicals_and_joined_letters_are_read_as_the_letters_that_they_look_like() -> None:
    """Chromium writes a glyph that is both a radical and a character as the radical, so that no name was found."""
    shaped = "乌鲁⽊⻬市2023年⾃治区科技活动周总结报告"
    font = p.composite("/UniGB-UTF16-H")
    assert rules(judged(p.in_font(font, p.lines(shaped, codec="utf-16-be")))) == []
    assert pdf_fonts.as_written("ﺋﯜرۈﻣﭽﻰ ﺷەﮬﯩﺮى ﬁ") == "ئۈرۈمچى شەھىرى fi"


def annotated(kind: bytes, more: bytes) -> bytes:
    return p.with_page(b"/Annots [<< /Type /Annot /Subtype %b /Rect [0 0 9 9] %b >>]" % (kind, more))


def stamp(text: str) -> bytes:
    """A stamp whose text is only drawn."""
    content = b"BT /F1 9 Tf <" + text.encode("utf-16-be").hex().encode() + b"> Tj ET"
    form = p.stream(content, b"/Type /XObject /Subtype /Form /Resources << /Font << /F1 5 0 R >> >>")
    return p.with_page(b"/Annots [<< /Type /Annot /Subtype /Stamp /Rect [0 0 9 9] /AP << /N 6 0 R >> >>]", form)


def watermark(text: str) -> bytes:
    content = b"BT /F1 9 Tf <" + text.encode("utf-16-be").hex().encode() + b"> Tj ET"
    form = p.stream(content, b"/Type /XObject /Subtype /Form /Resources << /Font << /F1 5 0 R >> >>")
    resources = b"/Font << /F1 5 0 R >> /XObject << /W 6 0 R >>"
    page = p.PAGE.replace(b"/Font << /F1 5 0 R >>", resources)
    title = p.stream(b"BT /F1 9 Tf <" + p.TITLE.encode("utf-16-be").hex().encode() + b"> Tj ET /W Do")
    return p.pdf(p.CATALOG, p.PAGES, page, title, p.composite("/UniGB-UTF16-H"), form)


def xmp(text: str) -> bytes:
    packet = f"<x:xmpmeta><dc:title><rdf:li xml:lang='x-default'>{text}</rdf:li></dc:title></x:xmpmeta>"
    return p.with_page(b"", p.stream(packet.encode(), b"/Type /Metadata /Subtype /XML"), catalog=b"/Metadata 6 0 R")


def xfa(text: str) -> bytes:
    form = b"/AcroForm << /Fields [] /XFA [(template) 6 0 R] >>"
    return p.with_page(b"", p.stream(f"<template><text>{text}</text></template>".encode()), catalog=form)


def field(text: str) -> bytes:
    return p.with_page(
        b"/Annots [6 0 R]",
        b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [0 0 9 9] /V %b >>" % p.utf16(text),
        catalog=b"/AcroForm << /Fields [6 0 R] >>",
    )


PLACES = {
    "a note": lambda text: annotated(b"/Text", b"/Contents " + p.utf16(text)),
    "text typed on the page": lambda text: annotated(b"/FreeText", b"/Contents " + p.utf16(text)),
    "rich text of a note": lambda text: annotated(b"/Text", b"/RC " + p.utf16(f"<p><b>{text}</b></p>")),
    "a note in GBK": lambda text: annotated(b"/Text", b"/Contents <" + text.encode("gbk").hex().encode() + b">"),
    "the subject of a highlight": lambda text: annotated(b"/Highlight", b"/Subj " + p.utf16(text)),
    "a stamp": stamp,
    "a watermark": watermark,
    "a field of a form": field,
    "a form of XML": xfa,
    "a bookmark": lambda text: p.with_page(
        b"", b"<< /First 7 0 R /Last 7 0 R /Count 1 >>", b"<< /Title %b /Parent 6 0 R >>" % p.utf16(text),
        catalog=b"/Outlines 6 0 R",
    ),
    "a property": lambda text: p.with_page(b"", b"<< /Keywords %b >>" % p.utf16(text), trailer=b"/Info 6 0 R"),
    "a property in GBK": lambda text: p.with_page(
        b"", b"<< /Title <" + text.encode("gbk").hex().encode() + b"> >>", trailer=b"/Info 6 0 R"
    ),
    "XMP": xmp,
    "a layer": lambda text: p.with_page(
        b"", b"<< /Type /OCG /Name %b >>" % p.utf16(text), catalog=b"/OCProperties << /OCGs [6 0 R] /D << >> >>"
    ),
    "an alternative text": lambda text: p.with_page(
        b"", b"<< /S /Figure /Alt %b >>" % p.utf16(text), catalog=b"/StructTreeRoot << /K 6 0 R >>"
    ),
    "the name of a carried file": lambda text: p.carrying(b"x" * 9, f"{text}.txt"),
    "a carried text": lambda text: p.carrying(text.encode(), "a.txt"),
    "a carried document": lambda text: p.carrying(paper(text), "a.docx"),
    "a carried PDF": lambda text: p.carrying(watermark(text), "a.pdf"),
    "the document of a hybrid PDF": lambda text: p.hybrid(odt(text)),
}  # fmt: skip


def odt(text: str) -> bytes:
    parts = {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": f"<text:p>{text}</text:p>"}
    return p.zipped(parts)


@pytest.mark.parametrize("place", PLACES)
def test_a_mark_anywhere_in_a_pdf_holds_it(place: str) -> None:
    checked = judged(PLACES[place](MARK))
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.classified"])


@pytest.mark.parametrize("place", PLACES)
def test_an_identity_number_anywhere_in_a_pdf_is_told(place: str) -> None:
    checked = judged(PLACES[place](f"张三 {WHOLE}"))
    assert "file.personal_numbers" in rules(checked)
    assert WHOLE not in str(checked)


@pytest.mark.parametrize("place", PLACES)
def test_harmless_words_in_these_places_are_no_fault(place: str) -> None:
    said = set(rules(judged(PLACES[place]("科普活动"))))
    assert said <= {"file.attachment"}


@pytest.mark.parametrize("level", ["秘密", "机 密", "绝密"])
def test_a_level_alone_is_a_mark_as_a_watermark_or_a_stamp_and_no_mark_as_a_line(level: str) -> None:
    for made in (watermark(level), stamp(level)):
        assert rules(judged(made)) == ["file.classified"]
    text = p.in_font(p.composite("/UniGB-UTF16-H"), p.lines("探索宇宙的", level, p.TITLE, codec="utf-16-be"))
    assert rules(judged(text)) == []


def test_annotations_that_pypdf_writes_are_searched() -> None:
    for annotation in (Text(text=MARK, rect=(0, 0, 9, 9)), FreeText(text=MARK, rect=(0, 0, 99, 99))):
        writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(p.with_page(b"")))), io.BytesIO()
        writer.add_annotation(0, annotation)
        writer.write(out)
        assert rules(judged(out.getvalue())) == ["file.classified"]


def test_a_page_beyond_those_that_are_read_is_not_passed_unseen() -> None:
    writer, out = PdfWriter(), io.BytesIO()
    for _ in range(301):
        writer.add_blank_page(99, 99)
    writer.write(out)
    checked = judged(out.getvalue())
    assert (checked.verdict, rules(checked)) == (Verdict.HELD, ["file.not_searched"])


# --- files carried along make no second thing of a PDF, and a zip behind it does

XLSX = p.zipped(
    {"[Content_Types].xml": "<a/>", "xl/workbook.xml": "<a/>", "xl/sharedStrings.xml": "<si><t>数</t></si>"}
)


@pytest.mark.parametrize("made", [p.carrying(XLSX), p.hybrid(odt("正文"))], ids=["PDF/A-3", "hybrid"])
@pytest.mark.parametrize("kind", [Kind.REPORT, Kind.PRESS])
def test_a_pdf_that_carries_a_package_as_it_is_passes_with_a_remark(made: bytes, kind: Kind) -> None:
    checked = judged(made, kind=kind)
    assert (checked.verdict, rules(checked)) == (Verdict.ACCEPTED, ["file.attachment"])


ZIP = p.zipped({"a.txt": "x" * 400})
HONEST = p.with_page(b"")
LAST = HONEST[HONEST.rindex(b"startxref") :]
GLUED = {
    "behind": HONEST + ZIP,
    "behind, with a blank line": HONEST + ZIP + b"\r\n",
    "behind, with a comment": HONEST + p.zipped({"a.txt": "x"}, LAST),
    "behind, with another end of a PDF": HONEST + ZIP + LAST,
    "behind, dressed up as a stream": HONEST + b"9 0 obj << >> stream\n" + ZIP + b"\nendstream endobj\n" + LAST,
    "between the objects and their table": p.pdf(
        p.CATALOG, p.PAGES, p.PAGE, p.shown(p.lines(p.TITLE, codec="utf-16-be")), p.composite("/UniGB-UTF16-H"),
        behind=ZIP,
    ),
    "behind a carried one": p.carrying(XLSX) + ZIP,
}  # fmt: skip


@pytest.mark.parametrize("how", GLUED)
def test_a_zip_glued_to_a_pdf_is_found(how: str) -> None:
    assert "file.polyglot" in rules(judged(GLUED[how]))


def test_a_carried_zip_whose_comment_is_the_rest_of_the_file_is_a_zip_to_every_program() -> None:
    made = p.carrying(ZIP)
    at = made.index(b"PK\x05\x06")
    rest = len(made) - at - 22
    assert "file.polyglot" in rules(judged(made[: at + 20] + rest.to_bytes(2, "little") + made[at + 22 :]))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.sampled_from(["baosong_gb1", "baosong_lost_1", "baosong_lost_2", "baosong_gbk_or_x"]))
def test_no_bytes_make_a_codec_raise(data: bytes, codec: str) -> None:
    assert isinstance(data.decode(codec, "surrogatepass"), str)
