"""One frame of a film as a small JPEG, drawn by ffmpeg in a process of its own, with its time and memory limited."""

from __future__ import annotations

import os
import resource
import subprocess
from typing import BinaryIO

from baosong.validation.photo.preview import LONGEST

SECONDS, MEMORY = 20, 1 << 30
_DEMUXERS = {"MOV": "mov", "MPEG-PS": "mpeg", "MPEG-TS": "mpegts"}  # none of those that lead to other files
_SCALE = f"scale={LONGEST}:{LONGEST}:force_original_aspect_ratio=decrease"


def frame(film: BinaryIO, container: str) -> bytes:
    """Return the frame at the first second of a film, or the first one of a shorter film; empty if there is none.

    `film` must be a real file. `container` is the video check's; raises KeyError for one that it does not accept.
    """
    return _drawn(film, _DEMUXERS[container], "1") or _drawn(film, _DEMUXERS[container], "0")


def _drawn(film: BinaryIO, demuxer: str, at: str) -> bytes:
    import imageio_ffmpeg

    path = f"/proc/{os.getpid()}/fd/{film.fileno()}"  # opened again there: our own reader keeps its place
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-threads", "1"]
    command += ["-protocol_whitelist", "file", "-f", demuxer, "-ss", at, "-i", path, "-an", "-sn", "-dn"]
    command += ["-frames:v", "1", "-vf", _SCALE, "-map_metadata", "-1", "-bitexact", "-pix_fmt", "yuvj420p"]
    command += ["-c:v", "mjpeg", "-f", "image2pipe", "pipe:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as ffmpeg:
        for what, most in ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, SECONDS)):
            resource.prlimit(ffmpeg.pid, what, (most, most))
        try:
            drawn, _ = ffmpeg.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            ffmpeg.kill()
            return b""
    return drawn
