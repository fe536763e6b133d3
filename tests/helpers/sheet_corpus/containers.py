"""Books that are locked, cut short, packed, marked, or carry what a sheet must not carry."""

from __future__ import annotations

import io
import zipfile
from typing import Any

from msoffcrypto.format.ooxml import OOXMLFile

from baosong_local.samples import dirt
from sheet_corpus.base import LIST, TOTALS, base_book
from sheet_corpus.case import Case, Make, accepted, cell, held, rejected, sheet
from sheet_corpus.raw import zipped
from sheet_help import put


def good() -> bytes:
    return dirt.written(base_book())


def locked() -> bytes:
    out = io.BytesIO()
    OOXMLFile(io.BytesIO(good())).encrypt("kjhdz2023", out)
    return out.getvalue()


def cut(to: float) -> Make:
    return lambda: good()[: int(len(good()) * to)]


def with_member(name: str, data: bytes) -> Make:
    """Return the good sheet with a member more, or with another content of it."""

    def make() -> bytes:
        with zipfile.ZipFile(io.BytesIO(good())) as archive:
            members: dict[str, Any] = {n: archive.read(n) for n in archive.namelist()}
        return zipped(members | {name: data})

    return make


CASES: list[Case] = [
    rejected("container locked", locked, "error file.encrypted"),
    rejected("container cut in half", cut(0.5), "error file.unreadable"),
    rejected("container without its last bytes", cut(0.99), "error file.unreadable"),
    rejected("container empty", lambda: b"", "error file.empty"),
    rejected("container zeros", lambda: bytes(2000), "error file.unreadable"),
    rejected("container macros", with_member("xl/vbaProject.bin", b"\0"), "error file.macros"),
    rejected(
        "container a zip of sheets", lambda: zipped({"统计表.xlsx": good()}), "error file.archive", file="统计表.zip"
    ),
    rejected(
        "container a damaged sheet",
        with_member("xl/worksheets/sheet2.xml", b"<worksheet><sheetData><row><c"),
        "error unreadable",
    ),
    accepted("container a picture of the stamp", with_member("xl/media/image1.png", b"\x89PNG\r\n\x1a\n")),
    held("container marked in a cell", sheet(cell("summary", 4, "秘密★1年"))),
    held("container marked beside the title", sheet(put(TOTALS, "H1", "密级：机密"))),
    held("container marked in its name", good, file="【秘密】统计表.xlsx"),
    accepted("container talk of secrets", sheet(cell("summary", 4, "保密科普：探索密码的秘密"), put(LIST, "A2", None))),
]
