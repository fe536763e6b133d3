"""The frame of a film that the board shows."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from baosong.validation.video import thumbnail


def test_a_frame_of_a_film_is_drawn_and_nothing_of_what_is_none(film: Path, tmp_path: Path) -> None:
    with film.open("rb") as file:
        small = Image.open(io.BytesIO(thumbnail.frame(file, "MOV")))
        assert file.tell() == 0
    assert (small.format, small.size) == ("JPEG", (320, 180))
    assert b"Lavc" not in small.info.get("comment", b"")
    for number, content in enumerate((b"", b"ffconcat version 1.0\nfile /etc/passwd\n", film.read_bytes()[:5000])):
        other = tmp_path / str(number)
        other.write_bytes(content)
        with other.open("rb") as file:
            assert thumbnail.frame(file, "MOV") == b""


def test_an_ffmpeg_that_does_not_end_is_stopped(film: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text("#!/bin/sh\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setattr("imageio_ffmpeg.get_ffmpeg_exe", lambda: str(program))
    monkeypatch.setattr(thumbnail, "SECONDS", 0.2)
    monkeypatch.setattr("resource.prlimit", lambda *_: None)
    with film.open("rb") as file:
        assert thumbnail.frame(file, "MOV") == b""
