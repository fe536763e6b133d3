"""Office packages whose bytes depend on their content alone, and formulas with stored results."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from types import MappingProxyType
from xml.etree.ElementTree import SubElement, register_namespace, tostring

from defusedxml.ElementTree import fromstring

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SHEET = re.compile(r"xl/worksheets/sheet(\d+)\.xml")
_MODIFIED = re.compile(rb"(<dcterms:modified[^<>]*>)[^<]*(<)")
_EPOCH = (1980, 1, 1, 0, 0, 0)


def make_reproducible(
    package: bytes,
    as_of: datetime,
    results: Sequence[Mapping[str, Decimal | str]] = (),
    streams: Mapping[str, Callable[[bytes], Iterator[bytes]]] = MappingProxyType({}),
) -> bytes:
    """Return an xlsx or docx package with fixed dates and order inside.

    `results[n]` maps the cells of sheet n to the results of their formulas. `streams` maps a member's name to a
    function that turns its content into the pieces to write instead.
    """
    out = BytesIO()
    stamp = as_of.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    with zipfile.ZipFile(BytesIO(package)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in sorted(old.namelist(), key=lambda n: (n != "[Content_Types].xml", n)):
            data = old.read(name)
            if name == "docProps/core.xml":
                data = _MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<2>", data)
            elif results and (sheet := _SHEET.fullmatch(name)):
                data = _with_results(data, results[int(sheet.group(1)) - 1])
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            with new.open(info, "w") as member:
                for piece in streams[name](data) if name in streams else (data,):
                    member.write(piece)
    return out.getvalue()


def _with_results(xml: bytes, results: Mapping[str, Decimal | str]) -> bytes:
    """Store each formula's result, which previews and readers that do not calculate show."""
    if not results:
        return xml
    register_namespace("", MAIN)
    root = fromstring(xml)
    for cell in root.iter(f"{{{MAIN}}}c"):
        if (result := results.get(cell.get("r", ""))) is not None:
            value = cell.find(f"{{{MAIN}}}v")
            if value is None:
                value = SubElement(cell, f"{{{MAIN}}}v")
            if isinstance(result, str):
                cell.set("t", "str")
            value.text = str(result)
    written: bytes = tostring(root, encoding="UTF-8", xml_declaration=True)
    return written
