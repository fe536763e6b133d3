"""Long lists go row by row into a sheet's XML: as cells in memory half a million rows would need gigabytes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import chain
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter

from baosong.report.xlsx.sheet import DANGEROUS, Value, lines_of, plain

MOST_ROWS = 800_000  # Excel has 1,048,576 rows, a member of a plain zip 2 GiB
_CELL = re.compile(r"<c ([^>]*?)/?>")
_STYLE = re.compile(r'\bs="(\d+)"')
_EPOCH = date(1899, 12, 30)
_CHUNK = 500  # rows written at once


def streamed(
    first: int, rows: Iterable[Sequence[Value]], widths: Sequence[float]
) -> Callable[[bytes], Iterator[bytes]]:
    """Return what puts rows from row `first` on into the XML of a sheet that ends in two rows of patterns.

    The patterns' styles are taken over, the second row's for texts that must be marked as texts.
    """

    def put(xml: bytes) -> Iterator[bytes]:
        text = xml.decode()
        start, end = text.index(f'<row r="{first}"'), text.index("</sheetData>")
        patterns = text[start:end].split("<row ")[1:]
        styles, marked = ([_style(cell) for cell in _CELL.findall(row)] for row in patterns)
        letters = [get_column_letter(n) for n in range(1, len(styles) + 1)]
        yield re.sub(r"<dimension [^>]*/>", "", text[:start]).encode()  # it tells the patterns' size
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
        text = plain(value)
        if text:
            kind = marked if text.startswith(DANGEROUS) else style
            said = f'<is><t xml:space="preserve">{escape(text)}</t></is>'
            return f'<c r="{at}" s="{kind}" t="inlineStr">{said}</c>'
    elif isinstance(value, date):
        return f'<c r="{at}" s="{style}"><v>{(value - _EPOCH).days}</v></c>'
    elif isinstance(value, int | Decimal):
        return f'<c r="{at}" s="{style}"><v>{value}</v></c>'
    return f'<c r="{at}" s="{style}"/>'
