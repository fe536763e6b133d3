"""What acts by itself in a PDF, what it carries along, and whether it is a zip as well."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

from pypdf import PdfReader

from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Finding
from baosong.store.source import Source
from baosong.validation.common import pdf

_ACTIONS = ("/JavaScript", "/Launch", "/ImportData", "/SubmitForm", "/GoToR", "/GoToE")
_END_RECORD, _END_LENGTH = b"PK\x05\x06", 22


def findings(source: Source, attached: Callable[[list[str]], list[Finding]]) -> list[Finding]:
    """Return what in a PDF would act by itself or is carried along; what is damaged is told where it is opened.

    `attached` judges the names of what is carried along.
    """
    try:
        reader = pdf.opened(source)
        actions = _all_actions(reader) if reader else set()
        carried = pdf.embedded(reader) if reader else []
    except pdf.ERRORS:
        return _polyglot(source.read(), [])
    acting = [name for name in ("/Launch", "/ImportData") if name in actions]
    found = [finding("file.active_content", "pdf_action", action=name[1:]) for name in acting]
    if actions & {"/JavaScript", "/SubmitForm", "/GoToR", "/GoToE"}:
        found.append(finding("file.active_content", "pdf_script"))
    found += attached([name for name, _ in carried])
    return [*found, *_polyglot(source.read(), [content._data for _, content in carried if content is not None])]


def _all_actions(reader: PdfReader) -> set[str]:
    root = reader.root_object
    actions = {_kind(action) for holder in _holders(reader, root) for action in _actions(holder)}
    return actions | {"/JavaScript"} if "/JavaScript" in _resolved(_resolved(root).get("/Names", {})) else actions


def _holders(reader: Any, root: Any) -> Iterator[Any]:
    """Yield what may hold an action: the document, its first pages, and what lies on them."""
    yield _resolved(root)
    for number, page in enumerate(reader.pages):
        if number >= pdf.MAX_PAGES:
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
    return found if found in _ACTIONS else ""


def _resolved(value: Any) -> Any:
    return value.get_object() if hasattr(value, "get_object") else value


def _polyglot(data: bytes, carried: list[bytes]) -> list[Finding]:
    """Judge whether a PDF is a zip as well, which programs for zips would open whole.

    They look for the end record from the end of the file. That of an attachment is none: the attachment is an object
    of the PDF, which goes on behind it.
    """
    if (span := _zip_span(data)) is None:
        return []
    start, end = span
    if end < len(data.rstrip()) and any(data[start:end] in content for content in carried):
        return []
    return [finding("file.polyglot", actual="pdf", second=phrase("polyglot.zip"))]


def _zip_span(data: bytes) -> tuple[int, int] | None:
    """Return where the zip that ends a file begins and ends, or None where no program would find one."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            start = min(member.header_offset for member in archive.infolist())
    except (*pdf.ERRORS, zipfile.BadZipFile):
        return None
    if data[start : start + 4] != b"PK\x03\x04":
        return None
    at = data.rfind(_END_RECORD)
    comment = int.from_bytes(data[at + 20 : at + _END_LENGTH], "little")
    return start, at + _END_LENGTH + comment
