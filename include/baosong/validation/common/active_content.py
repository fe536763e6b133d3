"""What acts by itself when a file is opened: macros, scripts, programs carried along, content fetched from elsewhere.

None of it belongs in a report, and all of it would reach those who open the archive later. Called for files whose type
is collected; it runs in the sandbox, behind the zip guard.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import olefile  # type: ignore[import-untyped]

from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding, Where
from baosong.store.source import Source
from baosong.validation.common import opc, zip_guard
from baosong.validation.common.dtd import declares_dtd
from baosong.validation.common.filetypes import OLE_ERRORS, PARSER_ERRORS, PICTURES, ZIPPED
from baosong.validation.common.reader import plain

LARGEST_PART = 8 << 20  # bytes read of a part of an Office file
_MACROS = re.compile(r"(?i)(.*/)?(vbaproject[^/]*\.bin|vbadata\.xml)|(basic|scripts)/.+")
_EMBEDDED = re.compile(r"(?i).*/embeddings/.+|objectreplacements/.+\.bin")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\b[^<>]*>")
_ATTRIBUTE = re.compile(rb"""(Type|Target|TargetMode)\s*=\s*["']([^"']*)""")
_LOADED = ("attachedtemplate", "frame", "subdocument", "oleobject", "afchunk", "control")
_ELSEWHERE = re.compile(r"(?i)^(https?|ftp|mhtml|file:/*[^/]+\.[^/]+/|file:\\\\|\\\\)")
_DDE = re.compile(rb"(?i)<(?:\w+:)?instrText[^<>]*>\s*DDE(AUTO)?\b|<(?:\w+:)?ddeLink\b")
_STRAY = re.compile(
    r"(.*[/\\])?\.\.[/\\].*|[/\\].*|[A-Za-z]:.*|.*[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069].*", re.DOTALL
)
_PROGRAM = re.compile(rb"(?i)\.(exe|dll|scr|com|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|lnk|jar|msi)\0")
_MARKUP = (b"<script", b"<!doctype html", b"<html>", b"<html ", b"<iframe", b"<?php ")


def findings(source: Source, actual: str | None, *, sheet: bool = False) -> list[Finding]:
    """Return what in a file would act by itself; of a sheet's macros and entities its own reader speaks."""
    if actual in ZIPPED:
        return [*_of_package(source, sheet), *(_of_ofd(source) if actual == "ofd" else [])]
    if actual == "pdf":
        from baosong.validation.common import pdf_actions  # late, as pypdf is

        return pdf_actions.findings(source, attached)
    looks: dict[str, Callable[[Source], list[Finding]]] = {"doc": _of_ole}
    if look := looks.get(actual or ""):
        return [*look(source), *_polyglot(source, actual)]
    return _polyglot(source, actual) if actual in PICTURES else []


# --- Office packages


def _of_package(source: Source, sheet: bool) -> list[Finding]:
    try:
        with zip_guard.guarded(source) as archive:
            return list(_in_package(archive, sheet))
    except (*PARSER_ERRORS, zip_guard.Bomb):
        return []  # told where the file is opened


def _in_package(archive: zipfile.ZipFile, sheet: bool) -> Iterator[Finding]:
    names = {zip_guard.plain_name(name): name for name in archive.namelist()}
    package = opc.Package(archive)
    programs = any(relation.kind == "vbaproject" for relation in package.relations(package.main))
    if not sheet and (programs or any(_MACROS.fullmatch(name) for name in names)):
        yield finding("file.macros")
    if stray := next((name for name in names if _STRAY.fullmatch(name)), None):
        yield finding("file.member_name", where=Where(member=plain(stray)), name=plain(stray))
    for name, spelled in names.items():
        cells = sheet and name.startswith("xl/worksheets/")
        if not sheet and name.endswith((".xml", ".rels")) and _has_dtd(archive, spelled):
            yield finding("file.dtd", where=Where(member=plain(name)))
        if _EMBEDDED.fullmatch(name):
            yield from _embedded(name, _part(archive, spelled))
        elif name.endswith(".rels"):
            yield from _relations(name, _part(archive, spelled))
        elif name.endswith(".xml") and not cells and _DDE.search(_part(archive, spelled)):
            yield finding("file.active_content", "dde", where=Where(member=plain(name)))


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as part:
            return part.read(LARGEST_PART)
    except PARSER_ERRORS:
        return b""


def _has_dtd(archive: zipfile.ZipFile, name: str) -> bool:
    try:
        with archive.open(name) as part:
            return declares_dtd(part.read)
    except PARSER_ERRORS:
        return False


def _relations(name: str, part: bytes) -> Iterator[Finding]:
    """Judge what a part refers to: a link that is clicked is harmless, what is loaded when the file opens is not."""
    for relation in _RELATION.findall(part):
        said = {key.decode(): value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(relation)}
        kind, target = said.get("Type", "").rpartition("/")[2].lower(), said.get("Target", "")
        if said.get("TargetMode") == "External" and kind in _LOADED and _ELSEWHERE.match(target):
            yield finding("file.remote_content", where=Where(member=plain(name)), target=plain(target))


def _embedded(name: str, part: bytes) -> Iterator[Finding]:
    if _holds_program(part):
        yield finding("file.program", where=Where(member=plain(name)))
    elif not re.search(r"(?i)\.(xlsx|docx|pptx|xls|doc|ppt)$", name) and b"Equation" not in part[:8192]:
        yield finding("file.attachment", where=Where(member=plain(name)))


def _holds_program(part: bytes) -> bool:
    """Return whether an embedded object is a program or carries one, by its signature or the name that it notes."""
    if part.startswith((b"MZ", b"\x7fELF")):
        return True
    if not part.startswith(olefile.MAGIC):
        return _PROGRAM.search(part[:4096]) is not None
    try:
        with olefile.OleFileIO(io.BytesIO(part)) as ole:
            if not ole.exists("\x01Ole10Native"):
                return False
            packed = ole.openstream("\x01Ole10Native").read()
    except OLE_ERRORS:
        return b"This program cannot be run in DOS mode" in part
    return _PROGRAM.search(packed[:4096]) is not None or b"This program cannot be run in DOS mode" in packed


def _of_ofd(source: Source) -> list[Finding]:
    from baosong.validation.common import ofd  # late, as few send it

    try:
        with zip_guard.guarded(source) as archive:
            carried = list(ofd.attachments(archive))
    except (*PARSER_ERRORS, zip_guard.Bomb):
        return []  # told where the file is opened
    return attached([name for name, _ in carried])


def attached(names: list[str]) -> list[Finding]:
    """Judge the files that a document carries, by their names."""
    if any(_PROGRAM.search(name.encode() + b"\0") for name in names):
        return [finding("file.program")]
    return [finding("file.attachment")] if names else []


# --- old Office files, pictures


def _of_ole(source: Source) -> list[Finding]:
    try:
        with olefile.OleFileIO(io.BytesIO(source.read())) as ole:
            storages = {part.lower() for path in ole.listdir(storages=True) for part in path}
            packed = [path for path in ole.listdir() if path[-1] == "\x01Ole10Native"]
            programs = any(_PROGRAM.search(ole.openstream(path).read()[:4096]) for path in packed)
    except OLE_ERRORS:
        return []
    found = [finding("file.macros")] if storages & {"vba", "_vba_project_cur", "macros"} else []
    return [*found, finding("file.program")] if programs else found


def _polyglot(source: Source, actual: str | None) -> list[Finding]:
    """Judge whether a file is a second thing beside what it shows: a zip behind it, a page or a PDF within."""
    data = source.read()
    second = ""
    if _has_zip(data):
        second = phrase("polyglot.zip")
    elif actual in PICTURES and b"%PDF-" in data[:1024]:
        second = phrase("polyglot.pdf")
    elif actual in PICTURES and _has_markup(data.lower()):
        second = phrase("polyglot.script")
    return [finding("file.polyglot", actual=actual, second=second)] if second else []


def _has_markup(lower: bytes) -> bool:
    return any(mark in lower for mark in _MARKUP)  # three times as fast as one pattern


def _has_zip(data: bytes) -> bool:
    """Return whether unpacking programs would open these bytes as a zip that is no part of an honest container."""
    span = zip_guard.span(data)
    if span is None or not data.startswith(olefile.MAGIC):
        return span is not None
    start, end, comment = span
    made_to_fit = end < comment == len(data)  # a comment that covers all the rest is nobody's but a forger's
    return made_to_fit or not _is_held(data, data[start:comment])


def _is_held(data: bytes, packed: bytes) -> bool:
    """Return whether a zip lies whole in a stream of an OLE container, as the theme of Word 2007 and packages do.

    Where it was put behind the container or between its sectors, no stream holds it.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            return any(ole.get_size(path) >= len(packed) and packed in _stream(ole, path) for path in ole.listdir())
    except OLE_ERRORS:
        return False


def _stream(ole: Any, path: list[str]) -> bytes:
    try:
        return bytes(ole.openstream(path).read())
    except OLE_ERRORS:
        return b""
