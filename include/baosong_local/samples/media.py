"""Video clips and photographs for the demo and the tests, by seed: good ones, and each usual way to be wrong.

A clip of a second and a half costs ffmpeg about 1.5 s of one core and 10 MB; make a handful and copy them.
"""

from __future__ import annotations

import io
import math
import random
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import imageio_ffmpeg
from PIL import ExifTags, Image, ImageDraw, ImageFilter

Size = tuple[int, int]
Container = Literal["mov", "mpg", "ts"]
Scan = Literal["interlaced", "progressive"]

XDCAM_BUFFER = 36_408_333  # bits at 50 Mbps, as a broadcast camera has it
_MUXERS = {"mov": ["mov"], "mpg": ["vob", "-muxrate", "{mux}"], "ts": ["mpegts"]}


def make_clip(
    path: Path,
    *,
    container: Container = "mov",
    seconds: float = 2,
    scan: Scan = "interlaced",
    bit_rate_mbps: float = 50,
    size: Size = (1920, 1080),
    seed: int = 0,
    text: str | None = None,
    more: Iterable[str] = (),
) -> Path:
    """Make a broadcast clip as the 2023 profile asks for: MPEG-2 4:2:2 at a constant rate with sound; returns `path`.

    `text` becomes the title in the file's metadata; `more` are further output options of ffmpeg.
    """
    rate = round(bit_rate_mbps * 1e6)
    frames, filters = (50, ",tinterlace=interleave_top,setfield=tff") if scan == "interlaced" else (25, "")
    width, height = size
    _ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size={width}x{height}:rate={frames}"),
        *("-f", "lavfi", "-i", f"sine=frequency={330 + seed % 12 * 40}:sample_rate=48000"),
        *("-t", str(seconds), "-vf", f"noise=alls=12:allf=t:all_seed={seed + 1}{filters}"),
        *_mpeg2(rate, interlaced=scan == "interlaced"),
        *(("-c:a", "pcm_s16le") if container == "mov" else ("-c:a", "mp2", "-b:a", "384k")),
        *("-ac", "2"),
        *(("-metadata", f"title={text}") if text else ()),
        *more,
        *("-f", *(part.format(mux=rate + 10_000_000) for part in _MUXERS[container])),
        str(path),
    )
    return path


def make_phone_clip(path: Path, *, portrait: bool = False, seconds: float = 1, seed: int = 0) -> Path:
    """Make what a telephone films, whatever its name says: H.264 in MP4, 1280 x 720, 30 frames/s, 8 to 9 Mbps."""
    turned = ("-vf", "transpose=1") if portrait else ()
    _ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30"),
        *("-f", "lavfi", "-i", f"sine=frequency={300 + seed % 12 * 30}:sample_rate=44100"),
        *("-t", str(seconds), *turned),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-b:v", "8M"),
        *("-c:a", "aac", "-f", "mp4", str(path)),
    )
    return path


def rewrap(path: Path, to: Path, *options: str, before: Iterable[str] = ()) -> Path:
    """Put a clip's tracks into another container or order without coding them again; returns `to`."""
    _ffmpeg(*before, "-i", str(path), "-c", "copy", *options, str(to))
    return to


def cut_short(path: Path, to: Path, share: float = 0.7) -> Path:
    """Copy the first part of a file, as an upload that broke off leaves it; returns `to`."""
    data = path.read_bytes()
    to.write_bytes(data[: int(len(data) * share)])
    return to


def make_photo(seed: int, prefecture_name: str, size: Size = (1920, 1280), *, position: bool = False) -> bytes:
    """Return a JPEG of a science fair as a camera would write it: banner, booths, people, EXIF with date and caption.

    The prefecture's name colours the picture and stands in the caption.
    """
    rng = random.Random(f"{seed}/{prefecture_name}")
    picture = _scene(rng, size)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, exif=_exif(rng, prefecture_name, position))
    return out.getvalue()


def _mpeg2(rate: int, *, interlaced: bool) -> list[str]:
    scale = rate / 50_000_000
    return [
        *("-c:v", "mpeg2video", "-pix_fmt", "yuv422p", "-g", "12", "-aspect", "16:9", "-threads", "1"),
        *("-b:v", str(rate), "-minrate", str(rate), "-maxrate", str(rate)),
        *("-bufsize", str(round(XDCAM_BUFFER * scale)), "-rc_init_occupancy", str(round(36_000_000 * scale))),
        *("-intra_vlc", "1"),
        *(("-non_linear_quant", "1", "-qmax", "28") if scale >= 1 else ()),
        *(("-flags", "+ilme+ildct") if interlaced else ()),
        *("-fflags", "+bitexact", "-flags:v:0", "+bitexact+ilme+ildct" if interlaced else "+bitexact"),
    ]


def _ffmpeg(*arguments: str) -> None:
    program = imageio_ffmpeg.get_ffmpeg_exe()
    command = [program, "-v", "error", "-nostdin", "-y", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"ffmpeg: {done.stderr.strip()[-500:]}")


def _scene(rng: random.Random, size: Size) -> Image.Image:
    width, height = size
    picture = Image.linear_gradient("L").resize(size).convert("RGB")
    sky = Image.new("RGB", size, (rng.randint(90, 150), rng.randint(160, 200), rng.randint(220, 250)))
    picture = Image.blend(sky, picture, 0.25)
    draw = ImageDraw.Draw(picture)
    _mountains(draw, rng, width, height)
    ground = int(height * 0.62)
    draw.rectangle((0, ground, width, height), fill=(rng.randint(150, 185),) * 2 + (rng.randint(120, 150),))
    _banner(draw, rng, width, height)
    for i in range(5):
        _booth(draw, rng, int(width * (0.04 + 0.195 * i)), ground, int(width * 0.15))
    for y in sorted(rng.randint(ground + 10, height) for _ in range(rng.randint(28, 45))):  # far to near
        _person(draw, rng, rng.randint(0, width), y, height)
    grain = Image.frombytes("L", size, rng.randbytes(width * height)).convert("RGB")  # a sensor is never quite still
    return Image.blend(picture.filter(ImageFilter.GaussianBlur(width / 1600)), grain, 0.05)


def _mountains(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> None:
    for depth in range(3):
        base, phase = height * (0.45 + 0.07 * depth), rng.random() * 6
        ridge = [
            (
                x,
                base
                - height * 0.09 * abs(math.sin(x / width * (5 + depth * 2) + phase))
                - rng.random() * height * 0.012,
            )
            for x in range(0, width + 40, 40)
        ]
        tone = 150 - 30 * depth
        draw.polygon([(0, height), *ridge, (width, height)], fill=(tone, tone + 10, tone + 25))


def _banner(draw: ImageDraw.ImageDraw, rng: random.Random, width: int, height: int) -> None:
    left, top, right, bottom = width * 0.12, height * 0.2, width * 0.88, height * 0.32
    for post in (left, right):
        draw.rectangle((post - 6, top, post + 6, height * 0.66), fill=(90, 90, 95))
    draw.rectangle((left, top, right, bottom), fill=(rng.randint(175, 215), 25, 30))
    glyph = (right - left) / 20
    for i in range(16):  # a row of strokes in the place of characters: no CJK font can be taken for granted
        x = left + glyph * (2 + i)
        for _ in range(5):
            y = top + rng.uniform(0.25, 0.75) * (bottom - top)
            draw.line((x, y, x + glyph * rng.uniform(0.3, 0.7), y), fill=(250, 215, 80), width=max(2, int(glyph / 12)))
        draw.line(
            (x + glyph * 0.35, top + glyph * 0.4, x + glyph * 0.35, bottom - glyph * 0.4), fill=(250, 215, 80), width=4
        )


def _booth(draw: ImageDraw.ImageDraw, rng: random.Random, x: int, ground: int, width: int) -> None:
    colour = tuple(rng.randint(60, 235) for _ in range(3))
    top = ground - int(width * 0.75)
    draw.polygon([(x, top), (x + width // 2, top - width // 3), (x + width, top)], fill=colour)
    draw.rectangle((x, top, x + width, ground + width // 6), fill=(245, 245, 240), outline=(120, 120, 120))
    draw.rectangle((x, ground - width // 12, x + width, ground + width // 6), fill=colour)
    for i in range(4):
        left = x + width * (0.08 + 0.23 * i)
        draw.rectangle((left, top + width * 0.06, left + width * 0.17, top + width * 0.4), fill=_soft(rng))


def _person(draw: ImageDraw.ImageDraw, rng: random.Random, x: int, y: int, height: int) -> None:
    tall = int(height * 0.1 * (0.55 + 0.6 * y / height))
    head = tall // 7
    skin = (rng.randint(190, 230), rng.randint(150, 185), rng.randint(120, 150))
    coat = _soft(rng)
    draw.ellipse((x - tall // 6, y - 4, x + tall // 6, y + 5), fill=(110, 110, 95))
    draw.rectangle((x - head, y - tall // 2, x + head, y), fill=(50, 52, rng.randint(55, 110)))
    draw.rounded_rectangle((x - head * 1.4, y - tall, x + head * 1.4, y - tall // 2), head, fill=coat)
    draw.ellipse((x - head, y - tall - head * 2, x + head, y - tall), fill=skin)
    draw.pieslice((x - head, y - tall - head * 2, x + head, y - tall), 180, 360, fill=(30, 25, 22))


def _soft(rng: random.Random) -> tuple[int, int, int]:
    return rng.randint(60, 240), rng.randint(60, 240), rng.randint(60, 240)


def _exif(rng: random.Random, prefecture_name: str, position: bool) -> Image.Exif:
    exif = Image.Exif()
    taken = f"2023:05:{rng.randint(20, 31)} {rng.randint(9, 19):02}:{rng.randint(0, 59):02}:{rng.randint(0, 59):02}"
    exif[ExifTags.Base.Make] = "NIKON CORPORATION"
    exif[ExifTags.Base.Model] = "NIKON D750"
    exif[ExifTags.Base.ImageDescription] = f"{prefecture_name} {rng.randint(1, 999):03}".encode()
    exif[ExifTags.Base.DateTime] = taken
    details: dict[int, Any] = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = taken
    details[ExifTags.Base.ISOSpeedRatings] = rng.choice([100, 200, 400])
    if position:
        place: dict[int, Any] = exif.get_ifd(ExifTags.IFD.GPSInfo)
        place[ExifTags.GPS.GPSLatitudeRef], place[ExifTags.GPS.GPSLatitude] = "N", (43.0, 49.0, 30.0)
        place[ExifTags.GPS.GPSLongitudeRef], place[ExifTags.GPS.GPSLongitude] = "E", (87.0, 36.0, 0.0)
    return exif
