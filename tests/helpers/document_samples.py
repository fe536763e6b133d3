"""Photographs and documents as they come, made by code: the makers behind tests/corpus/test_document_corpus.py."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from typing import Any

import docx
import openpyxl
from PIL import Image, TiffImagePlugin
from pypdf import PdfReader, PdfWriter

from baosong_local.samples import documents as samples
from baosong_local.samples.media import make_photo
from sheet_help import CAMPAIGN

HOME = CAMPAIGN.prefecture("6501")
TITLE = "乌鲁木齐市2023年自治区科技活动周总结报告"
SCENE = make_photo(5, HOME.name, (1280, 960), position=True)


@cache
def scene() -> Image.Image:
    """A decoded picture without EXIF."""
    image = Image.open(io.BytesIO(SCENE)).convert("RGB")
    return Image.frombytes("RGB", image.size, image.tobytes())


def picture(form: str, mode: str = "RGB", size: tuple[int, int] = (1280, 960), **how: Any) -> bytes:
    """The scene in a format and a mode of pixels."""
    out = io.BytesIO()
    image = scene().resize(size)
    if mode == "I;16":
        grey = image.convert("L")
        image = Image.frombytes("I;16", size, b"".join(bytes((0, level)) for level in grey.tobytes()))
    elif mode == "RGBA":
        image.putalpha(image.convert("L"))
    image = image if mode in ("I;16", "RGBA") else image.convert(mode)
    if form == "HEIF":
        how["enc_params"] = {"preset": "ultrafast"}  # an eighth of the time, for the same picture
    image.save(out, form, **how)
    return out.getvalue()


def frames(form: str, **how: Any) -> bytes:
    """Two pictures in one file: an animation, pages, a camera's picture with its preview."""
    return picture(form, save_all=True, append_images=[scene().transpose(Image.Transpose.ROTATE_180)], **how)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def damaged_exif() -> bytes:
    data = picture("JPEG", exif=turned(6))
    at = data.index(b"Exif\0\0") + 6
    return data[: at + 8] + b"\xff" * 18 + data[at + 26 :]


def wrong_crc() -> bytes:
    data = bytearray(picture("PNG"))
    data[data.index(b"IDAT") + 1000] ^= 0xFF
    return bytes(data)


def tiff_of_sixteen_bits() -> bytes:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    return picture("TIFF", "I;16", tiffinfo=tags)


def paper(*paragraphs: str, header: str = "", footer: str = "", comment: str = "", **properties: str) -> bytes:
    """A Word document of these paragraphs."""
    document, out = docx.Document(), io.BytesIO()
    document.core_properties.title = ""
    for text in paragraphs:
        document.add_paragraph(text)
    for name, value in properties.items():
        setattr(document.core_properties, name, value)
    document.sections[0].header.paragraphs[0].text = header
    document.sections[0].footer.paragraphs[0].text = footer
    if comment:
        document.add_comment(document.paragraphs[0].runs, text=comment)
    document.save(out)
    return out.getvalue()


def split_runs(*pieces: str) -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_paragraph(TITLE)
    paragraph = document.add_paragraph()
    for piece in pieces:
        paragraph.add_run(piece).bold = True
    document.save(out)
    return out.getvalue()


def pasted_pictures() -> bytes:
    document, out = docx.Document(), io.BytesIO()
    document.add_picture(io.BytesIO(picture("JPEG", size=(640, 480))))
    document.save(out)
    return out.getvalue()


def report() -> bytes:
    return samples.make_report(CAMPAIGN, HOME, 3)


def pdf(*pages: list[str]) -> bytes:
    return samples.make_pdf(pages or [[TITLE], ["各项活动顺利开展。"]])


def rewritten(change: Any) -> bytes:
    """A good PDF with something done to its writer."""
    writer, out = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf()))), io.BytesIO()
    change(writer)
    writer.write(out)
    return out.getvalue()


def no_pages() -> bytes:
    out = io.BytesIO()
    PdfWriter().write(out)
    return out.getvalue()


def outlines() -> bytes:
    """A page whose letters are curves."""
    plain = pdf([])
    strokes = b"".join(b"%d %d m %d %d l S\n" % (x % 500, x % 700, x % 311, x % 97) for x in range(400))
    old = plain[plain.index(b"<< /Length", plain.index(b"/Contents")) : plain.index(b"endstream")]
    return plain.replace(old, b"<< /Length %d >>\nstream\n" % len(strokes) + strokes)


def book(*rows: list[Any], links: bool = False, drawing: bool = False) -> bytes:
    """A workbook of these rows; `links` puts an address behind each first cell."""
    made, out = openpyxl.Workbook(), io.BytesIO()
    sheet: Any = made.active
    for row in rows:
        sheet.append(row)
        if links:
            sheet.cell(sheet.max_row, 1).hyperlink = f"https://news.example.cn/{sheet.max_row}.html"
    if drawing:
        from openpyxl.drawing.image import Image as Drawing

        sheet.add_image(Drawing(io.BytesIO(picture("PNG", size=(64, 48)))))
    made.save(out)
    return out.getvalue()


def open_document(text: str) -> bytes:
    """A text of LibreOffice or WPS in the open format."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        made.writestr("content.xml", f"<office:body><text:p>{text}</text:p></office:body>")
    return out.getvalue()


def placed() -> Image.Exif:
    """EXIF with a position."""
    return Image.open(io.BytesIO(SCENE)).getexif()


def last_year_s() -> bytes:
    """Last year's report, which ends with plans for this one."""
    return paper("乌鲁木齐市2022年科技活动周总结报告", "各项活动。" * 20, "2023年打算")


def empty_but_marked() -> bytes:
    """An old Word file without text, whose header bears a mark."""
    data = bytearray(old_word("机密★"))
    at = data.index(b"\xec\xa5") + 76  # ccpText
    data[at : at + 4] = b"\1\0\0\0"
    return bytes(data)


def ole(stream: str, data: bytes) -> bytes:
    """Return a minimal OLE container with one stream, as an old Word or WPS file is."""
    sector = 512
    data = data.ljust(max(4096, -(-len(data) // sector) * sector), b"\0")
    count = len(data) // sector

    def entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
        raw = (name.encode("utf-16-le") + b"\0\0").ljust(64, b"\0")
        length = (len(name) + 1) * 2 if name else 0
        numbers = b"".join(n.to_bytes(4, "little") for n in (0xFFFFFFFF, 0xFFFFFFFF, child))
        tail = start.to_bytes(4, "little") + size.to_bytes(8, "little")
        return raw + length.to_bytes(2, "little") + bytes([kind, 1]) + numbers + bytes(36) + tail

    fat = [0xFFFFFFFD, 0xFFFFFFFE] + [i + 3 for i in range(count - 1)] + [0xFFFFFFFE]
    fat += [0xFFFFFFFF] * (128 - len(fat))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b"\x3e\0\x03\0\xfe\xff\x09\0\x06\0" + bytes(10)
    header += b"".join(n.to_bytes(4, "little") for n in (1, 1, 0, 4096, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0, 0))
    header += b"\xff\xff\xff\xff" * 108
    directory = entry("Root Entry", 5, 1, 0xFFFFFFFE, 0) + entry(stream, 2, 0xFFFFFFFF, 2, len(data))
    directory += entry("", 0, 0xFFFFFFFF, 0, 0) * 2
    return header + b"".join(n.to_bytes(4, "little") for n in fat) + directory + data


def old_word(text: str, flags: int = 0) -> bytes:
    head = b"\xec\xa5\xc1\0".ljust(10, b"\0") + bytes([0, flags])
    head = head.ljust(76, b"\0") + len(text).to_bytes(4, "little")  # ccpText
    return ole("WordDocument", head.ljust(512, b"\0") + text.encode("utf-16-le"))
