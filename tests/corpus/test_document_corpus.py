"""Photographs, reports and press pieces as they come, each with its verdict and exactly the rules that are told."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import pytest

import document_samples as p
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples import documents as samples
from document_samples import old_word
from personal_data_samples import MOBILE, WHOLE
from photo_samples import flooding_png
from sheet_help import CAMPAIGN

OK, NO, WAIT = "accepted", "rejected", "held"


class Row(NamedTuple):
    """A file: what it is, its name, its bytes, the verdict and the rules; `also` are formats the campaign takes too."""

    what: str
    name: str
    make: Callable[[], bytes]
    verdict: str = OK
    rules: str = ""
    also: str = ""


PHOTOS = [
    Row("jpeg", "1.jpg", lambda: p.picture("JPEG")),
    Row("jpeg, capital suffix", "DSC_1.JPG", lambda: p.picture("JPEG")),
    Row("jpeg, long suffix", "1.jpeg", lambda: p.picture("JPEG")),
    Row("jpeg, progressive", "1.jpg", lambda: p.picture("JPEG", progressive=True)),
    Row("jpeg, cmyk", "1.jpg", lambda: p.picture("JPEG", "CMYK")),
    Row("jpeg, grey", "1.jpg", lambda: p.picture("JPEG", "L")),
    Row("jpeg, held upright", "1.jpg", lambda: p.picture("JPEG", exif=p.turned(6))),
    Row("jpeg, mirrored", "1.jpg", lambda: p.picture("JPEG", exif=p.turned(5))),
    Row("jpeg, position", "1.jpg", lambda: p.SCENE, OK, "photo.position"),
    Row("jpeg, damaged exif", "1.jpg", p.damaged_exif),
    Row("jpeg, comment", "1.jpg", lambda: p.picture("JPEG", comment=b"NIKON D750")),
    Row("jpeg, script", "1.jpg", lambda: p.picture("JPEG", comment=b"<script>"), NO, "file.polyglot"),
    Row("jpeg, two pictures in one", "1.jpg", lambda: p.frames("MPO")),
    Row("jpeg, half", "1.jpg", lambda: p.SCENE[: len(p.SCENE) // 2], NO, "photo.damaged"),
    Row("jpeg, tail lost", "1.jpg", lambda: p.SCENE[:-3000], NO, "photo.damaged"),
    Row("jpeg, header alone", "1.jpg", lambda: p.SCENE[:700], NO, "photo.damaged"),
    Row("jpeg, zeros behind", "1.jpg", lambda: p.SCENE + bytes(5000), OK, "photo.position"),
    Row("jpeg, film behind", "1.jpg", lambda: p.picture("JPEG") + b"\0\0\0\x18ftypmp42" + bytes(5000)),
    Row("jpeg named png", "1.png", lambda: p.picture("JPEG"), OK, "file.type_mismatch"),
    Row("jpeg without suffix", "照片", lambda: p.picture("JPEG"), OK, "file.type_mismatch"),
    Row("jpeg, small", "1.jpg", lambda: p.picture("JPEG", size=(1023, 768)), NO, "photo.size"),
    Row("jpeg, smallest", "1.jpg", lambda: p.picture("JPEG", size=(1024, 768))),
    Row("jpeg, smallest upright", "1.jpg", lambda: p.picture("JPEG", size=(768, 1024))),
    Row("jpeg, a narrow strip", "1.jpg", lambda: p.picture("JPEG", size=(4000, 700)), NO, "photo.size"),
    Row("jpeg, marked name", "【秘密】1.jpg", lambda: p.picture("JPEG"), WAIT, "file.classified"),
    Row("png", "1.png", lambda: p.picture("PNG")),
    Row("png, palette", "1.png", lambda: p.picture("PNG", "P", transparency=0)),
    Row("png, alpha", "1.png", lambda: p.picture("PNG", "RGBA")),
    Row("png, 16 bits", "1.png", lambda: p.picture("PNG", "I;16")),
    Row("png, 1 bit", "1.png", lambda: p.picture("PNG", "1")),
    Row("png, animated", "1.png", lambda: p.frames("PNG")),
    Row("png, half", "1.png", lambda: p.picture("PNG")[:200_000], NO, "photo.damaged"),
    Row("png, one bit flipped", "1.png", p.wrong_crc, NO, "photo.damaged"),
    Row("png, a flood", "1.png", lambda: flooding_png(50_000, 50_000), NO, "photo.pixels"),
    Row("tiff", "1.tif", lambda: p.picture("TIFF")),
    Row("tiff, lzw", "1.tiff", lambda: p.picture("TIFF", compression="tiff_lzw")),
    Row("tiff, cmyk", "1.tif", lambda: p.picture("TIFF", "CMYK")),
    Row("tiff, 16 bits", "1.tif", p.tiff_of_sixteen_bits),
    Row("tiff, pages", "1.tif", lambda: p.frames("TIFF")),
    Row("tiff, half", "1.tif", lambda: p.picture("TIFF")[:500_000], NO, "photo.damaged"),
    Row("webp", "1.webp", lambda: p.picture("WEBP"), NO, "file.format"),
    Row("webp, collected", "1.webp", lambda: p.picture("WEBP"), also="webp"),
    Row("webp, collected, animated", "1.webp", lambda: p.frames("WEBP"), also="webp"),
    Row("webp, collected, half", "1.webp", lambda: p.picture("WEBP")[:9000], NO, "photo.damaged", "webp"),
    Row("webp named jpg", "1.jpg", lambda: p.picture("WEBP"), NO, "file.type_mismatch"),
    Row("heic", "1.heic", lambda: p.picture("HEIF"), NO, "file.format"),
    Row("heic named jpg", "1.jpg", lambda: p.picture("HEIF"), NO, "file.type_mismatch"),
    Row("heic, collected", "1.HEIC", lambda: p.picture("HEIF"), also="heic"),
    Row("heic, collected, small", "1.heic", lambda: p.picture("HEIF", size=(640, 480)), NO, "photo.size", "heic"),
    Row("heic, collected, half", "1.heic", lambda: p.picture("HEIF")[:9000], NO, "photo.damaged", "heic"),
    Row(
        "heic, collected, position", "1.heic", lambda: p.picture("HEIF", exif=p.placed()), OK, "photo.position", "heic"
    ),
    Row("avif, collected", "1.avif", lambda: p.picture("AVIF"), also="avif"),
    Row("gif", "1.gif", lambda: p.picture("GIF"), NO, "file.format"),
    Row("gif, collected, animated", "1.gif", lambda: p.frames("GIF"), also="gif"),
    Row("bmp", "1.bmp", lambda: p.picture("BMP"), NO, "file.format"),
    Row("bmp, collected", "1.bmp", lambda: p.picture("BMP"), also="bmp"),
    Row("bmp named jpg", "1.jpg", lambda: p.picture("BMP"), NO, "file.type_mismatch"),
    Row("a text named jpg", "1.jpg", lambda: "不是图片".encode(), NO, "file.type_mismatch"),
    Row("a pdf named jpg", "1.jpg", p.pdf, NO, "file.type_mismatch"),
    Row("zeros named jpg", "1.jpg", lambda: bytes(5000), NO, "file.unreadable"),
    Row("nothing", "1.jpg", lambda: b"", NO, "file.empty"),
]

REPORTS = [
    Row("docx", "总结.docx", p.report),
    Row("docx, short name", "总结.docx", lambda: p.paper("乌市2023年总结")),
    Row("docx, 〇", "总结.docx", lambda: p.paper("乌鲁木齐市二〇二三年总结")),
    Row("docx, ○", "总结.docx", lambda: p.paper("乌鲁木齐市二○二三年总结")),
    Row("docx, 零", "总结.docx", lambda: p.paper("乌鲁木齐市二零二三年总结")),
    Row("docx, 0 among Chinese digits", "总结.docx", lambda: p.paper("乌鲁木齐市二0二三年总结")),
    Row("docx, wide digits", "总结.docx", lambda: p.paper("乌鲁木齐市２０２３年总结")),
    Row("docx, spread title", "总结.docx", lambda: p.paper("乌 鲁 木 齐 市", "２ ０ ２ ３ 年", "总 结")),
    Row(
        "docx, name and year in the margins", "总结.docx", lambda: p.paper("总结", header="乌鲁木齐市", footer="2023年")
    ),
    Row("docx, other prefecture", "总结.docx", lambda: p.paper("哈密市2023年总结"), OK, "report.prefecture"),
    Row("docx, last year", "总结.docx", lambda: p.paper("乌鲁木齐市2022年总结"), OK, "report.year"),
    Row(
        "docx, last year's plans",
        "总结.docx",
        lambda: p.paper("乌市2022年总结", "各项活动。" * 20, "2023年打算"),
        OK,
        "report.year",
    ),
    Row("docx, last year mentioned", "总结.docx", lambda: p.paper("乌市2023年总结", "比2022年多。")),
    Row("docx, neither", "总结.docx", lambda: p.paper("总结"), OK, "report.prefecture report.year"),
    Row("docx, empty", "总结.docx", lambda: p.paper(), NO, "report.empty"),
    Row("docx, blanks", "总结.docx", lambda: p.paper(" ", "\u3000"), NO, "report.empty"),
    Row("docx, pictures", "总结.docx", p.pasted_pictures, OK, "report.scan"),
    Row("docx, locked", "总结.docx", lambda: samples.lock(p.report()), NO, "file.encrypted"),
    Row("docx, half", "总结.docx", lambda: p.report()[:9000], NO, "file.unreadable"),
    Row("docx named doc", "总结.doc", p.report, OK, "file.type_mismatch"),
    Row("docx named pdf", "总结.pdf", p.report, OK, "file.type_mismatch"),
    Row("docx, mark in text", "总结.docx", lambda: p.paper("秘密★1年", p.TITLE), WAIT, "file.classified"),
    Row("docx, mark over runs", "总结.docx", lambda: p.split_runs("机", "密", "★", "5年"), WAIT, "file.classified"),
    Row("docx, mark in header", "总结.docx", lambda: p.paper(p.TITLE, header="绝密★"), WAIT, "file.classified"),
    Row("docx, mark in footer", "总结.docx", lambda: p.paper(p.TITLE, footer="密级：机密"), WAIT, "file.classified"),
    Row("docx, mark in comment", "总结.docx", lambda: p.paper(p.TITLE, comment="秘密★"), WAIT, "file.classified"),
    Row("docx, mark in properties", "总结.docx", lambda: p.paper(p.TITLE, keywords="机密★"), WAIT, "file.classified"),
    Row("docx, mark in name", "机密★总结.docx", p.report, WAIT, "file.classified"),
    Row("docx, 保密 is no mark", "总结.docx", lambda: p.paper(p.TITLE, "开展保密宣传，机密文件管理讲座")),
    Row("docx, identity", "总结.docx", lambda: p.paper(p.TITLE, f"张三 {WHOLE}"), OK, "file.personal_numbers"),
    Row("docx, mobile in footer", "总结.docx", lambda: p.paper(p.TITLE, footer=MOBILE), OK, "file.personal_numbers"),
    Row("docx, office telephone", "总结.docx", lambda: p.paper(p.TITLE, "联系电话：0991-3836587")),
    Row("pdf", "总结.pdf", p.pdf),
    Row("pdf, scan", "总结.pdf", lambda: samples.make_scan(p.SCENE), OK, "report.scan"),
    Row("pdf, outlines", "总结.pdf", p.outlines, OK, "report.scan"),
    Row("pdf, blank page", "总结.pdf", lambda: p.pdf([]), NO, "report.empty"),
    Row("pdf, no pages", "总结.pdf", p.no_pages, NO, "report.empty"),
    Row("pdf, locked", "总结.pdf", lambda: p.rewritten(lambda w: w.encrypt("x", "y")), NO, "file.encrypted"),
    Row("pdf, only its owner may change it", "总结.pdf", lambda: p.rewritten(lambda w: w.encrypt("", "y"))),
    Row("pdf, half", "总结.pdf", lambda: p.pdf()[:900], NO, "file.unreadable"),
    Row("pdf, header alone", "总结.pdf", lambda: b"%PDF-1.7\n", NO, "file.unreadable"),
    Row("pdf, other prefecture", "总结.pdf", lambda: p.pdf(["哈密市2023年总结"]), OK, "report.prefecture"),
    Row("pdf, mark", "总结.pdf", lambda: p.pdf([p.TITLE], ["秘密★5年"]), WAIT, "file.classified"),
    Row("pdf, mobile", "总结.pdf", lambda: p.pdf([p.TITLE], [f"手机{MOBILE}"]), OK, "file.personal_numbers"),
    Row("doc", "总结.doc", lambda: old_word(p.TITLE), OK, "report.format"),
    Row("wps", "总结.wps", lambda: old_word(p.TITLE), OK, "report.format"),
    Row("doc, empty", "总结.doc", lambda: old_word(""), NO, "report.empty"),
    Row("doc, mark beside an empty text", "总结.doc", p.empty_but_marked, WAIT, "file.classified"),
    Row("doc, locked", "总结.doc", lambda: old_word(p.TITLE, flags=1), NO, "file.encrypted"),
    Row("doc, half", "总结.doc", lambda: old_word(p.TITLE)[:600], NO, "file.unreadable"),
    Row("doc, other year", "总结.doc", lambda: old_word("乌市2022年总结"), OK, "report.format report.year"),
    Row("doc, mark", "总结.doc", lambda: old_word(p.TITLE + "机密★"), WAIT, "file.classified"),
    Row("doc, identity", "总结.doc", lambda: old_word(f"{p.TITLE} {WHOLE}"), OK, "report.format file.personal_numbers"),
    Row("odt", "总结.odt", lambda: p.open_document(p.TITLE), NO, "file.format"),
    Row("odt, collected", "总结.odt", lambda: p.open_document(p.TITLE), also="odt"),
    Row("rtf, collected", "总结.rtf", lambda: b"{\\rtf1\\ansi x}", WAIT, "report.not_read", "rtf"),
    Row("rtf named doc", "总结.doc", lambda: b"{\\rtf1\\ansi x}", NO, "file.type_mismatch"),
    Row("txt", "总结.txt", lambda: p.TITLE.encode(), NO, "file.format"),
    Row("a page of the web named doc", "总结.doc", lambda: b"<html><body>x</body></html>", NO, "file.type_mismatch"),
    Row("xlsx", "总结.xlsx", lambda: p.book(["总结"]), NO, "file.format"),
]

LINK = "https://news.example.cn/1.html"
PRESS = [
    Row("docx", "报道.docx", lambda: samples.make_press(CAMPAIGN, p.HOME, 3)),
    Row("docx, a screenshot", "报道.docx", p.pasted_pictures),
    Row("docx, empty", "报道.docx", lambda: p.paper(), NO, "press.empty"),
    Row("docx, mobile", "报道.docx", lambda: p.paper(f"通讯员 张三 {MOBILE}"), OK, "file.personal_numbers"),
    Row("docx, mark", "报道.docx", lambda: p.paper("机密★"), WAIT, "file.classified"),
    Row("pdf", "报道.pdf", p.pdf),
    Row("pdf, outlines", "报道.pdf", p.outlines),
    Row("pdf, no pages", "报道.pdf", p.no_pages, NO, "press.empty"),
    Row("picture", "报道.png", lambda: p.picture("PNG", size=(600, 900))),
    Row("picture, half", "报道.jpg", lambda: p.SCENE[:90_000], NO, "photo.damaged"),
    Row("picture, a flood", "报道.png", lambda: flooding_png(50_000, 50_000), NO, "photo.pixels"),
    Row("list", "链接.txt", lambda: f"启动仪式 {LINK}".encode()),
    Row("list of Windows", "链接.txt", lambda: f"启动仪式 {LINK}".encode("gb18030")),
    Row("list of Notepad", "链接.txt", lambda: f"启动仪式 {LINK}".encode("utf-16")),
    Row("list without links", "链接.txt", lambda: "见附件".encode(), OK, "press.link"),
    Row("list of blanks", "链接.txt", lambda: b" \r\n", NO, "press.empty"),
    Row("list with a number in its address", "链接.txt", lambda: f"{LINK}?id={WHOLE}&t={MOBILE}".encode()),
    Row("list, mobile", "链接.txt", lambda: f"{LINK}，联系人{MOBILE}".encode(), OK, "file.personal_numbers"),
    Row("workbook", "链接.xlsx", lambda: p.book(["标题", LINK])),
    Row("workbook, links behind words", "链接.xlsx", lambda: p.book(["启动仪式"], links=True)),
    Row("workbook without links", "链接.xlsx", lambda: p.book(["启动仪式"]), OK, "press.link"),
    Row("workbook, a screenshot", "链接.xlsx", lambda: p.book(drawing=True), OK, "press.link"),
    Row("workbook, empty", "链接.xlsx", lambda: p.book(), NO, "press.empty"),
    Row("workbook, locked", "链接.xlsx", lambda: samples.lock(p.book([LINK])), NO, "file.encrypted"),
    Row("gif", "报道.gif", lambda: p.picture("GIF"), NO, "file.format"),
    Row("wps", "报道.wps", lambda: old_word("报道"), NO, "file.format"),
]

TABLE = [
    (kind, row) for kind, rows in ((Kind.PHOTO, PHOTOS), (Kind.REPORT, REPORTS), (Kind.PRESS, PRESS)) for row in rows
]


def judged(kind: Kind, row: Row) -> Checked:
    more = [d.model_copy(update={"formats": [*d.formats, *row.also.split()]}) for d in CAMPAIGN.deliverables]
    data = row.make()
    source = Source(row.name, len(data), lambda: io.BytesIO(data))
    return check(source, kind, CAMPAIGN.model_copy(update={"deliverables": more}), p.HOME)


@pytest.mark.parametrize(("kind", "row"), TABLE, ids=[f"{kind}: {row.what}" for kind, row in TABLE])
def test_each_file_gets_its_verdict_and_exactly_its_rules(kind: Kind, row: Row) -> None:
    checked = judged(kind, row)
    assert (checked.verdict.value, [f.rule for f in checked.findings]) == (row.verdict, row.rules.split())
    assert all(f.fix for f in checked.findings if f.severity != "note")
    assert bool(checked.preview) <= (row.verdict != WAIT), "a held file leaves no picture"


def test_the_table_is_as_long_as_it_was() -> None:
    assert Counter(kind.value for kind, _ in TABLE) == {"photo": 61, "report": 60, "press": 26}
    assert len({(kind, row.what) for kind, row in TABLE}) == len(TABLE)
