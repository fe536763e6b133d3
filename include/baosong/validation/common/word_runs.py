"""What the runs of an old Word document say of their letters: deleted with the change tracked, or a symbol of a font.

[MS-DOC] 2.9.12 (PlcBteChpx), 2.9.33 (ChpxFkp), 2.6.1: only runs with one of both are kept, most have neither.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

_PAGE = 512
_DELETED, _SYMBOL = 0x0800, 0x6A09  # sprmCFRMarkDel, sprmCSymbol
_LENGTHS = (1, 1, 2, 4, 2, 2, -1, 3)  # bytes of an operand, by the highest three bits of what it belongs to
MOST_PAGES = 100_000


class Run(NamedTuple):
    """The bytes of a run in the main stream, and the letter that it stands for; none where it was deleted."""

    start: int
    end: int
    letter: str


def read(main: bytes, table: bytes) -> list[Run]:
    """Return the deleted runs and the symbols; raises struct.error where the lists reach beyond their streams."""
    count = max(0, len(table) - 4) // 8
    pages = struct.unpack_from(f"<{count}L", table, 4 * (count + 1))[:MOST_PAGES] if count else ()
    starts = ((page & 0x3FFFFF) * _PAGE for page in dict.fromkeys(pages))
    return sorted((run for at in starts for run in _of_page(main[at : at + _PAGE])), key=lambda run: run.end)


def _of_page(page: bytes) -> Iterator[Run]:
    if len(page) < _PAGE:
        return
    count = page[-1]
    bounds = struct.unpack_from(f"<{count + 1}L", page)
    for number in range(count):
        at = 2 * page[4 * (count + 1) + number]
        for name, operand in _changes(page[at + 1 : at + 1 + page[at]]) if at else ():
            if name == _DELETED and operand[:1] == b"\1":
                yield Run(bounds[number], bounds[number + 1], "")
            elif name == _SYMBOL and len(operand) == 4:
                yield Run(bounds[number], bounds[number + 1], chr(int.from_bytes(operand[2:], "little")))


def _changes(given: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and operand of each property of a run."""
    at = 0
    while at + 3 <= len(given):
        (name,) = struct.unpack_from("<H", given, at)
        length = _LENGTHS[name >> 13]
        if length < 0:
            length = 1 + given[at + 2]
        yield name, given[at + 2 : at + 2 + length]
        at += 2 + length


def applied(text: str, runs: list[Run], place: int, width: int) -> str:
    """Return a piece of text, of `width` bytes a letter from `place` on, with its runs' word: as long as it was."""
    for run in runs[bisect_right(runs, place, key=lambda run: run.end) :]:
        if run.start >= place + width * len(text):
            break
        first, end = max(0, (run.start - place) // width), min(len(text), (run.end - place) // width)
        if first < end:
            text = text[:first] + (run.letter or "\0") * (end - first) + text[end:]
    return text
