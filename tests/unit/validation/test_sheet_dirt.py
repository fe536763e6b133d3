"""Sheets from other programs and through other hands: the same figures, or no acceptance."""

from __future__ import annotations

import csv
import io
import random
import re
import struct
import zipfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.rules.findings import Severity, Verdict
from baosong.store.source import Source
from baosong.validation.statistics import statistics
from baosong_local.samples import dirt
from sheet_corpus.formats import xls
from sheet_help import (
    CAMPAIGN,
    TOTALS,
    URUMQI,
    crossed,
    edited,
    figures,
    judged,
    put,
    read_back,
    sample,
    values_of,
)

ERROR = rb"(?s)\x05\x02\x08\x00.{7}\x01"  # the record of an error value in an old workbook
FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
MANY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


# ---- formats


@pytest.mark.parametrize("code", ["utf-8-sig", "gb18030", "utf-16"])
def test_a_text_table_is_read_in_the_codes_of_our_offices(code: str) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    for rows in edited().values():
        writer.writerows([[f"{v:%Y/%m/%d}" if isinstance(v, datetime) else v for v in row] for row in rows])
    found = judged(text.getvalue().encode(code), "统计表.csv")
    assert found.verdict is Verdict.ACCEPTED, [f.message for f in found.findings]
    assert figures(found)[0] == clean_figures()[0]


def test_an_open_document_sheet_is_read() -> None:
    found = judged(open_document(edited()), "统计表.ods")
    assert found.verdict is Verdict.ACCEPTED, [f.message for f in found.findings]
    assert figures(found) == clean_figures()


@pytest.mark.parametrize("name", ["统计表.xls", "统计表.et"])
def test_an_ole_workbook_is_read(name: str) -> None:
    """The file is a made sheet of 6528, saved as .xls by LibreOffice 7.4: no library on our list writes that format."""
    content = (Path(__file__).parents[2] / "helpers" / "data" / "statistics.xls").read_bytes()
    found = judged(content, name, CAMPAIGN.prefecture("6528"))
    assert found.verdict is Verdict.ACCEPTED, [f.message for f in found.findings]
    indicators, activities = figures(found)
    assert indicators["A01"][0] == len(activities) > 0
    assert indicators["B01"][0] == sum(a[6] + a[7] for a in activities)


def test_an_error_value_whose_record_is_torn_by_scattered_sectors_is_found() -> None:
    """Found by a search of the raw file, such a value would be missed: its record's ends lie apart in the file."""

    def made(title: str) -> bytes:
        return xls(edited(put(TOTALS, "D22", "#DIV/0!"), put(TOTALS, "A1", title)))

    where = re.search(ERROR, made("表")).start()  # type: ignore[union-attr]
    torn = _sectors_reversed(made("表" * (1 + (506 - where) % 512 // 2)))
    assert not re.search(ERROR, torn)
    found = judged(torn, "统计表.xls")
    assert [f.where.get("cell") for f in found.findings if f.rule == "statistics.formula"] == ["D22"]


def _sectors_reversed(workbook: bytes) -> bytes:
    """Return an OLE file that says the same with its sectors in the opposite order, as a fragmented one may have."""
    head, sectors = (
        bytearray(workbook[:512]),
        [bytearray(workbook[n : n + 512]) for n in range(512, len(workbook), 512)],
    )

    def moved(number: int) -> int:
        return len(sectors) - 1 - number if number < len(sectors) else number  # above: the end of a chain, or nothing

    def renumber(part: bytearray, at: int, count: int = 1) -> list[int]:
        numbers = struct.unpack_from(f"<{count}I", part, at)
        struct.pack_into(f"<{count}I", part, at, *map(moved, numbers))
        return [n for n in numbers if n < len(sectors)]

    tables = [sectors[n] for n in renumber(head, 76, 109)]
    folder = renumber(head, 48)[0]
    renumber(head, 60), renumber(head, 68)
    links = [n for table in tables for n in struct.unpack("<128I", table)]
    while folder < len(sectors):
        for entry in range(0, 512, 128):
            renumber(sectors[folder], entry + 116)
        folder = links[folder]
    for table in tables:
        fresh = [moved(n) for n in struct.unpack("<128I", table)]
        struct.pack_into("<128I", table, 0, *fresh)
    whole = [n for table in tables for n in struct.unpack("<128I", table)]
    order = [whole[moved(n)] for n in range(len(sectors))] + whole[len(sectors) :]
    for number, table in enumerate(tables):
        struct.pack_into("<128I", table, 0, *order[128 * number : 128 * number + 128])
    return bytes(head) + b"".join(reversed(sectors))


def test_a_workbook_with_backslashes_in_its_directory_is_read() -> None:
    with zipfile.ZipFile(io.BytesIO(sample().content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("xl/worksheets/", "xl\\worksheets\\"), data)
    found = statistics.check(source(out.getvalue()), CAMPAIGN, URUMQI)
    assert found.verdict is Verdict.ACCEPTED, [f.message for f in found.findings]


# ---- dirt


@MANY
@given(
    st.integers(1, 6),
    st.lists(st.sampled_from(sorted(dirt.HARMLESS)), min_size=1, max_size=6, unique=True),
    st.integers(),
)
def test_harmless_dirt_is_read_back_to_the_same_values(seed: int, names: list[str], luck: int) -> None:
    clean = edited(base=sample("6528", seed))
    dirty = edited(base=sample("6528", seed))
    rng = random.Random(luck)
    for name in names:
        dirt.HARMLESS[name](dirty, rng)
    assert read_back(dirty) == read_back(clean)
    assert not [f for f in crossed(dirty, CAMPAIGN.prefecture("6528")) if f.severity is Severity.ERROR]


@FEW
@given(st.lists(st.sampled_from(sorted(dirt.HARMLESS)), min_size=2, max_size=8, unique=True), st.integers())
def test_a_dirty_workbook_is_accepted_with_the_same_figures(names: list[str], luck: int) -> None:
    found = judged(dirt.dirtied(sample().content, [dirt.HARMLESS[n] for n in names], luck))
    assert found.verdict is Verdict.ACCEPTED, [f.message for f in found.findings]
    assert figures(found) == clean_figures()


@pytest.mark.parametrize("harm", sorted(dirt.HARMFUL))
def test_harm_is_never_accepted(harm: str) -> None:
    extra = [] if "removed" in harm else ["rows_inserted", "columns_shuffled", "thousands"]
    changes = [dirt.HARMFUL[harm], *(dirt.HARMLESS[name] for name in extra)]
    assert judged(dirt.dirtied(sample().content, changes, 7)).verdict is Verdict.REJECTED


@MANY
@given(st.sampled_from(sorted(dirt.HARMFUL)), st.sampled_from(sorted(dirt.HARMLESS)), st.integers())
def test_harm_shows_through_any_dirt(harm: str, harmless: str, luck: int) -> None:
    if "removed" in harm:
        return
    book, rng = edited(base=sample("6543", 2)), random.Random(luck)
    dirt.HARMFUL[harm](book, rng)
    dirt.HARMLESS[harmless](book, rng)
    values = values_of(book)
    found = crossed(book, CAMPAIGN.prefecture("6543"))
    unread = None in [*values.activities["offline"], *values.activities["online"]]
    assert unread or any(f.severity is Severity.ERROR for f in found)


@cache
def clean_figures() -> Any:
    return figures(judged(sample().content))


def source(content: bytes) -> Source:
    return Source("统计表.xlsx", len(content), lambda: io.BytesIO(content))


def open_document(book: dirt.Book) -> bytes:
    """Write rows as a minimal OpenDocument spreadsheet."""
    tables = "".join(
        _element("table", "".join(map(_ods_row, rows)), f'table:name="{name}"') for name, rows in book.items()
    )
    spaces = " ".join(f'xmlns:{s}="urn:oasis:names:tc:opendocument:xmlns:{s}:1.0"' for s in ("office", "table", "text"))
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>'
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")
    return out.getvalue()


def _element(name: str, inside: str, attributes: str) -> str:
    return f"<table:{name} {attributes}>{inside}</table:{name}>"


def _ods_row(row: list[Any]) -> str:
    return _element("table-row", "".join(map(_ods_cell, row)), "")


def _ods_cell(value: Any) -> str:
    text = "" if value is None else f"<text:p>{value}</text:p>"
    if isinstance(value, datetime):
        attributes = f'office:value-type="date" office:date-value="{value:%Y-%m-%d}"'
    elif isinstance(value, int | float):
        attributes = f'office:value-type="float" office:value="{value}"'
    else:
        attributes = 'office:value-type="string"' if text else ""
    return _element("table-cell", text, attributes)


def test_an_example_of_a_date_is_a_day_of_the_campaign() -> None:
    """A clerk of 2024 who reads “例如 2023-05-20” would ask whether this is last year's notice."""
    first, last = CAMPAIGN.window.start.replace(year=2024), CAMPAIGN.window.end.replace(year=2024)
    window = CAMPAIGN.window.model_copy(update={"start": first, "end": last})
    later = CAMPAIGN.model_copy(update={"window": window})
    book = edited(put("活动明细", "F4", None), put("活动明细", "F5", "待定"))
    told = judged(dirt.written(book), campaign=later).findings
    texts = [f"{f.expected} {f.fix}" for f in told if f.rule in ("statistics.required", "statistics.date")]
    assert [text for text in texts if "2024-05-20" in text] == texts
    assert len(texts) == 2
