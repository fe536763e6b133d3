"""What a case is, and the good files that most are made from."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from baosong.campaign import Campaign, load_campaign
from baosong.rules.findings import Kind
from baosong_local.samples import documents, media, sheets


class Case(NamedTuple):
    """One file: what it is, the name and deliverable it is sent as, its bytes, and the rules one of which must be said.

    With no rules, any verdict will do that is told with Chinese words.
    """

    title: str
    name: str
    kind: Kind | None
    make: Callable[[], bytes]
    rules: frozenset[str] = frozenset()


def case(title: str, name: str, kind: Kind | None, content: bytes | Callable[[], bytes], *rules: str) -> Case:
    """Return a case; bytes are as good as their maker."""
    make = content if callable(content) else lambda: content
    return Case(title, name, kind, make, frozenset(rules))


@cache
def nothing(megabytes: int) -> bytes:
    """Return that many of zeros, packed: seconds of work, which the collection of tests need not wait for."""
    return zlib.compress(bytes(megabytes << 20), 9)


@cache
def the_campaign() -> Campaign:
    """Return the campaign of 2023."""
    return load_campaign(Path(__file__).parents[3] / "include/campaigns/2023.yaml")


@cache
def good(what: str) -> bytes:
    """Return a good file: `docx`, `pdf`, `txt`, `xlsx`, `jpg`, `png`, `tif`, `scan`, `press`."""
    campaign, unit = the_campaign(), the_campaign().prefecture("6501")
    match what:
        case "docx":
            return documents.make_report(campaign, unit, 1)
        case "press":
            return documents.make_press(campaign, unit, 1)
        case "pdf":
            return documents.make_pdf_report(campaign, unit, 1)
        case "txt":
            return documents.make_link_list(campaign, unit, 1)
        case "xlsx":
            return sheets.make_sheet(campaign, unit, seed=1).content
        case "jpg":
            return media.make_photo(1, unit.name, (1280, 960), position=True)
        case "scan":
            return documents.make_scan(media.make_photo(1, unit.name, (640, 480)))
    return picture({"png": "PNG", "tif": "TIFF"}[what])


def picture(form: str, size: tuple[int, int] = (1280, 960)) -> bytes:
    """Return a picture of stripes in one of Pillow's formats."""
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("P" if form == "GIF" else "RGB").save(out, form)
    return out.getvalue()


def zipped(members: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def members(package: bytes) -> dict[str, bytes]:
    """Return the members of a zip by name."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def replaced(what: str, parts: Mapping[str, bytes]) -> bytes:
    """Return a good Office file with members added or replaced."""
    return zipped({**members(good(what)), **parts})


def edited(what: str, name: str, old: bytes, new: bytes) -> bytes:
    """Return a good Office file with something in one member replaced, once."""
    part = members(good(what))[name]
    assert old in part, (what, name, old)
    return replaced(what, {name: part.replace(old, new, 1)})
