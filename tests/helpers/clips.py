"""Clips by name, each made once a session: some coded by ffmpeg, the others packed, cut or patched from them."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

from baosong_local.samples import films
from baosong_local.samples import media as samples

PS = ("-c:a", "mp2", "-b:a", "384k", "-f", "vob", "-muxrate", "66000000")
TS = ("-f", "mpegts")
NOISE = "noise=alls=12:allf=t"


class Clips:
    """The clips of a session, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> Path:
        """Return a clip, made when it is first asked for; KeyError if there is none of this name."""
        path = self.folder / name
        if not path.exists():
            made = RECIPES[name](self, self.folder / f"making.{name}")
            made.rename(path)
        return path

    def data(self, name: str) -> bytes:
        return self[name].read_bytes()


Recipe = Callable[[Clips, Path], Path]


def packed(name: str, *options: str, before: Iterable[str] = ()) -> Recipe:
    """Return a recipe that puts a clip's tracks into another container without coding them again."""
    return lambda clips, to: samples.rewrap(clips[name], to, *options, before=before)


def changed(name: str, change: Callable[[bytes], bytes]) -> Recipe:
    """Return a recipe that changes a clip's bytes."""

    def make(clips: Clips, to: Path) -> Path:
        to.write_bytes(change(clips.data(name)))
        return to

    return make


def coded(*options: str, rate: int = 25, size: str = "1920x1080", seconds: float = 0.4, before: str = NOISE) -> Recipe:
    """Return a recipe that codes a test picture."""

    def make(clips: Clips, to: Path) -> Path:
        source = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate}")
        samples._ffmpeg(*source, "-t", str(seconds), "-vf", before, *options, str(to))
        return to

    return make


def x264(parameters: str, *more: str) -> Recipe:
    """Return a recipe for H.264 at a constant 60 Mbps, as 剪映 exports it."""
    rate = ("-b:v", "60M", "-minrate", "60M", "-maxrate", "60M", "-bufsize", "6M")
    return coded("-c:v", "libx264", "-preset", "ultrafast", *rate, "-x264-params", f"nal-hrd=cbr:{parameters}", *more)


def clip(seconds: float = 0.6, **how: object) -> Recipe:
    return lambda _, to: samples.make_clip(to, seconds=seconds, **how)  # type: ignore[arg-type]


def at_rate(mbps: float) -> Recipe:
    """Return a recipe for a MOV whose 25 pictures have this rate; what they lack of it is noise behind the last one."""

    def change(data: bytes) -> bytes:
        at = data.index(b"stsz") + 12
        count = struct.unpack_from(">I", data, at)[0]
        size = round(mbps * 1e6 / 8 / 25)
        data = data[: at + 4] + struct.pack(f">{count}I", *[size] * count) + data[at + 4 + 4 * count :]
        essence, index = data.index(b"mdat") - 4, data.index(b"moov") - 4
        more = os.urandom(max(0, size * count + (1 << 20) - index))
        return data[:essence] + struct.pack(">I", index - essence + len(more)) + data[essence + 4 : index] + more + data[index:]

    return changed("50i.mov", change)


def with_notes(data: bytes) -> bytes:
    """Return a MOV with the editing history that Premiere leaves in it: 600 KB of XMP in the index."""
    at = data.index(b"moov") - 4
    length = struct.unpack_from(">I", data, at)[0]
    notes = struct.pack(">I4s", 600_008, b"XMP_") + b"<x:xmpmeta/>" * 50_000
    user = struct.pack(">I4s", 8 + len(notes), b"udta") + notes
    return data[:at] + struct.pack(">I", length + len(user)) + data[at + 4 : at + length] + user + data[at + length :]


def from_before_ftyp(data: bytes) -> bytes:
    return data[:4] + b"free" + data[8:]


def without_pictures_at_the_end(data: bytes) -> bytes:
    """Return a MOV whose index lies behind its pictures, the second half of which is zeros."""
    index = data.index(b"moov") - 4
    return data[: index // 2] + bytes(index - index // 2) + data[index:]


def cut_at_a_pack(data: bytes) -> bytes:
    return data[: data.rindex(b"\x00\x00\x01\xba", 0, len(data) * 2 // 3)]


def turned_to_zeros(data: bytes) -> bytes:
    return data[:-300_000] + bytes(300_000)


def turned_to_noise(data: bytes) -> bytes:
    return data[:-300_000] + os.urandom(300_000)


def both_scans(first: str, second: str, *options: str) -> Recipe:
    """Return a recipe for a stream that changes from one clip's scan to the other's."""

    def make(clips: Clips, to: Path) -> Path:
        bare = to.with_suffix(".m2v")
        essences = [
            samples.rewrap(clips[n], to.with_suffix(f".{n}.m2v"), "-an", "-f", "mpeg2video") for n in (first, second)
        ]
        bare.write_bytes(b"".join(e.read_bytes() for e in essences))
        timed = ("-fflags", "+genpts", "-framerate", "25", "-f", "mpegvideo")
        return samples.rewrap(bare, to, *options, before=timed)

    return make


def film(size: int, *, index_first: bool) -> Recipe:
    return lambda clips, to: films.make_film(clips["50i.mov"], to, size, index_first=index_first)


def phone(**how: bool) -> Recipe:
    return lambda _, to: samples.make_phone_clip(to, seconds=0.6, **how)


RECIPES: dict[str, Recipe] = {
    # as the notice asks
    "50i.mov": clip(1),
    "25p.mov": clip(0.8, scan="progressive"),
    "50i.mpg": packed("50i.mov", *PS),
    "25p.mpg": packed("25p.mov", *PS),
    "ts.mpg": packed("50i.mpg", *TS),
    "m2ts.mpg": packed("50i.mpg", *TS, "-mpegts_m2ts_mode", "1"),
    "fast.mov": packed("50i.mov", "-movflags", "+faststart"),
    "old.mov": changed("50i.mov", from_before_ftyp),
    "notes.mov": changed("50i.mov", with_notes),
    "thumbnail.mov": lambda clips, to: samples.rewrap(
        clips["50i.mov"], to, "-map", "1:v", "-map", "0", before=["-i", str(clips["phone.mov"])]
    ),
    "timecode.mov": packed("50i.mov", "-timecode", "10:00:00:00"),
    "voices.mov": packed("50i.mov", *(["-map", "0:v"] + ["-map", "0:a"] * 8)),
    "silent.mov": packed("50i.mov", "-an"),
    "jianying.mov": x264(""),
    "mbaff.mov": x264("tff=1", "-flags", "+ilme+ildct"),
    "psf.mov": x264("fake-interlaced=1"),
    "pieces.mov": packed("50i.mov", "-movflags", "frag_keyframe+empty_moov", before=["-stream_loop", "9"]),
    "b_pictures.mpg": clip(1.6, container="mpg", bit_rate_mbps=60, more=("-bf", "2")),
    "open_groups.ts.mpg": x264("open-gop=1:keyint=6:bframes=3:force-cfr=1", *TS),
    "h264.ts.mpg": x264("force-cfr=1", *TS),
    "untimed.ts.mpg": packed("jianying.mov", *TS),
    "prores_lt.mov": coded("-c:v", "prores_ks", "-profile:v", "1", seconds=0.08),
    "joined.mpg": changed("50i.mpg", lambda data: data + data),
    # rates
    "50.0.mov": at_rate(50),
    "100.0.mov": at_rate(100),
    "49.5.mov": at_rate(49.5),
    "101.5.mov": at_rate(101.5),
    "48.5.mov": at_rate(48.5),
    "103.mov": at_rate(103),
    "prores.mov": coded("-c:v", "prores_ks", "-profile:v", "2", seconds=0.08),
    "25mbps.mov": clip(bit_rate_mbps=25),
    "49.5.mpg": clip(1.6, container="mpg", bit_rate_mbps=48),
    "49.5.ts.mpg": packed("49.5.mpg", *TS),
    "48.3.mpg": clip(1.6, container="mpg", bit_rate_mbps=47),
    "198.mov": at_rate(198),
    # other pictures
    "720.mov": clip(size=(1280, 720)),
    "1440.mov": clip(size=(1440, 1080)),
    "wide_pixels.mov": packed("50i.mov", "-aspect", "1.9"),
    "rotated.mov": packed("50i.mov", before=["-display_rotation", "90"]),
    "upside_down.mov": packed("50i.mov", before=["-display_rotation", "180"]),
    "50p.mov": packed("50i.mov", "-an", before=["-itsscale", "0.5"]),
    "30.mov": x264("", "-r", "30"),
    "24.mov": x264("", "-r", "24"),
    "dropped.mov": packed("50i.mov", "-an", "-bsf:v", "noise=drop='eq(n,9)'", before=["-stream_loop", "3"]),
    "many_dropped.mov": packed("50i.mov", "-an", "-bsf:v", "noise=drop='not(mod(n,9))'"),
    "25p_then_50i.mpg": both_scans("25p.mov", "50i.mov", *PS[4:]),
    "25p_then_50i.ts.mpg": packed("25p_then_50i.mpg", *TS),
    # other containers
    "phone.mov": phone(),
    "portrait.mov": phone(portrait=True),
    "mp4.mov": packed("50i.mov", "-an", "-f", "mp4"),
    "mxf.mov": packed("50i.mov", "-f", "mxf"),
    "mkv.mov": packed("50i.mov", "-f", "matroska"),
    "avi.mpg": packed("50i.mov", "-an", "-f", "avi"),
    "essence.mpg": packed("50i.mov", "-an", "-f", "mpeg2video"),
    "h264.mpg": packed("jianying.mov", "-f", "h264"),
    "sound.mov": packed("50i.mov", "-vn"),
    "sound.mpg": packed("50i.mpg", "-vn", *PS[4:6]),
    # damage
    "no_index.mov": changed("50i.mov", lambda data: data[: len(data) * 7 // 10]),
    "cut_fast.mov": changed("fast.mov", lambda data: data[: len(data) * 7 // 10]),
    "last_byte.mov": changed("fast.mov", lambda data: data[:-1]),
    "zeros_fast.mov": changed("fast.mov", lambda data: data[: len(data) // 2] + bytes(len(data) - len(data) // 2)),
    "zeros.mov": changed("50i.mov", without_pictures_at_the_end),
    "only_index.mov": changed("fast.mov", lambda data: data[: data.index(b"mdat") - 4]),
    "cut.mpg": changed("50i.mpg", lambda data: data[: len(data) * 7 // 10]),
    "cut_at_a_pack.mpg": changed("50i.mpg", cut_at_a_pack),
    "zeros.mpg": changed("50i.mpg", turned_to_zeros),
    "noise.mpg": changed("50i.mpg", turned_to_noise),
    "cut.ts.mpg": changed("ts.mpg", lambda data: data[: len(data) * 7 // 10 | 1]),
    "cut_at_a_packet.ts.mpg": changed("ts.mpg", lambda data: data[: len(data) // 188 * 7 // 10 * 188]),
    "zeros.ts.mpg": changed("ts.mpg", turned_to_zeros),
    "cut_h264.ts.mpg": changed("h264.ts.mpg", lambda data: data[: len(data) // 188 * 8 // 10 * 188]),
    # long ones, with holes in them
    "film.mov": film(2_000_000_000, index_first=False),
    "film_fast.mov": film(50_000_000_000, index_first=True),
}
