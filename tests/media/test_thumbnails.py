"""The frame of a film that the board shows."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from baosong.validation.video import thumbnail


def test_a_frame_of_a_film_is_drawn_and_nothing_of_what_is_none(film: Path, tmp_path: Path) -> None:
    with film.open("rb") as file:
        small = Image.open(io.BytesIO(thumbnail.thumbnail(file, "MOV")))
        assert file.tell() == 0
    assert (small.format, small.size) == ("JPEG", (320, 180))
    assert b"Lavc" not in small.info.get("comment", b"")
    for number, content in enumerate((b"", b"ffconcat version 1.0\nfile /etc/passwd\n", film.read_bytes()[:5000])):
        other = tmp_path / str(number)
        other.write_bytes(content)
        with other.open("rb") as file:
            assert thumbnail.thumbnail(file, "MOV") == b""


def test_an_ffmpeg_that_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of a pipe that nobody writes to it waits for the first byte for ever."""
    os.mkfifo(tmp_path / "film")
    monkeypatch.setattr(thumbnail, "WALL_SECONDS", 0.5)
    with open(os.open(tmp_path / "film", os.O_RDWR), "r+b", buffering=0) as file:
        assert thumbnail.thumbnail(file, "MOV") == b""
