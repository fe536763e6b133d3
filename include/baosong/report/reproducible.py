"""Make a workbook's file depend on its content alone, and give its formulas their results."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from types import MappingProxyType
from xml.etree.ElementTree import Element, SubElement, register_namespace, tostring

from defusedxml.ElementTree import fromstring

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_MODIFIED = re.compile(rb"(<dcterms:modified[^>]*>)[^<]*(<)")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def normalised(
    package: bytes,
    results: Sequence[Mapping[str, Decimal | str]],
    as_of: datetime,
    streams: Mapping[str, Callable[[bytes], Iterator[bytes]]] = MappingProxyType({}),
) -> bytes:
    """Return the package with fixed dates inside; `results[n]` holds sheet n's formula results by cell.

    `streams` turn a member into the pieces to be written in its place, one after the other.
    """
    out = BytesIO()
    stamp = as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<2>", data)
            elif sheet := _SHEET.fullmatch(name):
                data = _with_results(data, results[int(sheet.group(1)) - 1])
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with new.open(info, "w") as member:
                for piece in streams[name](data) if name in streams else (data,):
                    member.write(piece)
    return out.getvalue()


def _with_results(xml: bytes, results: Mapping[str, Decimal | str]) -> bytes:
    """Write each formula's result behind it, so that previews and readers that do not calculate show it too."""
    if not results:
        return xml
    register_namespace("", MAIN)
    root = fromstring(xml)
    for cell in root.iter(f"{{{MAIN}}}c"):
        if cell.get("r") in results:
            _set_result(cell, results[cell.attrib["r"]])
    written: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return written


def _set_result(cell: Element, result: Decimal | str) -> None:
    value = cell.find(f"{{{MAIN}}}v")
    if value is None:
        value = SubElement(cell, f"{{{MAIN}}}v")
    if isinstance(result, str):
        cell.set("t", "str")
    value.text = str(result)
