"""Long lists, written row by row into a sheet's XML: half a million rows of openpyxl's cells would take gigabytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter

from baosong.report.xlsx.sheet import DANGEROUS, Value, lines_of
from baosong.rules.words import strip_control

MOST_ROWS = 800_000  # Excel has 1,048,576 rows, a member of a plain zip 2 GiB
_CELL = re.compile(r"<c ([^<>]*?)/?>")
_STYLE = re.compile(r'\bs="(\d+)"')
_EPOCH = date(1899, 12, 30)
_CHUNK = 500  # rows written at once


def row_writer(
    first: int, rows: Iterable[Sequence[Value]], widths: Sequence[float]
) -> Callable[[bytes], Iterator[bytes]]:
    """Return a function that replaces the last two rows of a sheet's XML, which are patterns, by these rows.

    The first pattern gives the style of each column, the second the style of texts that need a quote prefix.
    """

    def put(xml: bytes) -> Iterator[bytes]:
        text = xml.decode()
        start, end = text.index(f'<row r="{first}"'), text.index("</sheetData>")
        patterns = text[start:end].split("<row ")[1:]
        styles, marked = ([_style(cell) for cell in _CELL.findall(row)] for row in patterns)
        letters = [get_column_letter(n) for n in range(1, len(styles) + 1)]
        yield re.sub(r"<dimension [^<>]*/>", "", text[:start]).encode()  # it states the size of the patterns
        buffer: list[str] = []
        for number, values in enumerate(rows, start=first):
            cells = [
                _cell(f"{letter}{number}", value, style, other)
                for letter, value, style, other in zip(letters, values, styles, marked, strict=True)
            ]
            high = max((lines_of(v, w) for v, w in zip(values, widths, strict=True) if type(v) is str), default=1)
            buffer.append(f'<row r="{number}" ht="{14 * high + 5}" customHeight="1">{"".join(cells)}</row>')
            if len(buffer) == _CHUNK:
                yield "".join(buffer).encode()
                buffer.clear()
        yield "".join(chain(buffer, [text[end:]])).encode()

    return put


def _style(cell: str) -> str:
    found = _STYLE.search(cell)
    return found[1] if found else "0"


def _cell(at: str, value: Value, style: str, marked: str) -> str:
    if type(value) is str:
        text = strip_control(value)
        if text:
            kind = marked if text.startswith(DANGEROUS) else style
            return f'<c r="{at}" s="{kind}" t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'
    elif isinstance(value, date):
        return f'<c r="{at}" s="{style}"><v>{(value - _EPOCH).days}</v></c>'
    elif isinstance(value, int | Decimal):
        return f'<c r="{at}" s="{style}"><v>{value}</v></c>'
    return f'<c r="{at}" s="{style}"/>'
