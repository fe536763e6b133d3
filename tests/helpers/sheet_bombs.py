"""Sheets made to harm: each takes more to read than it should, or does not hold together."""

from __future__ import annotations

import io
import os
import random
import zipfile
from collections.abc import Callable, Iterable
from functools import partial

import olefile
import xlwt
from msoffcrypto.format.ooxml import OOXMLFile

from sheet_corpus.base import base_book
from sheet_corpus.raw import HEAD, MAIN, Hand, workbook

Bomb = Callable[[], bytes]
UNREADABLE, MISSING, BROKEN = "unreadable", "missing_table", "file.unreadable"
NOT_SEARCHED = "file.not_searched"  # a package in a package may hold a mark: a person looks
SHEET, STRINGS = "xl/worksheets/sheet2.xml", "xl/sharedStrings.xml"
FRAME = ("xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml")
MB = 1 << 20
LAUGHS = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
DOCTYPE = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l0 "{"哈" * 10}">{LAUGHS}]>'
LONG_ENTITY = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY l9 "{"哈" * 30_000}">]>'


def good() -> bytes:
    return workbook(base_book(), Hand(program="WPS Office"))


def members() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(good())) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes | Iterable[bytes]], padding: int = 0) -> bytes:
    """Return a zip of parts given whole or in pieces; padding that does not compress keeps the ratio harmless."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in parts.items():
            with archive.open(name, "w", force_zip64=True) as member:
                for piece in [data] if isinstance(data, bytes) else data:
                    member.write(piece)
        if padding:
            archive.writestr("xl/media/image1.png", random.Random(1).randbytes(padding), zipfile.ZIP_STORED)
    return out.getvalue()


def with_part(name: str, data: bytes | Iterable[bytes], padding: int = 0) -> bytes:
    return packed({**members(), name: data}, padding)


def sheet_of(cells: bytes | Iterable[bytes], padding: int = 0, after: bytes = b"") -> bytes:
    """Return the good book with other cells in its list."""
    pieces = [cells] if isinstance(cells, bytes) else cells
    head = f'{HEAD}<worksheet xmlns="{MAIN}"><sheetData>'.encode()

    def whole() -> Iterable[bytes]:
        yield head
        yield from pieces
        yield b"</sheetData>" + after + b"</worksheet>"

    return with_part(SHEET, whole(), padding)


def broken(name: str) -> bytes:
    data = members()[name]
    return with_part(name, data[: len(data) // 2] + b"<<&>" + data[len(data) // 2 + 3 :])


def cut(share: float) -> bytes:
    return good()[: int(len(good()) * share)]


def laughing(name: str, doctype: str = DOCTYPE, times: int = 1) -> bytes:
    """Return a book one part of which has an entity that grows without bounds, where its first text would be."""
    text = members()[name].decode().removeprefix(HEAD)
    at = text.index(">", text.index("<t ") if "<t " in text else text.index("<", 1)) + 1
    return with_part(name, (doctype + text[:at] + "&l9;" * times + text[at:]).encode())


def repeated(piece: bytes, size: int) -> Iterable[bytes]:
    chunk = piece * max(1, MB // len(piece))
    return (chunk for _ in range(size // len(chunk)))


def rows(count: int, width: int = 1) -> Iterable[bytes]:
    """Yield rows of numbers without addresses, a thousand at a time."""
    piece = (b"<row>" + b"<c><v>1</v></c>" * width + b"</row>") * 1000
    return (piece for _ in range(count // 1000))


def shared(count: int, length: int) -> Iterable[bytes]:
    yield f'{HEAD}<sst xmlns="{MAIN}">'.encode()
    item = f"<si><t>{'科' * length}</t></si>".encode()
    yield from repeated(item, count * len(item))
    yield b"</sst>"


def far(*cells: str) -> bytes:
    return sheet_of("".join(f'<row r="{a.lstrip("ABCDEFXZ")}"><c r="{a}"><v>1</v></c></row>' for a in cells).encode())


def long_cell() -> bytes:
    text = [b'<row><c t="inlineStr"><is><t>', *repeated("科".encode() * 100, 100 * MB), b"</t></is></c></row>"]
    return sheet_of(text, MB)


def unclosed(piece: bytes, part: str = STRINGS) -> bytes:
    """Return a part in which a search for the end of every opening would go to the very end; 密 makes it be read."""
    return with_part(part, [f'{HEAD}<sst xmlns="{MAIN}"><si><t>密</t></si>'.encode(), *repeated(piece, 31 * MB)], MB)


def marked_words(count: int) -> bytes:
    """Return a book with many parts full of words that must be searched for marks."""
    text = "<worksheet><is><t>密".encode() + "科普".encode() * (5 * MB) + b"</t></is></worksheet>"
    return packed({**members(), **{f"xl/worksheets/sheet{i}.xml": text for i in range(3, 3 + count)}}, 3 * MB)


def plain_words() -> bytes:
    """Return a book with a part too large to be searched, in which the letter of a mark occurs nowhere."""
    text = b"<worksheet><is><t>" + "科普".encode() * (7 * MB) + b"</t></is></worksheet>"
    return packed({**members(), "xl/worksheets/sheet3.xml": text}, 3 * MB)


def many_members(count: int) -> bytes:
    return packed({**members(), **{f"xl/worksheets/sheet{i}.xml": b"<worksheet/>" for i in range(3, count)}})


def many_sheets(count: int) -> bytes:
    return workbook({**base_book(), **{f"表{i}": [["一"]] for i in range(count)}}, Hand())


def nested() -> bytes:
    inside = packed({"xl/workbook.xml": repeated(bytes(1024), 400 * MB)})
    return with_part("xl/embeddings/book.xlsx", inside)


def locked() -> bytes:
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(good())).encrypt("kjhdz2023", out)
    return out.getvalue()


def old() -> bytes:
    made = xlwt.Workbook()
    for name, lines in base_book().items():
        page = made.add_sheet(name)
        for r, line in enumerate(lines):
            for c, value in enumerate(line):
                page.write(r, c, value if isinstance(value, int | float | str) or value is None else str(value))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def old_locked() -> bytes:
    """Return an xls whose globals begin with FILEPASS, as one behind a password does."""
    return _records(lambda body: body[:20] + b"\x2f\x00\x06\x00\x01\x00" + bytes(4) + body[20:-10])


def old_lying() -> bytes:
    """Return an xls a record of which claims to be longer than the file."""
    return _records(lambda body: body[:20] + b"\xfc\x00\xff\xff" + body[24:])


def _records(change: Callable[[bytes], bytes]) -> bytes:
    content = old()
    with olefile.OleFileIO(io.BytesIO(content)) as ole:
        body = ole.openstream("Workbook").read()
    at = content.index(body[:64])
    changed = change(body)
    assert len(changed) == len(body)
    return content[:at] + changed + content[at + len(body) :]


def old_circular() -> bytes:
    """Return an xls whose table of sectors leads back to itself."""
    content = bytearray(old())
    at = 512 * (1 + int.from_bytes(content[76:80], "little"))
    for sector in range(100):
        content[at + 4 * sector : at + 4 * sector + 4] = (sector % 3).to_bytes(4, "little")
    return bytes(content)


def open_document(content: Iterable[bytes], head: str = HEAD) -> bytes:
    names = ("office", "table", "text")
    spaces = " ".join(f'xmlns:{s}="urn:oasis:names:tc:opendocument:xmlns:{s}:1.0"' for s in names)

    def whole() -> Iterable[bytes]:
        yield f"{head}<office:document-content {spaces}><office:body><office:spreadsheet>".encode()
        yield '<table:table table:name="活动明细">'.encode()
        yield from content
        yield b"</table:table></office:spreadsheet></office:body></office:document-content>"

    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    return packed({"mimetype": kind, "META-INF/manifest.xml": b"<manifest/>", "content.xml": whole()})


def repeats(down: int, across: int) -> bytes:
    cell = f'<table:table-cell office:value-type="float" office:value="1" table:number-columns-repeated="{across}"/>'
    row = f'<table:table-row table:number-rows-repeated="{down}">{cell}</table:table-row>'
    return open_document([row.encode()] * 3)


def merges(count: int) -> bytes:
    cells = b"".join(b'<mergeCell ref="A%d:B%d"/>' % (i, i) for i in range(1, count))
    return sheet_of(b"<row><c><v>1</v></c></row>", after=b"<mergeCells>" + cells + b"</mergeCells>", padding=MB)


def formulas(count: int) -> bytes:
    return sheet_of(((b"<row>" + b"<c><f>A1</f></c>" * 20 + b"</row>") * 1000 for _ in range(count // 1000)), MB)


XLSX: dict[str, tuple[str, Bomb]] = {
    **{f"malformed {part}": (UNREADABLE, partial(broken, part)) for part in (*FRAME, SHEET, STRINGS)},
    **{f"cut to {share:.1%}": (BROKEN, partial(cut, share)) for share in (0.01, 0.3, 0.6, 0.9, 0.999)},
    **{f"laughs in {part}": (UNREADABLE, partial(laughing, part)) for part in (*FRAME, SHEET, STRINGS)},
    "entity of 30,000 letters a thousand times": (UNREADABLE, partial(laughing, STRINGS, LONG_ENTITY, 1000)),
    "zip of 1 GB": ("file.bomb", lambda: sheet_of(repeated(bytes(1024), 1024 * MB))),
    "zip of 500 MB of blanks at a harmless ratio": (
        UNREADABLE,
        lambda: sheet_of(repeated(b" " * 1024, 500 * MB), 3 * MB),
    ),
    "zip of 500 MB of rows": (UNREADABLE, lambda: sheet_of(rows(1_000_000, 30), 4 * MB)),
    "zip of 500 MB of strings": (UNREADABLE, lambda: with_part(STRINGS, shared(8_000_000, 15), 4 * MB)),
    "zip of ten thousand parts": ("", lambda: many_members(9_900)),
    "zip of twenty thousand parts": ("file.bomb", lambda: many_members(20_000)),
    "zip in a zip, which nobody opens": (NOT_SEARCHED, nested),
    "three thousand sheets": ("", lambda: many_sheets(3000)),
    "one far cell": (MISSING, lambda: far("XFD1048576")),
    "two far cells": (UNREADABLE, lambda: far("A1", "XFD1048576")),
    "two cells fifty columns and a million rows apart": (UNREADABLE, lambda: far("A1", "AZ1000000")),
    "a cell in row 4,294,967,295": (MISSING, lambda: far("A4294967295")),
    "1,048,000 rows": (MISSING, lambda: sheet_of(rows(1_048_000), MB)),
    "16,384 columns": (UNREADABLE, lambda: sheet_of(rows(1000, 16_384), 3 * MB)),
    "two million merged cells": (MISSING, lambda: merges(2_000_000)),
    "two million formulas": (MISSING, lambda: formulas(100_000)),
    "a cell of 100 MB": (MISSING, long_cell),
    "openings of tags without end": (UNREADABLE, lambda: unclosed(b"<")),
    "openings of line ends without end": (UNREADABLE, lambda: unclosed(b"<w:br ")),
    "openings of texts without end": (
        MISSING,
        lambda: with_part(SHEET, ["密".encode(), *repeated(b"<is>", 31 * MB)], MB),
    ),
    "openings of sheets without end": (UNREADABLE, lambda: unclosed(b"<sheet ", "xl/workbook.xml")),
    "120 MB of words to search for marks": (NOT_SEARCHED, lambda: marked_words(4)),
    "40 MB of words without a mark": ("", plain_words),
    "behind a password": ("file.encrypted", locked),
    "noise": (BROKEN, lambda: os.urandom(MB)),
}
OTHERS: dict[str, tuple[str, str, Bomb]] = {
    "xls behind a password": ("xls", "file.encrypted", old_locked),
    "xls with a lying record": ("xls", UNREADABLE, old_lying),
    "xls with circular sectors": ("xls", UNREADABLE, old_circular),
    "ods of a billion rows": ("ods", MISSING, lambda: repeats(10**9, 1)),
    "ods of a billion rows and columns": ("ods", UNREADABLE, lambda: repeats(10**9, 10**9)),
    "ods of twenty million cells": ("ods", UNREADABLE, lambda: repeats(100_000, 200)),
    "ods with laughs": ("ods", UNREADABLE, lambda: open_document([b"&l9;"], DOCTYPE)),
    "csv of 100 MB": ("csv", "file.too_large", lambda: b"1," * (50 * MB)),
    "csv of 19 MB in one line": ("csv", UNREADABLE, lambda: b"1," * (9 * MB)),
    "csv of 19 MB in one cell": ("csv", UNREADABLE, lambda: b'"' + b"a\n" * (9 * MB)),
    "csv of 19 MB of short lines": ("csv", MISSING, lambda: b"1\n" * (9 * MB)),
    "csv of 19 MB of quotes": ("csv", UNREADABLE, lambda: b'"' * (19 * MB)),
    "csv of 19 MB of wide rows": ("csv", MISSING, lambda: (b",".join([b"x"] * 300) + b"\n") * 30_000),
    "csv of 18 MB of one row over many lines": ("csv", MISSING, lambda: b'"a\n",' * (3 * MB) + "科".encode()),
}
BOMBS = {name: ("xlsx", *bomb) for name, bomb in XLSX.items()} | OTHERS
