"""Films of any size out of one short clip: their head, end and index are a real film's, and between lies a hole.

A film of 50 GB takes some 30 MB of the disk. Its index is as long as that of a film which really lasts as long.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from baosong_local.samples.media import rewrap

Atom = tuple[bytes, bytes]
_BRANCHES = (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts")
_DURATIONS = {b"mvhd": 16, b"tkhd": 20, b"mdhd": 16}  # where they stand in the atom's body, version 0


def make_film(clip: Path, to: Path, size: int, *, index_first: bool = False) -> Path:
    """Make a film of about `size` bytes that repeats a short MOV, its index before or after the pictures; returns `to`.

    Raises ValueError where the clip has no index or no pictures.
    """
    data = clip.read_bytes()
    places = {name: (start, end) for name, start, end in _atoms(data)}
    if not {b"ftyp", b"mdat", b"moov"} <= places.keys():
        raise ValueError(f"{clip} is no whole MOV")
    (begin, stop), (moov, moov_end) = places[b"mdat"], places[b"moov"]
    head, times = data[: places[b"ftyp"][1]], max(2, size // (stop - begin))
    length = 0
    for _ in range(2 if index_first else 1):  # the index must know its own length
        first = len(head) + 16 + (length if index_first else 0)
        index = _atom(b"moov", _longer(data[moov:moov_end], times, first - begin, stop - begin))
        length = len(index)
    essence = data[begin:stop]
    with to.open("wb") as film:
        film.write(head + (index if index_first else b""))
        film.write(struct.pack(">I4sQ", 1, b"mdat", 16 + times * len(essence)) + essence)
        film.seek((times - 2) * len(essence), 1)
        film.write(essence + (b"" if index_first else index))
    return to


def make_long_stream(clip: Path, to: Path, size: int, seconds: float) -> Path:
    """Make an MPG (PS or TS, by the ending of `to`) of about `size` bytes out of a clip of `seconds`; returns `to`.

    The time stamps of its end are those of a film that long.
    """
    options = ("-f", "mpegts") if to.suffix == ".ts" else ("-f", "vob", "-muxrate", "80000000")
    head, end = (to.with_suffix(f".{part}{to.suffix}") for part in ("head", "end"))
    rewrap(clip, head, *options)
    later = (max(2, size // head.stat().st_size) - 1) * seconds
    rewrap(clip, end, *options, "-output_ts_offset", str(later))
    start, rest = head.read_bytes(), end.read_bytes()
    with to.open("wb") as film:
        film.write(start)
        film.seek(round(later / seconds) * len(start))
        film.write(rest)
    head.unlink()
    end.unlink()
    return to


def _atoms(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Yield the name of each atom and where its body begins and ends."""
    at = 0
    while at + 8 <= len(data):
        size, name = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            size, header = struct.unpack_from(">Q", data, at + 8)[0], 16
        yield name, at + header, at + size
        at += size


def _atom(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


def _longer(body: bytes, times: int, shift: int, step: int) -> bytes:  # noqa: C901 one branch per kind of atom
    """Return the atoms of a branch for a film that shows the clip `times` times, `step` bytes apart."""
    chunks = next((_count(body, at) for name, at, _ in _atoms(body) if name in (b"stco", b"co64")), 0)
    samples = next((_count(body, at + 4) for name, at, _ in _atoms(body) if name == b"stsz"), 0)
    made = []
    for name, begin, end in _atoms(body):
        inside = body[begin:end]
        if name in _BRANCHES:
            inside = _longer(inside, times, shift, step)
        elif name in _DURATIONS:
            inside = _multiplied(inside, _DURATIONS[name], times)
        elif name == b"elst":
            inside = _multiplied(inside, 8, times)
        elif name in (b"stco", b"co64"):
            name, inside = b"co64", _offsets(inside, name, times, shift, step)
        elif name == b"stsz":
            table = inside[12:] * times
            inside = inside[:8] + struct.pack(">I", samples * times) + table
        elif name in (b"stts", b"ctts"):
            inside = _table(inside, times, ">2I", lambda row, _: row)
        elif name == b"stss":
            inside = _table(inside, times, ">I", lambda row, turn: (row[0] + turn * samples,))
        elif name == b"stsc":
            inside = _table(inside, times, ">3I", lambda row, turn: (row[0] + turn * chunks, *row[1:]))
        made.append(_atom(name, inside))
    return b"".join(made)


def _count(body: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", body, at + 4)[0])


def _multiplied(body: bytes, at: int, times: int) -> bytes:
    duration = struct.unpack_from(">I", body, at)[0] * times
    return body[:at] + struct.pack(">I", duration) + body[at + 4 :]


def _offsets(body: bytes, name: bytes, times: int, shift: int, step: int) -> bytes:
    offsets = struct.unpack_from(f">{_count(body, 0)}{'I' if name == b'stco' else 'Q'}", body, 8)
    moved = [offset + shift + turn * step for turn in range(times) for offset in offsets]
    return body[:4] + struct.pack(f">I{len(moved)}Q", len(moved), *moved)


def _table(body: bytes, times: int, form: str, change: Callable[[tuple[int, ...], int], tuple[int, ...]]) -> bytes:
    rows = list(struct.iter_unpack(form, body[8:]))
    table = b"".join(struct.pack(form, *change(row, turn)) for turn in range(times) for row in rows)
    return body[:4] + struct.pack(">I", len(rows) * times) + table
