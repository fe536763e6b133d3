"""The Word files of an edition as PDF beside them, where LibreOffice and a Chinese font are; optional otherwise."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
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
    """Store the PDFs of an edition that do not exist, and make those again whose document is replaced meanwhile.

    Return whether all of them exist now. A failure ends it.
    """
    missing = [pdf for pdf in PDFS if storage.head("reports", f"{prefix}{pdf}") is None]
    while missing and _program():
        read = [storage.read("reports", f"{prefix}{PDFS[pdf]}") for pdf in missing]
        if (made := make_pdfs(read)) is None:
            break
        for pdf, content in zip(missing, made, strict=True):
            storage.put("reports", f"{prefix}{pdf}", content, "application/pdf")
        again = zip(missing, read, strict=True)
        missing = [pdf for pdf, document in again if storage.read("reports", f"{prefix}{PDFS[pdf]}") != document]
    return not missing


def make_pdfs(documents: Sequence[bytes]) -> list[bytes] | None:
    """Return Word files as PDFs, which contain their own date; None without LibreOffice or a font, or if it fails.

    It makes all of them in one go: its start takes as long as a short document.
    """
    program = _program()
    if program is None:
        return None
    if not _has_chinese_font():
        log.warning("LibreOffice is there and no Chinese font: each Chinese character would be an empty box in the PDF")
        return None
    with TemporaryDirectory() as folder:
        sources = [Path(folder) / f"{number}.docx" for number in range(len(documents))]
        for source, document in zip(sources, documents, strict=True):
            source.write_bytes(document)
        # A profile of its own: a second conversion with the same profile would silently do nothing.
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        command = [program, profile, "--headless", "--convert-to", "pdf", "--outdir", folder, *map(str, sources)]
        _run(command, wall=_WITHIN, silent=True)  # a helper that stays must not hold us by its output
        made = [source.with_suffix(".pdf") for source in sources]
        if all(pdf.is_file() for pdf in made):
            return [pdf.read_bytes() for pdf in made]
    log.warning("LibreOffice is there and made no PDF; is its Writer installed?")
    return None


def _program() -> str | None:
    return shutil.which("soffice") or shutil.which("libreoffice")


def _has_chinese_font() -> bool:
    """Return whether fontconfig finds one, or cannot be asked."""
    program = shutil.which("fc-list")
    told = _run([program, ":lang=zh-cn", "family"], wall=60) if program else None
    return told is None or told.exit_code != 0 or bool(told.output.strip())


def _run(command: Sequence[str], *, wall: float, silent: bool = False) -> sandbox.Finished | None:
    """Run a program with our choice of fonts, confined; None where it did not end by itself, which is logged."""
    with_fonts = ["/usr/bin/env", f"FONTCONFIG_FILE={_FONTS}", *command]  # the environment is empty otherwise
    confined = sandbox.foreign_program(with_fonts, memory=MEMORY, seconds=SECONDS, sort="office")
    try:
        return sandbox.run(confined, b"", wall=wall, silent=silent)
    except sandbox.SandboxError as e:
        log.warning("%s did not end well: %s", Path(command[0]).name, e)
        return None
