"""How pictures are counted, on streams and indexes that ffmpeg does not make: fields, jumps, noise, pieces."""

from __future__ import annotations

import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from baosong.validation.sandbox.programs import shown, streams
from baosong.validation.sandbox.programs.essence import Essence
from baosong.validation.sandbox.programs.movie import UPRIGHT, Movie, Track

FRAME, TOP, BOTTOM = 3, 1, 2
TICKS = 3600


def mpeg2(structure: int, length: int = 900) -> bytes:
    head = b"\0\0\1\0" + bytes([0x12, 0x34, 0x56, 0x78]) + b"\0\0\1\xb5" + bytes([0x8F, 0xFF, 0xF0 | structure, 0x80])
    return head + b"\x55" * (length - len(head))


def bits(text: str) -> bytes:
    text = text.replace(" ", "") + "1"
    text += "0" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big")


def ue(number: int) -> str:
    code = f"{number + 1:b}"
    return "0" * (len(code) - 1) + code


def avc_sequence(*, frames_only: bool) -> bytes:
    """Return a parameter set of the high profile whose pictures have numbers of 8 bits."""
    high = ue(0) + ue(1) + ue(0) + ue(0) + "0" + "0"
    return b"\0\0\1\x67\x64\0\x28" + bits(high + ue(4) + ue(2) + ue(1) + "0" + ue(119) + ue(67) + str(int(frames_only)))


def avc_slice(*, field: bool, frames_only: bool) -> bytes:
    flag = "" if frames_only else str(int(field))
    return b"\0\0\1\x65" + bits(ue(0) + ue(7) + ue(0) + f"{5:08b}" + flag) + b"\x99" * 100


def stamped(at: int) -> bytes:
    a, b, c = at >> 30 & 7, at >> 15 & 0x7FFF, at & 0x7FFF
    return bytes([0x21 | a << 1, b >> 7, (b & 0x7F) << 1 | 1, c >> 7, (c & 0x7F) << 1 | 1])


def pes(picture: bytes, at: int, *, length: bool) -> bytes:
    size = len(picture) + 8 if length else 0
    return b"\0\0\1\xe0" + struct.pack(">H", size) + b"\x80\x80\x05" + stamped(at % (1 << 33)) + picture


def transport(pictures: list[tuple[bytes, int]], width: int = 188) -> bytes:
    """Return packets of the pictures, each with its stamp; what does not fill a packet is filled before it."""
    packets = []
    for picture, at in pictures:
        data, first = pes(picture, at, length=False), 0x40
        while data:
            part, data = data[:184], data[184:]
            gap = 184 - len(part)
            filling = b"" if not gap else bytes([gap - 1]) + (b"\0" + b"\xff" * (gap - 2) if gap > 1 else b"")
            head = bytes([0x47, first | 1, 0, 0x30 if gap else 0x10])
            packets.append(bytes(4 * (width == 192)) + head + filling + part + bytes(16 * (width == 204)))
            first = 0
    return b"".join(packets)


def program(pictures: list[tuple[bytes, int]]) -> bytes:
    pack = b"\0\0\1\xba\x44\0\4\0\4\1\0\0\3\xf8"
    return b"".join(pack + pes(picture, at, length=True) for picture, at in pictures)


def counted(stream: streams.Stream, data: bytes, sizes: list[int] | None = None) -> dict[str, float]:
    at = 0
    for size in sizes or []:
        stream.feed(data[at : at + size])
        at += size
    stream.feed(data[at:])
    (told,) = streams.told(stream)["tracks"].values()
    return told  # type: ignore[no-any-return]


def film(*structures: int, jump: int = 0) -> list[tuple[bytes, int]]:
    """Return pictures a 25th of a second apart, fields half as much, with a jump of the clock in their midst."""
    found, at = [], 1 << 20
    for number, structure in enumerate(structures):
        found.append((mpeg2(structure, 700 + 13 * (number % 7)), at))
        at += (TICKS if structure == FRAME else TICKS // 2) + (jump if number == len(structures) // 2 else 0)
    return found


@pytest.mark.parametrize("jump", [0, 360_000, -36_000, 1 << 32])
@pytest.mark.parametrize(("pictures", "many"), [([FRAME] * 20, 20), ([TOP, BOTTOM] * 10, 10)])
@pytest.mark.parametrize("width", [0, 188, 192, 204])
def test_pictures_are_counted_wherever_their_stamps_jump(pictures: list[int], many: int, jump: int, width: int) -> None:
    made = film(*pictures, jump=jump)
    data = transport(made, width) if width else program(made)
    stream = streams.TransportStream("MPEG Video") if width else streams.ProgramStream("MPEG Video")
    told = counted(stream, data)
    assert (told["bytes"], told["pictures"], told["step"]) == (sum(len(p) for p, _ in made), many, 0.04)


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 4000), max_size=12),
    noise=st.binary(max_size=700),
    where=st.sampled_from([0, *range(2, 21)]),
)
def test_neither_pieces_nor_noise_change_a_count(sizes: list[int], noise: bytes, where: int) -> None:
    made = film(*[FRAME] * 20)
    before, behind = transport(made[:where]), transport(made[where:])
    told = counted(streams.TransportStream("MPEG Video"), before + noise.replace(b"\x47", b"") + behind, sizes)
    assert (told["bytes"], told["pictures"]) == (sum(len(p) for p, _ in made), 20)
    told = counted(streams.ProgramStream("MPEG Video"), program(made), sizes)
    assert (told["bytes"], told["pictures"], told["step"]) == (sum(len(p) for p, _ in made), 20, 0.04)


@pytest.mark.parametrize(
    ("frames_only", "field", "pictures"), [(True, False, 12), (False, False, 12), (False, True, 6)]
)
def test_two_fields_of_h264_are_one_picture(frames_only: bool, field: bool, pictures: int) -> None:
    essence = Essence("AVC")
    slices = [avc_slice(field=field, frames_only=frames_only)] * 12
    essence.feed(avc_sequence(frames_only=frames_only) + b"".join(slices), [])
    assert essence.told()["pictures"] == pictures


def test_a_codec_that_is_not_known_is_counted_by_its_stamps() -> None:
    told = counted(streams.TransportStream("VC-1"), transport([(b"\x11" * 300, n * TICKS) for n in range(9)]))
    assert (told["pictures"], told["step"]) == (9, 0.04)


@pytest.mark.parametrize(("flags", "scan"), [(0x90, "Progressive"), (0x50, "Interlaced"), (0, ""), (0xC0, "")])
def test_a_profile_of_h265_says_the_scan_or_not(flags: int, scan: str) -> None:
    assert shown.hevc_scan(flags) == scan


@settings(deadline=None)
@given(data=st.binary(max_size=3000), codec=st.sampled_from(["MPEG Video", "AVC", "HEVC", "VC-1"]))
@example(data=b"\0\0\1\xe0\0\0\xff\xff\xff" + bytes(40), codec="AVC")
def test_no_bytes_bring_the_counting_down(data: bytes, codec: str) -> None:
    for stream in (streams.ProgramStream(codec), streams.TransportStream(codec)):
        stream.feed(b"\0\0\1\xba" + data)
        stream.feed(b"\x47" * 2000 + data)
        streams.told(stream)
    essence = Essence(codec)
    essence.feed(b"\0\0\1\x67\x64" + data, [(0, 5)])
    essence.told()


@settings(deadline=None)
@given(
    kind=st.sampled_from([b"stsz", b"stz2", b"stts", b"ctts", b"elst", b"tkhd", b"mvhd", b"stsc", b"stco", b"trun"]),
    body=st.binary(max_size=200),
)
def test_no_index_brings_its_reader_down(kind: bytes, body: bytes) -> None:
    box = struct.pack(">I4s", 8 + len(body), kind) + body
    inside = b"\0\0\0\x15hdlr" + bytes(8) + b"vide\0" + box
    for branch in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        inside = struct.pack(">I4s", 8 + len(inside), branch) + inside
    fragment = box
    for branch in (b"traf", b"moof"):
        fragment = struct.pack(">I4s", 8 + len(fragment), branch) + fragment
    data = inside + fragment
    movie = Movie(lambda at, length: data[at : at + length], len(data), through=True)
    shown.told(movie, len(data), lambda at, length: data[at : at + length])


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ((1, 0, 0, 1), ""),
        ((0, 1, -1, 0), "90"),
        ((1, 0, 0, -1), "flipped"),
        ((-1, 0, 0, 1), "mirrored"),
        ((0, 0, 0, 0), "other"),
    ],
)
def test_a_matrix_says_how_a_picture_is_turned(matrix: tuple[int, int, int, int], turned: str) -> None:
    a, b, c, d = (number << 16 for number in matrix)
    assert shown.turned(UPRIGHT, (a, b, c, d)) == turned


def test_an_edit_at_twice_the_speed_shows_twice_the_bytes() -> None:
    track = Track()
    track.scale, track.edits, track.times = 25, [(40, 0, 2.0)], [(100, 1)]
    track.sizes.extend([100] * 100)
    payload, seconds, pictures = shown.shown(track, 20, sum(track.sizes))
    assert (payload, seconds, pictures) == (10_000, 2, 100)
