"""The rate of films whose headers mislead, against what the test counts itself from ffmpeg's list of packets.

The films are small: what is judged here is how pictures are counted, not how large they are.
"""

from __future__ import annotations

import math
import struct
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
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
    "h264_target": ("-c:v", "libx264", "-x264-params", "nal-hrd=vbr", "-b:v", "2M", "-maxrate", "9M", "-bufsize", "9M"),
    "hevc": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=0:bframes=2"),
}
FRAGMENTS = ("frag_keyframe+empty_moov", "frag_keyframe", "frag_every_frame+empty_moov+default_base_moof")
START_CODES = {"h264": "h264_mp4toannexb", "hevc": "hevc_mp4toannexb"}  # for a program stream
BOXES = {"ps": ("-f", "vob"), "ts": ("-f", "mpegts"), "m2ts": ("-f", "mpegts", "-mpegts_m2ts_mode", "1")}
FRAME = 1 / 25


@dataclass(frozen=True)
class Packet:
    """A picture as ffmpeg lists it: when it is shown and for how long, in seconds, and its bytes."""

    at: float
    lasts: float
    size: float


def listed(path: Path) -> list[Packet]:
    """Return the pictures of a film in the order in which they are shown."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-map", "0:v:0"]
    told = subprocess.run([*command, "-c", "copy", "-f", "framecrc", "-"], capture_output=True, text=True, check=True)
    tick = next(line for line in told.stdout.splitlines() if line.startswith("#tb")).split()[-1].split("/")
    second = int(tick[0]) / int(tick[1])
    rows = [line.split(",") for line in told.stdout.splitlines() if not line.startswith("#")]
    packets = [Packet(int(row[2]) * second, int(row[3]) * second, int(row[4])) for row in rows]
    return sorted(packets, key=lambda packet: packet.at)


def rate_of(packets: list[Packet]) -> float:
    return 8 * sum(packet.size for packet in packets) / sum(packet.lasts for packet in packets)


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make a film of 40 small pictures by each codec, the first half dull and the second half full of noise."""
    folder, made = tmp_path_factory.mktemp("bases"), {}
    for name, codec in CODECS.items():
        path = folder / f"{name}.mov"
        dull = "noise=alls=60:allf=t:enable='gte(n,20)'"
        source = ("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=25", "-frames:v", "40", "-vf", dull)
        samples._ffmpeg(*source, *codec, "-pix_fmt", "yuv420p", "-video_track_timescale", "25000", str(path))
        made[name] = path
    return made


def judged(path: Path, campaign: Campaign) -> Checked:
    return check(Source.from_path(path), Kind.VIDEO, campaign, None)


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


def packed(base: Path, to: Path, *options: str, before: tuple[str, ...] = ()) -> Path:
    return samples.rewrap(base, to, "-map", "0:v", *options, before=before)


@st.composite
def edit_lists(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Draw what is shown of 40 pictures, as their numbers and how many: some of them, perhaps twice, perhaps late."""
    span = st.integers(0, 34).flatmap(lambda first: st.tuples(st.just(first), st.integers(5, 40 - first)))
    return draw(st.lists(span, min_size=1, max_size=3))


MADE = st.fixed_dictionaries(
    {
        "codec": st.sampled_from(sorted(CODECS)),
        "edits": st.none() | edit_lists(),
        "late": st.sampled_from([0, 0, 40, 200, 1000]),
        "fragments": st.none() | st.sampled_from(FRAGMENTS),
        "dropped": st.sampled_from(["", "", "eq(n,7)", "eq(mod(n,3),1)", "gt(mod(n*n,11),7)"]),
    }
)


def make_mov(base: Path, folder: Path, how: dict[str, Any]) -> tuple[Path, float]:
    """Make a MOV; return it and the true rate of what it shows."""
    path = folder / "film.mov"
    drop = ("-bsf:v", f"noise=drop='{how['dropped']}'") if how["dropped"] else ()
    if how["fragments"]:
        packed(base, path, *drop, "-movflags", str(how["fragments"]))
        return path, rate_of(parts(listed(path)))
    plain = packed(base, path, *drop, "-video_track_timescale", "25000")
    packets = listed(plain)
    if not how["edits"]:
        return plain, rate_of(parts(packets))
    begin = packets[0].at
    second, first = clock(plain.read_bytes())
    edits, shown = [(int(how["late"]) * second // 1000, -1)] if how["late"] else [], []
    for number, count in how["edits"]:
        low, high = number * FRAME, (number + count) * FRAME
        edits.append((count * second // 25, first + number * 1000))
        shown += parts(packets, begin + low, begin + high)
    path.write_bytes(edited(plain.read_bytes(), edits))
    return path, rate_of(shown)


def clock(data: bytes) -> tuple[int, int]:
    """Return the movie's ticks a second, and where by the track's clock its first picture is shown."""
    second = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    return int(second), int(struct.unpack_from(">Ii", data, data.index(b"elst") + 12)[1])


def parts(packets: list[Packet], low: float = -math.inf, high: float = math.inf) -> list[Packet]:
    """Return what is shown between two moments, each picture by the share of its time."""
    found = []
    for packet, following in zip(packets, [*packets[1:], None], strict=True):
        end = following.at if following else packet.at + packet.lasts
        lasts = min(end, high) - max(packet.at, low)
        if lasts > 1e-6:
            found.append(Packet(packet.at, lasts, packet.size * lasts / (end - packet.at)))
    return found


JOINED = st.fixed_dictionaries(
    {
        "codec": st.sampled_from(sorted(CODECS)),
        "box": st.sampled_from(sorted(BOXES)),
        "joined": st.lists(st.sampled_from([0.0, 0.0, 1.6, 5.6, 900.0]), min_size=1, max_size=3),
        "dropped": st.sampled_from(["", "eq(n,7)", "eq(mod(n,5),3)"]),
    }
)


def make_stream(base: Path, folder: Path, how: dict[str, Any]) -> tuple[Path, float]:
    """Make a stream of one part or of several, each with stamps of its own; return it and the rate of its pictures."""
    filters = [START_CODES.get(str(how["codec"])[:4], ""), f"noise=drop='{how['dropped']}'" if how["dropped"] else ""]
    drop = ("-bsf:v", ",".join(filter(None, filters)) or "null")
    parts, packets = [], []
    for number, at in enumerate(how["joined"]):
        part = packed(base, folder / f"{number}.mpg", *drop, *BOXES[str(how["box"])], "-output_ts_offset", str(at))
        parts.append(part.read_bytes())
        packets += listed(part)
    path = folder / "film.mpg"
    path.write_bytes(b"".join(parts))
    return path, 8 * sum(packet.size for packet in packets) / (len(packets) * FRAME)


Maker = Callable[[Path, Path, dict[str, Any]], tuple[Path, float]]


def is_true(maker: Maker, bases: dict[str, Path], folder: Path, campaign: Campaign, how: dict[str, Any]) -> None:
    path, true = maker(bases[str(how["codec"])], folder, how)
    assert judged(path, campaign).facts["bit_rate"] == pytest.approx(true, rel=0.005)


FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
MANY = settings(FEW, max_examples=150)


class TestAnyFilm:
    @FEW
    @given(how=MADE)
    def test_a_mov_is_judged_by_what_it_shows(
        self, bases: dict[str, Path], tmp_path: Path, campaign: Campaign, how: dict[str, Any]
    ) -> None:
        is_true(make_mov, bases, tmp_path, campaign, how)

    @FEW
    @given(how=JOINED)
    def test_a_stream_is_judged_by_its_pictures(
        self, bases: dict[str, Path], tmp_path: Path, campaign: Campaign, how: dict[str, Any]
    ) -> None:
        is_true(make_stream, bases, tmp_path, campaign, how)


@pytest.fixture(scope="session")
def half_noisy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a film of one group of pictures, 25 dull and 25 noisy ones."""
    path = tmp_path_factory.mktemp("half") / "film.mov"
    source = ("-f", "lavfi", "-i", "testsrc2=size=160x128:rate=25", "-frames:v", "50")
    noisy = ("-vf", "noise=alls=60:allf=t:enable='gte(n,25)'")
    coder = ("-c:v", "mpeg2video", "-g", "50", "-sc_threshold", "1000000000", "-q:v", "4", "-bf", "0")
    samples._ffmpeg(*source, *noisy, *coder, str(path))
    return path


@pytest.mark.parametrize(
    ("options", "before", "shown"),
    [
        ((), ("-ss", "1"), slice(25, 50)),
        (("-frames:v", "25"), (), slice(0, 25)),
        ((), ("-itsoffset", "0.04"), slice(0, 50)),
        ((), ("-itsoffset", "3"), slice(0, 50)),
        (("-movflags", "frag_keyframe+empty_moov"), ("-itsoffset", "0.04"), slice(0, 50)),
    ],
)
def test_a_film_is_judged_by_the_pictures_that_it_shows(
    half_noisy: Path,
    tmp_path: Path,
    campaign: Campaign,
    options: tuple[str, ...],
    before: tuple[str, ...],
    shown: slice,
) -> None:
    path = samples.rewrap(half_noisy, tmp_path / "film.mov", *options, before=before)
    true = rate_of(listed(half_noisy)[shown])
    assert judged(path, campaign).facts["bit_rate"] == pytest.approx(true, rel=0.005)


def test_all_rows_of_times_are_read(bases: dict[str, Path], tmp_path: Path, campaign: Campaign) -> None:
    """The first 800 pictures come as at 25 a second, in 800 rows; the other 400 at fewer than 17."""
    times = "setts=ts='if(lt(N,800),N*1000+mod(N,2)*100,800000+(N-800)*1500)':duration=1000"
    options = ("-bsf:v", times, "-video_track_timescale", "25000")
    path = packed(bases["mpeg2"], tmp_path / "film.mov", *options, before=("-stream_loop", "29"))
    packets, found = listed(path), judged(path, campaign).facts
    assert len(packets) == 1200
    lasts = packets[-1].at - packets[0].at + 0.06
    assert found["frame_rate"] == pytest.approx(1200 / lasts, rel=0.005)
    assert found["bit_rate"] == pytest.approx(8 * sum(packet.size for packet in packets) / lasts, rel=0.005)


@pytest.mark.soak
class TestThreeHundredFilms:
    @MANY
    @given(how=MADE)
    def test_a_mov_is_judged_by_what_it_shows(
        self, bases: dict[str, Path], tmp_path: Path, campaign: Campaign, how: dict[str, Any]
    ) -> None:
        is_true(make_mov, bases, tmp_path, campaign, how)

    @MANY
    @given(how=JOINED)
    def test_a_stream_is_judged_by_its_pictures(
        self, bases: dict[str, Path], tmp_path: Path, campaign: Campaign, how: dict[str, Any]
    ) -> None:
        is_true(make_stream, bases, tmp_path, campaign, how)
