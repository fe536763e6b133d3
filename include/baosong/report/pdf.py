"""The report as PDF beside the Word file, where LibreOffice is installed; optional for everything else."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from baosong.report.files import DOCUMENT, PDF
from baosong.validation.sandbox import run as sandbox

if TYPE_CHECKING:
    from baosong.store.s3 import Storage

log = logging.getLogger(__name__)

_WITHIN = 180.0  # seconds by the clock
MEMORY, SECONDS = 4 << 30, 180  # of address space, of which LibreOffice reserves much more than it uses


def put_pdf(storage: Storage, prefix: str) -> bool:
    """Store the PDF of an edition unless it exists; return whether it exists now.

    If the document is replaced meanwhile, its PDF is made again.
    """
    if storage.head("reports", f"{prefix}{PDF}") is not None:
        return True
    while _program() and (made := make_pdf(document := storage.read("reports", f"{prefix}{DOCUMENT}"))) is not None:
        storage.put("reports", f"{prefix}{PDF}", made, "application/pdf")
        if storage.read("reports", f"{prefix}{DOCUMENT}") == document:
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
        command = [program, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(source)]
        confined = sandbox.foreign_program(command, memory=MEMORY, seconds=SECONDS, sort="office")
        try:
            sandbox.run(confined, b"", wall=_WITHIN, longest=1 << 20)
        except sandbox.SandboxError as e:
            log.warning("LibreOffice did not end well: %s", e)
        made = source.with_suffix(".pdf")
        if made.is_file():
            return made.read_bytes()
    log.warning("LibreOffice is there and made no PDF; is its Writer installed?")
    return None


def _program() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")
