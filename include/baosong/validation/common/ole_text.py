"""The words of compound (OLE) files: old Word by its piece table, properties, and marks in every stream.

A workbook's headers, comments and boxes, a presentation, a drawing: whatever the format, its words are UTF-16 or GBK
somewhere in a stream. For marks that is enough, and it needs no parser of each. [MS-DOC], [MS-CFB], [MS-OLEPS].
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import olefile  # type: ignore[import-untyped]

from baosong.validation.common import word_runs
from baosong.validation.common.filetypes import OLE_ERRORS
from baosong.validation.common.words import Words
from baosong.validation.common.xml_text import without_codes

LETTER = "密"  # no mark is without it
MOST = 20_000  # places in a stream
_WORD_97 = 0xC1  # nFib of Word 97 and later; before, a text had one byte a letter
_COUNTS = ("ccpText", "ccpFtn", "ccpHdd", "ccpMcr", "ccpAtn", "ccpEdn", "ccpTxbx", "ccpHdrTxbx")
_BODY = frozenset({"ccpText", "ccpFtn", "ccpEdn", "ccpTxbx"})
_CCP_TEXT, _FC_CLX, _FC_FORMATS = 76, 418, 250  # where a Word file has its counts, and where its lists are
_COMPRESSED, _TABLE_1 = 1 << 30, 0x0200
_INSTRUCTION = re.compile(r"\x13([^\x13-\x15]*)[\x14\x15]")
_ADDRESS = re.compile(r'HYPERLINK\s{1,5}"(https?://[^"\s]+)"')
_LINES = str.maketrans({7: "\n", 11: "\n", 12: "\n", 13: "\n", 30: "-", 31: None, 0: None, 1: None, 2: None, 5: None, 8: None, 0x15: None})  # fmt: skip # noqa: E501
_PROPERTIES = ("\x05SummaryInformation", "\x05DocumentSummaryInformation")
_NESTED = ("Package", "\x01Ole10Native", "CONTENTS", "Contents")
_KNOWN = (b"PK\x03\x04", olefile.MAGIC, b"%PDF-", b"{\\rtf", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c")
Nested = Callable[[str, bytes], None]


def read(ole: Any, words: Words, nested: Nested) -> None:
    """Search every stream of a container for marks and add its properties.

    `nested` gets the name and bytes of what may be a file within the file.
    """
    for path in ole.listdir():
        if path[-1] in _PROPERTIES:
            words.add("margins", "\n".join(_properties(ole, path)))
        try:
            data = ole.openstream(path).read()
        except OLE_ERRORS:
            words.miss("/".join(path))
            continue
        for piece in near_marks(data):
            words.add("traces", without_codes(piece))
        if path[-1] in _NESTED:
            nested("/".join(path), _unpacked(data))


def near_marks(data: bytes) -> Iterator[str]:
    """Yield the text around each 密 in raw bytes, in the three codes, however it lies."""
    for letter, code, before in ((LETTER.encode("utf-16-le"), "utf-16-le", 24), (LETTER.encode(), "utf-8", 48)):
        for at in _places(data, letter):
            yield data[max(0, at - before) if at >= before else at % 2 : at + 64].decode(code, "ignore")
    for at in _places(data, LETTER.encode("gb18030")):
        for before in range(2, 9):  # where a letter of two bytes begins cannot be seen from its end
            yield data[max(0, at - before) : at + 32].decode("gb18030", "ignore")


def _places(data: bytes, letter: bytes) -> Iterator[int]:
    at = -1
    for _ in range(MOST):
        if (at := data.find(letter, at + 1)) < 0:
            return
        yield at


def _unpacked(data: bytes) -> bytes:
    """Return the document that an Ole10Native stream or another wrapper holds, if its first bytes are known."""
    starts = [at for mark in _KNOWN if (at := data[:4096].find(mark)) >= 0]
    return data[min(starts) :] if starts else data


def _properties(ole: Any, path: list[str]) -> Iterator[str]:
    try:
        found = ole.getproperties(path, convert_time=False)
    except OLE_ERRORS:
        return
    code = {1200: "utf-16-le", 65001: "utf-8", -535: "utf-8"}.get(found.get(1), "gb18030")
    for value in found.values():
        for text in value if isinstance(value, list) else [value]:
            if isinstance(text, bytes | str):
                yield (text if isinstance(text, str) else text.decode(code, "ignore")).replace("\0", "")


def read_word(ole: Any, main: bytes, words: Words) -> bool:
    """Add an old Word document's text, and what stands in its margins; return whether its piece table could be read."""
    try:
        text = _by_pieces(ole, main) if _version(main) >= _WORD_97 else _before_97(main)
        counts = struct.unpack_from("<8L", main, _CCP_TEXT) if _version(main) >= _WORD_97 else (len(text),)
    except (*OLE_ERRORS, struct.error):
        return False
    if not text:
        return False
    at = 0
    for name, count in zip(_COUNTS, counts, strict=False):
        part = text[at : at + count]
        at += count
        words.pictures += part.count("\x01") + part.count("\x08")
        words.add("text" if name in _BODY else "margins", _readable(part, words))
    words.add("margins", _readable(text[at:], words))
    return True


def _version(main: bytes) -> int:
    return int.from_bytes(main[2:4], "little")


def _readable(text: str, words: Words) -> str:
    """Return a text without what its fields are made of; the addresses behind its links are kept."""
    for _ in range(4):  # fields in fields
        words.targets += [address for made in _INSTRUCTION.findall(text) for address in _ADDRESS.findall(made)]
        text = _INSTRUCTION.sub("", text)
    return text.translate(_LINES)


def _before_97(main: bytes) -> str:
    first, end = struct.unpack_from("<2L", main, 24)
    return main[first:end].decode("gb18030", "replace")


def _by_pieces(ole: Any, main: bytes) -> str:
    """Return all text of a document, the subdocuments one behind another as their counts say."""
    (flags,) = struct.unpack_from("<H", main, 10)
    stream = ole.openstream("1Table" if flags & _TABLE_1 else "0Table").read()
    table, formats = (_part(main, stream, at) for at in (_FC_CLX, _FC_FORMATS))
    runs = word_runs.read(main, formats)
    at = 0
    while table[at : at + 1] == b"\x01":
        at += 3 + int.from_bytes(table[at + 1 : at + 3], "little")
    if table[at : at + 1] != b"\x02":
        return ""
    (size,) = struct.unpack_from("<L", table, at + 1)
    count = (min(size, len(table) - at - 5) - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}L", table, at + 5)
    places = [struct.unpack_from("<L", table, at + 5 + 4 * (count + 1) + 8 * n + 2)[0] for n in range(count)]
    if sum(max(0, end - begin) for begin, end in pairwise(ends)) > len(main):
        return ""  # pieces that share letters would make much of little
    return "".join(
        _piece(main, place, max(0, end - begin), runs)
        for (begin, end), place in zip(pairwise(ends), places, strict=True)
    )


def _part(main: bytes, stream: bytes, at: int) -> bytes:
    first, length = struct.unpack_from("<2L", main, at)
    return stream[first : first + length]


def _piece(main: bytes, place: int, letters: int, runs: list[word_runs.Run]) -> str:
    width, code = (1, "cp1252") if place & _COMPRESSED else (2, "utf-16-le")
    start = (place & ~_COMPRESSED) // 2 if place & _COMPRESSED else place
    text = main[start : start + width * letters].decode(code, "replace")
    return word_runs.applied(text, runs, start, width)


def opened(data: bytes) -> Any:
    """Open a container from memory; raises one of `OLE_ERRORS`."""
    return olefile.OleFileIO(io.BytesIO(data))
