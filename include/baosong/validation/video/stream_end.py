"""The end of a stream, decoded: no header says whether the pictures go on to the last byte."""

from __future__ import annotations

import re
from dataclasses import dataclass

from baosong.store.source import Source
from baosong.validation.sandbox import run as sandbox

ENDS = (4 << 20, 8 << 20)  # the second where the first holds no picture to begin with
MEMORY, SECONDS, WALL_SECONDS = 1 << 30, 20, 40  # of a processor, and by the clock
LONGEST_REPORT = 16 << 20  # bytes: a line per picture
ZEROS = 32 << 10  # no encoder pads with as many
_FORMATS = {"MPEG-PS": "mpeg", "MPEG-TS": "mpegts"}
_PICTURE = re.compile(rb"Parsed_showinfo[^\n\[\]]{0,60}\] n: *+\d++ [^\n]{0,400}?\bi:(\w)")
# ffmpeg's word for pictures that it had to guess at, and for nothing else: not for a stream entered in its midst.
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
            data = b"".join(iter(lambda: film.read(1 << 20), b""))
        if not data[-ZEROS:].strip(b"\0"):
            return End(0, True, False)
        found = _decoded(data, _FORMATS[container])
        if found.pictures or found.damaged or length >= source.size:
            break
    return found


def _decoded(data: bytes, form: str) -> End:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-nostdin", "-v", "repeat+info", "-threads", "1"]
    command += ["-protocol_whitelist", "pipe", "-f", form, "-i", "pipe:0"]
    command += ["-map", "0:v:0", "-vf", "showinfo=checksum=0", "-f", "null", "-"]
    program = sandbox.foreign_program(command, memory=MEMORY, seconds=SECONDS)
    try:
        report = sandbox.run(program, data, wall=WALL_SECONDS, longest=LONGEST_REPORT).errors
    except sandbox.WorkerCrashed:  # pictures that bring their decoder down are no better than missing ones
        return End(0, True, False)
    scans = _PICTURE.findall(report)
    return End(len(scans), _GUESSED in report, sum(scan != b"P" for scan in scans) * 2 > len(scans))
