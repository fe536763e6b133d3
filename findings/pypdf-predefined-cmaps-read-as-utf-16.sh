#!/usr/bin/env bash
# pypdf 7.1.0: page.extract_text() of a font with a predefined CMap that pypdf does not know, such as /GBKp-EUC-H or
# /UniGB-UTF32-H (both named in ISO 32000-2, table 116), decodes the codes as UTF-16 and logs that. What comes back is
# a text like any other, of Hangul and rare characters: a search in it finds nothing, and nothing says that it could
# not. The same words under /GBK-EUC-H and /UniGB-UTF16-H are read right.
#
# Seen with pypdf 7.1.0 (2026-11-28):
#   /GBK-EUC-H     '乌鲁木齐市'
#   /GBKp-EUC-H    '컚슳쒾웫쫐'
#   /UniGB-UTF16-H '乌鲁木齐市'
#   /UniGB-UTF32-H '\x00乌\x00鲁\x00木\x00齐\x00市'
# Whoever searches texts of PDFs must look at the encodings of their fonts first. Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet pypdf==7.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io
import logging

from pypdf import PdfReader

logging.disable(logging.CRITICAL)
WORDS = "乌鲁木齐市"


def text(encoding: str, codec: str) -> str:
    """Return what pypdf reads of a PDF that shows the words in a font that is not embedded."""
    shown = b"BT /F 12 Tf 60 700 Td <" + WORDS.encode(codec).hex().encode() + b"> Tj ET"
    bodies = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(shown), shown),
        b"<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding " + encoding.encode() + b" /DescendantFonts"
        b" [<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /DW 1000 /CIDSystemInfo << /Registry (Adobe)"
        b" /Ordering (GB1) /Supplement 4 >> /FontDescriptor << /Type /FontDescriptor /FontName /STSong-Light /Flags 6"
        b" /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >> >>] >>",
    ]
    out, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % start
    return PdfReader(io.BytesIO(out)).pages[0].extract_text().strip()


print("pypdf", importlib.metadata.version("pypdf"))
read = {
    encoding: text(encoding, codec)
    for encoding, codec in {
        "/GBK-EUC-H": "gbk",
        "/GBKp-EUC-H": "gbk",
        "/UniGB-UTF16-H": "utf-16-be",
        "/UniGB-UTF32-H": "utf-32-be",
    }.items()
}
for encoding, words in read.items():
    print(f"{encoding:14}", repr(words))
assert read["/GBK-EUC-H"] == read["/UniGB-UTF16-H"] == WORDS, "the behaviour has changed"
assert WORDS not in (read["/GBKp-EUC-H"], read["/UniGB-UTF32-H"]), "the behaviour has changed"
PYTHON
