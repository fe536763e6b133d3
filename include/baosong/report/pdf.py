"""The Word files of an edition as PDF beside them, where LibreOffice is installed; optional for everything else."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from baosong.report.files import PDFS
from baosong.validation.sandbox import run as sandbox

if TYPE_CHECKING:
    from baosong.store.storage import Storage

log = logging.getLogger(__name__)

_FONTS = Path(__file__).with_name("templates") / "fonts.conf"
_WITHIN = 180.0  # seconds by the clock
MEMORY, SECONDS = 4 << 30, 180  # of address space, of which LibreOffice reserves much more than it uses


def put_pdfs(storage: Storage, prefix: str) -> bool:
    """Store the PDFs of an edition unless they exist; return whether all of them exist now. A failure ends it."""
    return all(_put_pdf(storage, f"{prefix}{pdf}", f"{prefix}{document}") for pdf, document in PDFS.items())


def _put_pdf(storage: Storage, pdf: str, document: str) -> bool:
    """Store the PDF of a document, and make it again if the document is replaced meanwhile."""
    if storage.head("reports", pdf) is not None:
        return True
    while _program() and (made := make_pdf(read := storage.read("reports", document))) is not None:
        storage.put("reports", pdf, made, "application/pdf")
        if storage.read("reports", document) == read:
            return True
    return False


def make_pdf(document: bytes) -> bytes | None:
    """Return a Word file as PDF, which contains its own date; None where LibreOffice is missing or fails."""
    program = _program()
    if program is None:
        return None
    with TemporaryDirectory() as folder:
        source = Path(folder) / "report.docx"
        source.write_bytes(document)
        # A profile of its own: a second conversion with the same profile would silently do nothing.
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        fonts = ["/usr/bin/env", f"FONTCONFIG_FILE={_FONTS}"]  # the environment is empty otherwise
        command = [*fonts, program, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)]
        confined = sandbox.foreign_program(command, memory=MEMORY, seconds=SECONDS, sort="office")
        try:
            sandbox.run(confined, b"", wall=_WITHIN, silent=True)  # a helper that stays must not hold us
        except sandbox.SandboxError as e:
            log.warning("LibreOffice did not end well: %s", e)
        made = source.with_suffix(".pdf")
        if made.is_file():
            return made.read_bytes()
    log.warning("LibreOffice is there and made no PDF; is its Writer installed?")
    return None


def _program() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")
