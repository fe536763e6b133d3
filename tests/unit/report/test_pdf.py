"""The report's PDF where a server has no font for it."""

from __future__ import annotations

import io
from pathlib import Path

import docx
import pytest

from baosong.report import pdf
from office import needs_office, stand_in_office

MAKES, NO_FONT = 'printf %s %PDF > "$6/0.pdf"', "no Chinese font"


@pytest.mark.parametrize(
    ("fonts", "made"),
    [("true", None), ("exit 1", [b"%PDF"]), ("kill -9 $$", [b"%PDF"])],
    ids=["there are none", "it cannot tell", "it is killed"],
)
def test_no_pdf_is_made_only_where_fontconfig_tells_of_no_chinese_font(
    fonts: str,
    made: list[bytes] | None,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who was told of a missing font because the question failed would install fonts in vain."""
    stand_in_office(tmp_path, monkeypatch, MAKES, fonts)
    assert pdf.make_pdfs([b""]) == made
    assert (NO_FONT in caplog.text) == (made is None)


@needs_office
def test_fontconfig_itself_tells_of_no_chinese_font(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """LibreOffice would make one all the same, and each Chinese character in it would be an empty box."""
    document = io.BytesIO()
    docx.Document().save(document)
    assert pdf.make_pdfs([document.getvalue()])
    fonts = tmp_path / "fonts.conf"
    fonts.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>", encoding="utf-8")
    monkeypatch.setattr(pdf, "_FONTS", fonts)
    assert pdf.make_pdfs([document.getvalue()]) is None
    assert NO_FONT in caplog.text
