"""Pictures: floods, lying headers and tags, bombs in their margins, two things in one, and what is none at all."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

from PIL import Image

from baosong.rules.findings import Kind
from hostile_makers.case import Case, case, good, nothing, picture, zipped

DAMAGED, FLOOD, POLYGLOT = "photo.damaged", "photo.pixels", "file.polyglot"


def pictures() -> Iterator[Case]:
    """Yield all cases."""
    yield from _pngs()
    yield from _jpegs()
    yield from _tiffs()
    yield from _others()


def png(width: int, height: int, *chunks: tuple[bytes, bytes], data: bytes = bytes(99)) -> bytes:
    """Return a PNG in colour with that header, further chunks, and data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    every = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in every
    )


def _pngs() -> Iterator[Case]:
    for width, height in ((50_000, 50_000), (2**31 - 1, 2**31 - 1), (130_000_000, 1), (1, 130_000_000)):
        yield case(f"png {width} x {height}", "照片.png", Kind.PHOTO, png(width, height), FLOOD)
        yield case(f"screenshot {width} x {height}", "截图.png", Kind.PRESS, png(width, height), FLOOD)
    rows = (b"\0" + bytes(3 * 1280)) * 960
    packed = {
        "a text of 200 MB": (b"zTXt", b"a\0\0"),
        "an international text of 200 MB": (b"iTXt", b"a\0\1\0\0\0"),
        "a colour profile of 200 MB": (b"iCCP", b"a\0\0"),
    }
    for title, (name, head) in packed.items():
        bomb = lambda n=name, h=head: png(1280, 960, (n, h + nothing(200)), data=rows)  # noqa: E731
        yield case(f"png with {title}", "照片.png", Kind.PHOTO, bomb)
    margins = {
        "ten million frames": (b"acTL", struct.pack(">II", 10_000_000, 0)),
        "a chunk without a name": (b"\0\0\0\0", b"x"),
        "markup in a text": (b"tEXt", b"a\0<script>alert(1)</script>"),
    }
    for title, chunk in margins.items():
        rules = (POLYGLOT,) if title.startswith("markup") else ()
        yield case(f"png with {title}", "照片.png", Kind.PHOTO, lambda c=chunk: png(1280, 960, c, data=rows), *rules)
    flood = lambda: png(1280, 960, data=bytes(300 << 20))  # noqa: E731
    yield case("png with 300 MB of data", "照片.png", Kind.PHOTO, flood)
    yield case("png of 0 x 0", "照片.png", Kind.PHOTO, png(0, 0), DAMAGED)
    largest = lambda: png(12_000, 10_000, data=bytes(10 << 20))  # noqa: E731
    yield case("png as large as is allowed", "照片.png", Kind.PHOTO, largest, DAMAGED)


def _jpegs() -> Iterator[Case]:
    data = good("jpg")
    page = b"<html><script>alert(1)</script></html>"
    comment = data[:2] + b"\xff\xfe" + struct.pack(">H", len(page) + 2) + page + data[2:]
    glued = {
        "a page behind it": data + page,
        "a page in a comment": comment,
        "PHP behind it": data + b"<?php system($_GET[0]); ?>",
        "a zip behind it": data + zipped({"x.jar": b"x" * 99}),
        "a document behind it": data + good("docx"),
        "a PDF in a comment": data[:2] + b"\xff\xfe\0\x0c%PDF-1.7\n " + data[2:],
    }
    for title, glue in glued.items():
        yield case(f"jpg with {title}", "照片.jpg", Kind.PHOTO, glue, POLYGLOT)
        yield case(f"screenshot with {title}", "截图.jpg", Kind.PRESS, glue, POLYGLOT)
    at = data.find(b"\xff\xc0") + 5
    sizes = {"65,535 x 65,535": b"\xff\xff\xff\xff", "no height": b"\0\0\5\0", "no width": b"\3\xc0\0\0"}
    for title, size in sizes.items():
        yield case(f"jpg of {title}", "照片.jpg", Kind.PHOTO, data[:at] + size + data[at + 4 :])
    exif = data.find(b"Exif\0\0") + 6
    for title, offset, value in (
        ("tags in a circle", 4, b"\x08\0\0\0"),
        ("tags beyond the end", 4, b"\xff\xff\xff\x7f"),
        ("65,535 tags", 8, b"\xff\xff"),
        ("a tag of four billion values", 14, b"\xff\xff\xff\xff"),
        ("another byte order", 0, b"MM\0*"),
    ):
        broken = data[: exif + offset] + value + data[exif + offset + len(value) :]
        yield case(f"jpg with {title}", "照片.jpg", Kind.PHOTO, broken)
    yield case("jpg of 50,000 scans", "照片.jpg", Kind.PHOTO, lambda: _scans(50_000), "file.too_costly")
    yield case("jpg of markers only", "照片.jpg", Kind.PHOTO, b"\xff\xd8" + b"\xff\xd0" * 500_000, DAMAGED)


def _scans(count: int) -> bytes:
    """Return a small progressive JPEG whose last scan comes again and again: minutes of work on any machine."""
    out = io.BytesIO()
    Image.new("RGB", (2000, 2000), 9).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rfind(b"\xff\xda")
    return data[:last] + data[last:-2] * count + b"\xff\xd9"


def _tiffs() -> Iterator[Case]:
    tags = {
        "a width of four billion": {256: 0xFFFF_FFFF},
        "65,000 x 65,000": {256: 65_000, 257: 65_000},
        "rows beyond the end": {273: 0x7FFF_FFFF},
        "four billion bytes of rows": {279: 0xFFFF_FFFF},
        "no rows to a strip": {278: 0},
        "an unknown compression": {259: 0xBEEF},
        "65,535 bits": {258: 0xFFFF},
        "65,535 samples": {277: 0xFFFF},
        "an unknown colour": {262: 0xFFFF},
    }
    for title, wrong in tags.items():
        yield case(f"tif with {title}", "照片.tif", Kind.PHOTO, tiff(wrong))
    circle = tiff({})
    yield case("tif with pages in a circle", "照片.tif", Kind.PHOTO, circle[:-4] + b"\x08\0\0\0")
    yield case(
        "tif with tags beyond the end", "照片.tif", Kind.PHOTO, b"II*\0\xff\xff\xff\x7f", DAMAGED, "file.unreadable"
    )
    yield case("tif with a million tags", "照片.tif", Kind.PHOTO, b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535))
    yield case("tif with a page behind it", "照片.tif", Kind.PHOTO, good("tif") + b"<html> </html>", POLYGLOT)


def tiff(wrong: dict[int, int]) -> bytes:
    """Return a grey TIFF of 64 x 64 with some tags as given; the last four bytes are where the next page is."""
    tags = {256: 64, 257: 64, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 64, 279: 4096} | wrong
    entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<L", 8 + 4096) + bytes(4096) + struct.pack("<H", len(tags)) + entries + bytes(4)


def _others() -> Iterator[Case]:
    gif = b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x08\0\x3b" * 500
    bodies = {
        "a GIF of 65,535 x 65,535": gif,
        "a GIF": picture("GIF"),
        "a BMP": picture("BMP"),
        "a WEBP": picture("WEBP"),
        "a PostScript program": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (r) file\n",
        "an SVG with a script": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "a page": b"<!doctype html><html><script>alert(1)</script></html>",
        "a shell script": b"#!/bin/sh\nid\n",
        "an ImageMagick program": b"push graphic-context\nimage over 0,0 0,0 'ephemeral:/etc/passwd'\n",
        "a PSD": b"8BPS\0\1" + bytes(6) + b"\0\3\xff\xff\xff\xff\xff\xff\xff\xff\0\x08\0\3" + bytes(99),
        "an icon": b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0\xff\xff\xff\xff\x16\0\0\0",
        "a HEIC": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(64),
        "an AVIF": b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(64),
        "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(99),
    }
    said = ("file.format", "file.type_mismatch", "file.unreadable")
    for title, data in bodies.items():
        yield case(f"{title} as a photo", "照片.jpg", Kind.PHOTO, data, *said)
