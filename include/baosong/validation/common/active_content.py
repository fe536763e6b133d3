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

from baosong.rules.findings import Finding, Where, error, warning
from baosong.store.source import Source
from baosong.validation.common import zip_guard
from baosong.validation.common.filetypes import OLE_ERRORS, PICTURES, ZIPPED
from baosong.validation.documents.reader import MAX_PDF_PAGES, PARSER_ERRORS, plain

LARGEST_PART = 8 << 20  # bytes read of a part of an Office file
_OPENING = 2048  # bytes of a part in which a DTD would stand
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
_DTD = re.compile(r"<!(?:DOCTYPE|ENTITY)")
_PROGRAM = re.compile(rb"(?i)\.(exe|dll|scr|com|bat|cmd|ps1|vbs|vbe|js|jse|wsf|hta|lnk|jar|msi)\0")
_MARKUP = (b"<script", b"<!doctype html", b"<html>", b"<html ", b"<iframe", b"<?php ")
_PDF_ACTIONS = ("/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToR", "/GoToE")


def findings(source: Source, actual: str | None, *, sheet: bool = False) -> list[Finding]:
    """Return what in a file would act by itself; of a sheet's macros and entities its own reader speaks."""
    if actual in ZIPPED:
        return _of_package(source, sheet)
    looks: dict[str, Callable[[Source], list[Finding]]] = {"pdf": _of_pdf, "doc": _of_ole}
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
    if not sheet and any(_MACROS.fullmatch(name) for name in names):
        yield _macros()
    if stray := next((name for name in names if _STRAY.fullmatch(name)), None):
        yield _stray(stray)
    for name, spelled in names.items():
        if _EMBEDDED.fullmatch(name):
            yield from _embedded(name, _part(archive, spelled))
        elif name.endswith(".rels"):
            yield from _relations(name, _part(archive, spelled))
        elif name.endswith(".xml"):
            part = _part(archive, spelled, _OPENING if name.startswith("xl/worksheets/") else LARGEST_PART)
            yield from _in_xml(name, part, sheet)


def _part(archive: zipfile.ZipFile, name: str, size: int = LARGEST_PART) -> bytes:
    try:
        with archive.open(name) as part:
            return part.read(size)
    except PARSER_ERRORS:
        return b""


def _in_xml(name: str, part: bytes, sheet: bool) -> Iterator[Finding]:
    code = "utf-16" if part.startswith((b"\xff\xfe", b"\xfe\xff")) else "latin-1"
    if not sheet and _DTD.search(part[:_OPENING].decode(code, "ignore")):
        yield error(
            "file.dtd",
            "文件内部的 XML 带有 DTD（实体定义），正常的 Office 文件不会有，可能被动过手脚。",
            where=Where(member=plain(name)),
            observed="DTD",
            expected="没有 DTD 的 Office 文件",
            fix="请用 WPS 或 Office 打开原文件，另存为新文件后重新上传。",
        )
    if _DDE.search(part):
        yield _active("DDE 链接（会启动别的程序）", error, Where(member=plain(name)))


def _relations(name: str, part: bytes) -> Iterator[Finding]:
    """Judge what a part refers to: a link that is clicked is harmless, what is loaded when the file opens is not."""
    for relation in _RELATION.findall(part):
        said = {key.decode(): value.decode("utf-8", "replace") for key, value in _ATTRIBUTE.findall(relation)}
        kind, target = said.get("Type", "").rpartition("/")[2].lower(), said.get("Target", "")
        if said.get("TargetMode") == "External" and kind in _LOADED and _ELSEWHERE.match(target):
            yield error(
                "file.remote_content",
                "文件打开时会从别的地址载入模板或对象，可能带入恶意代码，没有接收。",
                where=Where(member=plain(name)),
                observed=plain(target),
                expected="不引用外部地址的文件",
                fix="请把内容复制到新建的空白文档里（不要沿用原文档的模板），保存后重新上传。",
            )


def _embedded(name: str, part: bytes) -> Iterator[Finding]:
    if _holds_program(part):
        yield _program(Where(member=plain(name)))
    elif not re.search(r"(?i)\.(xlsx|docx|pptx|xls|doc|ppt)$", name) and b"Equation" not in part[:8192]:
        yield _attached(Where(member=plain(name)))


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


# --- old Office files, PDF, pictures


def _of_ole(source: Source) -> list[Finding]:
    try:
        with olefile.OleFileIO(io.BytesIO(source.read())) as ole:
            storages = {part.lower() for path in ole.listdir(storages=True) for part in path}
            packed = [path for path in ole.listdir() if path[-1] == "\x01Ole10Native"]
            programs = any(_PROGRAM.search(ole.openstream(path).read()[:4096]) for path in packed)
    except OLE_ERRORS:
        return []
    found = [_macros()] if storages & {"vba", "_vba_project_cur", "macros"} else []
    return [*found, _program(Where())] if programs else found


def _of_pdf(source: Source) -> list[Finding]:
    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    try:
        reader = PdfReader(source.open(), strict=False)
        root = reader.root_object
        names = _resolved(_resolved(root).get("/Names", {}))
        actions = {_kind(action) for holder in _holders(reader, root) for action in _actions(holder)}
        if "/JavaScript" in names:
            actions.add("/JavaScript")
        attached = list(reader.attachments) if "/EmbeddedFiles" in names else []
    except (*PARSER_ERRORS, PyPdfError):
        return []  # told where the file is opened
    found = [_active(f"PDF 动作 {name[1:]}", error) for name in ("/Launch", "/ImportData") if name in actions]
    if actions & {"/JavaScript", "/SubmitForm", "/GoToR", "/GoToE"}:
        found.append(_active("PDF 脚本或自动动作", warning))
    if any(_PROGRAM.search(name.encode() + b"\0") for name in attached):
        return [*found, _program(Where())]
    return [*found, _attached(Where())] if attached else found


def _holders(reader: Any, root: Any) -> Iterator[Any]:
    """Yield what may hold an action: the document, its first pages, and what lies on them."""
    yield _resolved(root)
    for number, page in enumerate(reader.pages):
        if number >= MAX_PDF_PAGES:
            return
        yield page
        for annotation in _resolved(page.get("/Annots", [])):
            yield _resolved(annotation)


def _actions(holder: Any) -> Iterator[Any]:
    if not hasattr(holder, "get"):
        return
    yield _resolved(holder.get("/OpenAction"))
    yield _resolved(holder.get("/A"))
    more = _resolved(holder.get("/AA"))
    yield from (_resolved(action) for action in (more.values() if hasattr(more, "values") else ()))


def _kind(action: Any) -> str:
    found = str(action.get("/S", "")) if hasattr(action, "get") else ""
    return found if found in _PDF_ACTIONS else ""


def _resolved(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _polyglot(source: Source, actual: str | None) -> list[Finding]:
    """Judge whether a file is a second thing beside what it shows: a zip behind it, a page or a PDF within."""
    data = source.read()
    second = ""
    if _ends_as_zip(data):
        second = "zip 压缩包"
    elif actual in PICTURES and b"%PDF-" in data[:1024]:
        second = "PDF"
    elif actual in PICTURES and _has_markup(data.lower()):
        second = "网页脚本"
    if not second:
        return []
    return [
        error(
            "file.polyglot",
            f"文件同时是 {actual} 和{second}，像是被拼接过，没有接收。",
            observed=f"{actual} + {second}",
            expected="只有一种内容的文件",
            fix="请从原来的软件或设备重新导出这份材料，不要使用拼接、隐藏文件的工具。",
        )
    ]


def _has_markup(lower: bytes) -> bool:
    return any(mark in lower for mark in _MARKUP)  # three times as fast as one pattern


def _ends_as_zip(data: bytes) -> bool:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            first = archive.infolist()[0]
            return data[first.header_offset : first.header_offset + 4] == b"PK\x03\x04"
    except (*PARSER_ERRORS, IndexError):
        return False


# --- wording


def _macros() -> Finding:
    return error(
        "file.macros",
        "文件里有宏（VBA 程序），出于安全不能接收。",
        observed="宏",
        expected="不含宏的文件",
        fix="请用 WPS 或 Office 另存为不含宏的格式（Word 文档 .docx、Excel 工作簿 .xlsx）后重新上传。",
    )


def _active(what: str, how: Callable[..., Finding], where: Where | None = None) -> Finding:
    return how(
        "file.active_content",
        f"文件里有会自动执行的内容：{what}。",
        where=where or Where(),
        observed=what,
        expected="只有文字和图片的文件",
        fix="请从原文档重新导出（Word、WPS 里用“输出为 PDF”），不要带脚本、表单和动作。",
    )


def _stray(name: str) -> Finding:
    return error(
        "file.member_name",
        "Office 文件内部有指向文件夹之外或看不见字符的文件名，正常的软件不会这样保存，没有接收。",
        where=Where(member=plain(name)),
        observed=plain(name),
        expected="由 WPS 或 Office 正常保存的文件",
        fix="请用 WPS 或 Office 打开原文件，另存为新文件后重新上传。",
    )


def _program(where: Where) -> Finding:
    return error(
        "file.program",
        "文件里夹带了可执行程序或脚本，没有接收。",
        where=where,
        observed="可执行程序",
        expected="只有文字和图片的文件",
        fix="请删除文件里嵌入的程序、脚本对象，先查杀病毒，再重新上传。",
    )


def _attached(where: Where) -> Finding:
    return warning(
        "file.attachment",
        "文件里嵌有附件或对象，附件没有被校验，也不会单独归档。",
        where=where,
        observed="嵌入的附件",
        expected="没有附件的文件",
        fix="需要报送的附件请单独上传；不需要的请从文件里删除。",
    )
