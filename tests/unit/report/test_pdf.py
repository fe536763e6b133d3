"""The report's PDF where a server has no font for it."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import pytest

from baosong.report import pdf
from office import needs_office


@needs_office
def test_without_a_chinese_font_no_pdf_is_made_and_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """LibreOffice would make one all the same, and each character in it would be the same empty box."""
    document = io.BytesIO()
    docx.Document().save(document)
    assert pdf.make_pdfs([document.getvalue()])
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>", encoding="utf-8")
    monkeypatch.setattr(pdf, "_FONTS", fonts)
    assert pdf.make_pdfs([document.getvalue()]) is None
    assert "no font with Chinese characters" in caplog.text
