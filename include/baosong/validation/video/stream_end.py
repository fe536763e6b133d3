"""The end of a stream, decoded: no header says whether the pictures go on to the last byte."""

from __future__ import annotations

import re
import resource
import subprocess
from dataclasses import dataclass
from typing import BinaryIO

from baosong.store.source import Source

ENDS = (4 << 20, 8 << 20)  # the second where the first holds no picture to begin with
MEMORY, SECONDS = 1 << 30, 20
ZEROS = 32 << 10  # no encoder pads with as many
_FORMATS = {"MPEG-PS": "mpeg", "MPEG-TS": "mpegts"}
_PICTURE = re.compile(rb"Parsed_showinfo.*\bn: *\d+ .*\bi:(\w)")
# What ffmpeg says of pictures that it had to guess at, and of nothing else: not of a stream entered in its midst.
_GUESSED = b"concealing"


@dataclass(frozen=True, slots=True)
class End:
    """How many pictures the end shows, whether one is damaged or missing, and whether most are interlaced."""

    pictures: int
    damaged: bool
    interlaced: bool


def look(source: Source, container: str) -> End | None:
    """Decode the last second or less of a stream in a limited process; None where the container is no stream."""
    if container not in _FORMATS:
        return None
    found = End(0, False, False)
    for length in ENDS:
        with source.open() as film:
            film.seek(max(0, source.size - length))
            data = _rest(film)
        if not data[-ZEROS:].strip(b"\0"):
            return End(0, True, False)
        found = _decoded(data, _FORMATS[container])
        if found.pictures or found.damaged or length >= source.size:
            break
    return found


def _rest(film: BinaryIO) -> bytes:
    parts = []
    while part := film.read(1 << 20):
        parts.append(part)
    return b"".join(parts)


def _decoded(data: bytes, form: str) -> End:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "repeat+info", "-threads", "1"]
    command += [
        "-protocol_whitelist",
        "pipe",
        "-f",
        form,
        "-i",
        "pipe:0",
        "-map",
        "0:v:0",
        "-vf",
        "showinfo=checksum=0",
    ]
    pipe, nothing = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen([*command, "-f", "null", "-"], stdin=pipe, stdout=nothing, stderr=pipe) as ffmpeg:
        for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
            resource.prlimit(ffmpeg.pid, what, (most, most))
        _, said = ffmpeg.communicate(data)
    scans = _PICTURE.findall(said)
    return End(len(scans), _GUESSED in said, sum(scan != b"P" for scan in scans) * 2 > len(scans))
