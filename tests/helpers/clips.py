"""Clips by name, each made once a session: some coded by ffmpeg, the others packed, cut or patched from them."""

from __future__ import annotations

import os
import re
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


def x264(parameters: str, *more: str, mbps: int = 60, seconds: float = 0.4) -> Recipe:
    """Return a recipe for H.264 at a constant rate, as 剪映 exports it."""
    rate = ("-b:v", f"{mbps}M", "-minrate", f"{mbps}M", "-maxrate", f"{mbps}M", "-bufsize", "6M")
    how = ("-preset", "ultrafast", "-x264-params", f"nal-hrd=cbr:{parameters}")
    return coded("-c:v", "libx264", *rate, *how, *more, seconds=seconds)


def hevc(parameters: str = "") -> Recipe:
    """Return a recipe for H.265 at some 70 Mbps."""
    rate = f"log-level=0:bitrate=75000:vbv-maxrate=77000:vbv-bufsize=7500:strict-cbr=1:{parameters}".strip(":")
    return coded("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", rate, "-tag:v", "hvc1", seconds=0.4)


def clip(seconds: float = 0.6, **how: object) -> Recipe:
    return lambda _, to: samples.make_clip(to, seconds=seconds, **how)  # type: ignore[arg-type]


def with_rate(mbps: float) -> Callable[[bytes], bytes]:
    """Return what gives a MOV's pictures this rate; what they lack of it is noise behind the last one."""

    def change(data: bytes) -> bytes:
        at = data.index(b"stsz") + 12
        count = struct.unpack_from(">I", data, at)[0]
        size = round(mbps * 1e6 / 8 / 25)
        data = data[: at + 4] + struct.pack(f">{count}I", *[size] * count) + data[at + 4 + 4 * count :]
        essence, index = data.index(b"mdat") - 4, data.index(b"moov") - 4
        more = os.urandom(max(0, size * count + (1 << 20) - index))
        length = struct.pack(">I", index - essence + len(more))
        return data[:essence] + length + data[essence + 4 : index] + more + data[index:]

    return change


def at_rate(mbps: float) -> Recipe:
    return changed("50i.mov", with_rate(mbps))


def declared(mbps: int, true: float) -> Recipe:
    """Return a recipe for H.264 that says it aims at one rate and has another."""

    def make(clips: Clips, to: Path) -> Path:
        made = x264("", mbps=mbps)(clips, to)
        made.write_bytes(with_rate(true)(made.read_bytes()))
        return made

    return make


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


def cut_in_a_picture(data: bytes) -> bytes:
    """Cut an H.264 stream shortly after a slice begins: where its coder fills up the rate nothing of it is missing."""
    whole = len(data) * 7 // 10
    begins = [found.start() for found in re.finditer(rb"\0\0\x01[\x01\x41\x61\x65]", data[:whole])]
    return data[: begins[-1] + 4000]


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


def without_fiel(data: bytes) -> bytes:
    """Return a MOV whose index does not say the scan, as many programs leave it."""
    return data.replace(b"fiel", b"free")


def in_long_packets(data: bytes) -> bytes:
    """Return a transport stream with the check bytes behind each packet that broadcasters store along."""
    return b"".join(data[at : at + 188] + bytes(16) for at in range(0, len(data), 188))


def with_matrix(*matrix: int) -> Callable[[bytes], bytes]:
    """Return what turns the picture of a MOV by a matrix of four, in whole numbers."""

    def change(data: bytes) -> bytes:
        at = data.index(b"tkhd") + 44
        a, b, c, d = (number << 16 for number in matrix)
        return data[:at] + struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30) + data[at + 36 :]

    return change


def with_lines(lines: int) -> Callable[[bytes], bytes]:
    """Return what writes another height into the index of an H.264 MOV, as programs do that store whole blocks."""

    def change(data: bytes) -> bytes:
        at = data.index(b"avc1", data.index(b"stsd")) + 30
        return data[:at] + struct.pack(">H", lines) + data[at + 2 :]

    return change


def with_clean_aperture(data: bytes) -> bytes:
    """Return a ProRes MOV of 1088 lines whose index says that 1080 of them are to be seen."""
    box = struct.pack(">I4s8I", 40, b"clap", 1920, 1, 1080, 1, 0, 1, 0, 1)
    changed = bytearray(data)
    begin = changed.index(b"apcs", changed.index(b"stsd")) - 4
    end = begin + struct.unpack_from(">I", changed, begin)[0]
    changed[end:end] = box
    places = [changed.rindex(name, 0, begin) - 4 for name in (b"stsd", b"stbl", b"minf", b"mdia", b"trak", b"moov")]
    for at in [begin, *places]:
        struct.pack_into(">I", changed, at, struct.unpack_from(">I", changed, at)[0] + len(box))
    return bytes(changed)


def without_pictures(data: bytes) -> bytes:
    """Return the index of a MOV alone, its pictures said to lie where the file begins."""
    head, index = data[: struct.unpack_from(">I", data)[0]], bytearray(data[data.index(b"moov") - 4 :])
    at = 0
    while (at := index.find(b"stco", at)) >= 0:
        count = struct.unpack_from(">I", index, at + 8)[0]
        index[at + 12 : at + 12 + 4 * count] = bytes(4 * count)
        at += 12
    return head + bytes(index)


def elsewhere(data: bytes) -> bytes:
    """Return a MOV that says its pictures lie in another file."""
    at = data.index(b"dref") + 23
    return data[:at] + b"\0" + data[at + 1 :]


def cut_behind_a_fragment(data: bytes) -> bytes:
    return data[: data.rindex(b"moof", 0, data.rindex(b"moof")) - 4]


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
    # as programs make them that say less in their headers
    "prores_50i.mov": coded(
        *("-c:v", "prores_ks", "-profile:v", "1", "-flags", "+ildct"), seconds=0.08, before=f"{NOISE},setfield=tff"
    ),
    "prores_50i_no_fiel.mov": changed("prores_50i.mov", without_fiel),
    "prores_25p_no_fiel.mov": changed("prores_lt.mov", without_fiel),
    "hevc.mov": hevc(),
    "hevc_no_fiel.mov": changed("hevc.mov", without_fiel),
    "hevc_50i_no_fiel.mov": changed("hevc_50i.mov", without_fiel),
    "hevc_50i.mov": hevc("interlace=tff"),
    "hevc.ts.mpg": packed("hevc.mov", *TS),
    "hevc_50i.ts.mpg": packed("hevc_50i.mov", *TS),
    "h264.ps.mpg": packed("jianying_long.mov", *PS[4:6], "-bsf:v", "h264_mp4toannexb"),
    "h264_vob.mpg": packed("jianying_long.mov", *PS[4:], "-bsf:v", "h264_mp4toannexb"),
    "jianying_long.mov": x264("keyint=10", seconds=1),
    "204.ts.mpg": changed("ts.mpg", in_long_packets),
    "204_h264.ts.mpg": changed("h264.ts.mpg", in_long_packets),
    "1088_cropped.mov": changed("jianying.mov", with_lines(1088)),
    "1088_aperture.mov": changed("prores_1088.mov", with_clean_aperture),
    "prores_1088.mov": coded("-c:v", "prores_ks", "-profile:v", "1", seconds=0.08, size="1920x1088"),
    "pieces_of_both.mov": packed("50i.mov", "-movflags", "frag_keyframe", before=["-stream_loop", "3"]),
    # rates
    "50.0.mov": at_rate(50),
    "100.0.mov": at_rate(100),
    "49.5.mov": at_rate(49.5),
    "101.5.mov": at_rate(101.5),
    "48.5.mov": at_rate(48.5),
    "declares_50_has_48.3.mov": declared(50, 48.3),
    "declares_100_has_104.mov": declared(100, 104),
    "declares_60.ts.mpg": coded(
        *("-c:v", "libx264", "-preset", "ultrafast", "-b:v", "60M", "-maxrate", "60M", "-bufsize", "30M"),
        *("-x264-params", "nal-hrd=vbr:force-cfr=1", *TS),
        before="null",
    ),
    "long_group.ts.mpg": x264("keyint=250:scenecut=0", *TS, seconds=1.6),
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
    "flipped.mov": changed("50i.mov", with_matrix(1, 0, 0, -1)),
    "mirrored.mov": changed("50i.mov", with_matrix(-1, 0, 0, 1)),
    "slanted.mov": changed("50i.mov", with_matrix(1, 1, -1, 1)),
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
    "index_without_pictures.mov": changed("50i.mov", without_pictures),
    "elsewhere.mov": changed("50i.mov", elsewhere),
    "cut_pieces.mov": changed("pieces.mov", lambda data: data[: len(data) * 7 // 10]),
    "cut_between_pieces.mov": changed("pieces.mov", cut_behind_a_fragment),
    "low_pieces.mov": packed("25mbps.mov", "-movflags", "frag_keyframe+empty_moov", before=["-stream_loop", "5"]),
    "cut_between_low_pieces.mov": changed("low_pieces.mov", cut_behind_a_fragment),
    "cut_204.ts.mpg": changed("204.ts.mpg", lambda data: data[: len(data) // 204 * 7 // 10 * 204]),
    "cut_h264.ps.mpg": changed("h264.ps.mpg", cut_in_a_picture),
    "cut.mpg": changed("50i.mpg", lambda data: data[: len(data) * 7 // 10]),
    "cut_at_a_pack.mpg": changed("50i.mpg", cut_at_a_pack),
    "zeros.mpg": changed("50i.mpg", turned_to_zeros),
    "noise.mpg": changed("50i.mpg", turned_to_noise),
    "cut.ts.mpg": changed("ts.mpg", lambda data: data[: len(data) * 7 // 10 | 1]),
    "cut_at_a_packet.ts.mpg": changed("ts.mpg", lambda data: data[: len(data) // 188 * 7 // 10 * 188]),
    "zeros.ts.mpg": changed("ts.mpg", turned_to_zeros),
    "cut_h264.ts.mpg": changed("h264.ts.mpg", lambda data: data[: len(cut_in_a_picture(data)) // 188 * 188]),
    # long ones, with holes in them
    "film.mov": film(2_000_000_000, index_first=False),
    "film_fast.mov": film(50_000_000_000, index_first=True),
}
