"""PDFs as programs write them, by hand: fonts of every sort of encoding, remarks, stamps, fields, carried files."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

TITLE = "乌鲁木齐市2023年自治区科技活动周总结报告"
CATALOG, PAGES = b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
SIMPLE = (
    b"<< /Type /Font /Subtype /TrueType /BaseFont /SimSun /FirstChar 0 /LastChar 255 /Widths [" + b"500 " * 256 + b"]"
)


def pdf(*objects: bytes, trailer: bytes = b"", behind: bytes = b"") -> bytes:
    """Return a PDF of these objects, the first of them its root; `behind` stands before their table."""
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    out += behind
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size, start = len(objects) + 1, len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    return out + b"trailer << /Size %d /Root 1 0 R %b >>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def stream(content: bytes, more: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), more, content)


def shown(strings: Sequence[bytes]) -> bytes:
    """Return a page's content that shows these strings of codes, a line each."""
    lines = b" ".join(b"<" + codes.hex().encode() + b"> '" for codes in strings)
    return stream(b"BT /F1 16 Tf 24 TL 50 780 Td " + lines + b" ET")


def in_font(font: bytes, strings: Sequence[bytes], *more: bytes) -> bytes:
    """Return a PDF of one page whose text is these codes of a font; further objects have numbers from 6 on."""
    return pdf(CATALOG, PAGES, PAGE, shown(strings), font, *more)


def composite(encoding: str, ordering: str = "GB1", descriptor: str = "", more: str = "", glyphs: str = "") -> bytes:
    """Return a font of two-byte codes, by default not embedded."""
    return (
        f"<< /Type /Font /Subtype /Type0 /BaseFont /SimSun /Encoding {encoding} {more} /DescendantFonts ["
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /SimSun /DW 1000 {glyphs}"
        f" /CIDSystemInfo << /Registry (Adobe) /Ordering ({ordering}) /Supplement 4 >> /FontDescriptor"
        f" << /Type /FontDescriptor /FontName /SimSun /Flags 4 /FontBBox [-25 -254 1000 880] /ItalicAngle 0"
        f" /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 {descriptor} >> >>] >>"
    ).encode()


def simple(encoding: str = "", more: str = "") -> bytes:
    """Return a font of one-byte codes."""
    return SIMPLE + f" {encoding} {more} >>".encode()


def lines(*texts: str, codec: str) -> list[bytes]:
    return [text.encode(codec) for text in texts]


def glyphs(*texts: str) -> list[bytes]:
    """Return texts as numbers of glyphs that mean nothing to anybody else."""
    known: dict[str, int] = {}
    return [b"".join(struct.pack(">H", known.setdefault(c, len(known) + 3)) for c in text) for text in texts]


def to_unicode(*texts: str) -> bytes:
    """Return the table of the codes that `glyphs` gives."""
    codes = b"".join(glyphs(*texts))
    pairs = dict(zip((codes[i : i + 2] for i in range(0, len(codes), 2)), "".join(texts), strict=True))
    rows = "\n".join(f"<{code.hex()}> <{c.encode('utf-16-be').hex()}>" for code, c in pairs.items())
    return stream(
        f"1 begincodespacerange <0000> <FFFF> endcodespacerange\n{len(pairs)} beginbfchar\n{rows}\nendbfchar".encode()
    )


def utf16(text: str) -> bytes:
    """Return a string object."""
    return b"<feff" + text.encode("utf-16-be").hex().encode() + b">"


def with_page(more: bytes, *objects: bytes, catalog: bytes = b"", trailer: bytes = b"") -> bytes:
    """Return a good report with something more on its page, in its catalog or trailer; objects from number 6 on."""
    root = CATALOG[:-2] + catalog + b" >>"
    page = PAGE[:-2] + more + b" >>"
    font = composite("/UniGB-UTF16-H")
    return pdf(root, PAGES, page, shown(lines(TITLE, codec="utf-16-be")), font, *objects, trailer=trailer)


def carrying(content: bytes, name: str = "data.xlsx") -> bytes:
    """Return a good report that carries a file as it is, as PDF/A-3 and writers of attachments do."""
    spec = b"<< /Type /Filespec /F %b /UF %b /EF << /F 7 0 R >> >>" % (utf16(name), utf16(name))
    names = b"/Names << /EmbeddedFiles << /Names [%b 6 0 R] >> >> /AF [6 0 R]" % utf16(name)
    return with_page(b"", spec, stream(content, b"/Type /EmbeddedFile"), catalog=names)


def hybrid(content: bytes) -> bytes:
    """Return a good report that carries the document it was made of, as LibreOffice does."""
    kind = b"/application#2Fvnd#2Eoasis#2Eopendocument#2Etext"
    return with_page(
        b"",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        trailer=b"/AdditionalStreams [%b 6 0 R]" % kind,
    )


def zipped(members: dict[str, str], comment: bytes = b"") -> bytes:
    """Return a zip."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = comment
        for name, text in members.items():
            archive.writestr(name, text)
    return out.getvalue()
