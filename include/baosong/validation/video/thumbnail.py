"""One frame of a video as a small JPEG, drawn by ffmpeg in the sandbox."""

from __future__ import annotations

from typing import BinaryIO

from baosong.validation.photo.preview import LONGEST
from baosong.validation.sandbox import run as sandbox

MEMORY, SECONDS, WALL_SECONDS = 1 << 30, 20, 20.0  # of a processor, and by the clock
LARGEST = 4 << 20
_DEMUXERS = {"MOV": "mov", "MPEG-PS": "mpeg", "MPEG-TS": "mpegts"}  # none of those that lead to other files
_SCALE = f"scale={LONGEST}:{LONGEST}:force_original_aspect_ratio=decrease"


def thumbnail(video: BinaryIO, container: str) -> bytes:
    """Return the frame at the first second of a video, or the first one of a shorter video; empty if there is none.

    `video` must be a real file. `container` is the video check's; raises KeyError for one that it does not accept.
    """
    return _drawn(video, _DEMUXERS[container], "1") or _drawn(video, _DEMUXERS[container], "0")


def _drawn(video: BinaryIO, demuxer: str, at: str) -> bytes:
    import imageio_ffmpeg

    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-threads", "1"]
    command += ["-protocol_whitelist", "fd", "-f", demuxer, "-ss", at, "-i", "fd:", "-an", "-sn", "-dn"]
    command += ["-frames:v", "1", "-vf", _SCALE, "-map_metadata", "-1", "-bitexact", "-pix_fmt", "yuvj420p"]
    command += ["-c:v", "mjpeg", "-f", "image2pipe", "pipe:1"]
    program = sandbox.foreign_program(command, memory=MEMORY, seconds=SECONDS)
    try:  # opened once more, because a shared descriptor would move our own reader
        with open(f"/proc/self/fd/{video.fileno()}", "rb") as again:
            return sandbox.run(program, again, wall=WALL_SECONDS, longest=LARGEST).output
    except (sandbox.ResourceLimitExceeded, sandbox.WorkerCrashed):
        return b""
