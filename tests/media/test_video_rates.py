"""The rate of films whose headers mislead, against what the test counts itself from ffmpeg's list of packets.

The films are small: what is judged here is how pictures are counted, not how large they are.
"""

from __future__ import annotations

import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.campaign import Campaign
from baosong.rules.findings import Checked, Kind
from baosong.store.source import Source
from baosong.validation.check import check
from baosong_local.samples import media as samples

CODECS = {
    "mpeg2": ("-c:v", "mpeg2video", "-g", "8", "-bf", "0"),
    "mpeg2_b": ("-c:v", "mpeg2video", "-g", "9", "-bf", "2"),
    "interlaced": ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-g", "6"),
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-g", "10"),
    "h264_b": ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "12"),
    "h264_target": ("-c:v", "libx264", "-preset", "veryfast", "-x264-params", "nal-hrd=vbr", "-b:v", "2M", "-maxrate", "9M"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0:bframes=2"),
}
FRAGMENTS = ("frag_keyframe+empty_moov", "frag_keyframe", "frag_every_frame+empty_moov+default_base_moof")
BOXES = {"ps": ("-f", "vob"), "ts": ("-f", "mpegts"), "m2ts": ("-f", "mpegts", "-mpegts_m2ts_mode", "1")}
FRAME = 1 / 25


@dataclass(frozen=True)
class Packet:
    """A picture as ffmpeg lists it: when it is shown and for how long, in seconds, and its bytes."""

    at: float
    lasts: float
    size: int


@dataclass(frozen=True)
class Base:
    """A film that others are made of, and its pictures."""

    path: Path
    packets: list[Packet]


def listed(path: Path, *before: str) -> list[Packet]:
    """Return the pictures of a film in the order in which they are shown."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *before, "-i", str(path), "-map", "0:v:0"]
    told = subprocess.run([*command, "-c", "copy", "-f", "framecrc", "-"], capture_output=True, text=True, check=True)
    tick = next(line for line in told.stdout.splitlines() if line.startswith("#tb")).split()[-1].split("/")
    second = int(tick[0]) / int(tick[1])
    rows = [line.split(",") for line in told.stdout.splitlines() if not line.startswith("#")]
    packets = [Packet(int(row[2]) * second, int(row[3]) * second, int(row[4])) for row in rows]
    return sorted(packets, key=lambda packet: packet.at)


def rate_of(packets: list[Packet]) -> float:
    return 8 * sum(packet.size for packet in packets) / sum(packet.lasts for packet in packets)


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Base]:
    """Make a film of 40 small pictures by each codec, the first half dull and the second half full of noise."""
    folder, made = tmp_path_factory.mktemp("bases"), {}
    for name, codec in CODECS.items():
        path = folder / f"{name}.mov"
        dull = "noise=alls=60:allf=t:enable='gte(n,20)'"
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=25", "-frames:v", "40", "-vf", dull)
        samples._ffmpeg(*source, *codec, "-pix_fmt", "yuv420p", "-video_track_timescale", "25000", str(path))
        made[name] = Base(path, listed(path))
    return made


def judged(path: Path, campaign: Campaign) -> Checked:
    return check(Source.from_path(path), Kind.VIDEO, campaign, None)


def rate_told(path: Path, campaign: Campaign) -> float:
    rate = judged(path, campaign).facts["bit_rate"]
    assert rate is not None
    assert rate * judged(path, campaign).facts["duration"] / 8 >= 0
    return float(rate)


def edited(data: bytes, edits: list[tuple[int, int]]) -> bytes:
    """Return a MOV whose index is last with another edit list: milliseconds, and the place in the track's clock."""
    body = struct.pack(">II", 0, len(edits)) + b"".join(struct.pack(">Iii", *edit, 0x10000) for edit in edits)
    box = struct.pack(">I4sI4s", 16 + len(body), b"edts", 8 + len(body), b"elst") + body
    begin = data.index(b"edts", data.index(b"moov")) - 4
    length = struct.unpack_from(">I", data, begin)[0]
    changed = bytearray(data[:begin] + box + data[begin + length :])
    for name in (b"trak", b"moov"):
        at = changed.index(name, changed.index(b"moov")) - 4
        struct.pack_into(">I", changed, at, struct.unpack_from(">I", changed, at)[0] + len(box) - length)
    return bytes(changed)
