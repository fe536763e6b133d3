"""The index of a MOV or MP4, read for what MediaInfo does not say of its pictures: their sizes, times and places.

Like `shown`, it imports no more than it must: what `dataclasses`, `json` or `typing` would cost is half of a check,
and what `collections.abc` or `signal` cost a tenth.

A film in fragments has an index before each of them, so it is read through; of any other one index is enough. Layouts
are those of ISO/IEC 14496-12 and of Apple's QuickTime File Format.
"""

from __future__ import annotations

import struct
import sys
from array import array

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Reader = Callable[[int, int], bytes]

Matrix = tuple[int, int, int, int]
Run = tuple[int, int]  # of how many pictures, and what each of them has
Edit = tuple[int, int, float]  # its length by the movie's clock, its begin by the track's, its speed

BRANCHES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"mvex", b"moof", b"traf"}
MOST_PICTURES = 2 << 20  # 23 hours
MOST_RUNS = 512 << 10
LONGEST_ORDER, LONGEST_PLACES = 128 << 10, 16 << 10  # bytes of tables; of longer ones an end is enough
HEAD = 4 << 10
MAX_TRACKS, MAX_ATOMS, MAX_FRAGMENTED = 64, 2_000, 1_000_000
UPRIGHT: Matrix = (0x10000, 0, 0, 0x10000)


class Track:
    """What the index says of a track; `times` and `orders` are runs by its clock.

    `orders` is how much later than read a picture is shown: the first one's for all, where the table is long. `first`
    is where in the film the first chunk of pictures begins, `ends` where such chunks end: all of them, or the last one
    of a long table.
    """

    def __init__(self) -> None:
        self.number, self.kind, self.scale, self.matrix = 0, b"", 0, UPRIGHT
        self.edits: list[Edit] = []
        self.sample = b""
        self.elsewhere = self.too_long = False
        self.tables: dict[bytes, tuple[int, int]] = {}
        self.sizes: array[int] = array("I")
        self.times: list[Run] = []
        self.orders: list[Run] = []
        self.ends: list[int] = []
        self.first = self.begin = 0
        self.each = (0, 0)  # time and size of a picture of a fragment that does not say


class Movie:
    """A film of atoms. With `through`, fragments are read to the film's end; else the first one ends the reading.

    `essence` is how many bytes of pictures and sound are there; `beyond` tells that an atom is longer than the file,
    `finished` that the list is there which ends a film in fragments. `hold` is told from where on bytes are wanted
    again, None at the end of that.
    """

    def __init__(
        self, read: Reader, size: int, *, through: bool = False, hold: Callable[[int | None], None] = lambda _: None
    ) -> None:
        self._read, self._hold = read, hold
        self.scale, self.essence, self.matrix = 0, 0, UPRIGHT
        self.tracks: list[Track] = []
        self._now = Track()
        self._loaded = True
        self.in_pieces = self.finished = self.beyond = False
        for name, begin, end, beyond in walk(read, size, MAX_FRAGMENTED if through else MAX_ATOMS):
            self.beyond |= beyond
            self._take(name, begin, end)
            if self.in_pieces and not through:
                break
        self._load()

    def _take(self, name: bytes, begin: int, end: int) -> None:
        if name in (b"mdat", b"moof", b"mfra"):
            self._load()
            self.essence += end - begin if name == b"mdat" else 0
            self.in_pieces |= name == b"moof"
            self.finished |= name == b"mfra"
        elif name == b"moov":
            self._hold(begin)
            self._loaded = False
        elif name == b"trak" and len(self.tracks) < MAX_TRACKS:
            self._now = Track()
            self.tracks.append(self._now)
        elif name in _FIELDS:
            body = self._read(begin, min(end - begin, HEAD if name != b"trun" else 16 * MOST_RUNS))
            self._now = _FIELDS[name](self, self._now, body + bytes(100)) or self._now
        elif name in _TABLES:
            self._now.tables[name] = (begin, end)

    def _load(self) -> None:
        """Read the tables of the picture tracks once the whole index was seen: of which kind each is may come late."""
        if not self._loaded:
            self._loaded = True
            for track in self.tracks:
                if track.kind == b"vide":
                    Tables(self._read, track).load()
            self._hold(None)

    def numbered(self, number: int) -> Track:
        """Return a track by its number, a new one that counts for nothing where there is none."""
        return next((track for track in self.tracks if track.number == number), Track())


class Tables:
    """The long tables of one track."""

    def __init__(self, read: Reader, track: Track) -> None:
        self._read, self._track = read, track

    def load(self) -> None:
        """Read the tables into the track."""
        track = self._track
        track.sizes, track.times = self._sizes(), self._runs(b"stts", 8 * MOST_RUNS) or []
        orders = self._runs(b"ctts", LONGEST_ORDER)
        track.orders = self._first_order(len(track.sizes)) if orders is None else orders
        track.too_long |= len(track.sizes) != sum(count for count, _ in track.times)
        track.ends = [] if track.too_long else self._ends()

    def _rows(self, name: bytes, width: int, most: int) -> bytes | None:
        """Return the rows of a table, as many as it names and holds; None where they take more than `most` bytes."""
        begin, end = self._track.tables.get(name, (0, 0))
        if end - begin < 8:
            return b""
        length = min(u32(self._read(begin + 4, 4), 0), (end - begin - 8) // width) * width
        return None if length > most else self._read(begin + 8, length) if length else b""

    def _runs(self, name: bytes, most: int) -> list[Run] | None:
        rows = self._rows(name, 8, most)
        return None if rows is None else [(count, signed(each)) for count, each in struct.iter_unpack(">II", rows)]

    def _first_order(self, pictures: int) -> list[Run]:
        first = self._read(self._track.tables[b"ctts"][0] + 12, 4)
        return [(pictures, signed(u32(first, 0)))]

    def _sizes(self) -> array[int]:
        name = b"stsz" if b"stsz" in self._track.tables else b"stz2"
        begin, end = self._track.tables.get(name, (0, 0))
        if end - begin < 12:
            return array("I")
        head = self._read(begin + 4, 8)
        each, count = u32(head, 0), u32(head, 4)
        bits = 32 if name == b"stsz" else each & 0xFF
        if name == b"stsz" and each:
            same: array[int] = array("I", [each])
            return same * min(count, MOST_PICTURES + 1)
        length = min((count * bits + 7) // 8, end - begin - 12)
        if count > MOST_PICTURES or not length:
            self._track.too_long |= count > MOST_PICTURES
            return array("I")
        sizes = _numbers(self._read(begin + 12, length), bits)
        del sizes[count:]
        return sizes

    def _ends(self) -> list[int]:
        """Return where chunks of pictures end: all of them where their table is short, else the last one."""
        wide = b"co64" in self._track.tables
        name, width = (b"co64", 8) if wide else (b"stco", 4)
        begin, end = self._track.tables.get(name, (0, 0))
        count = max(0, end - begin - 8) // width
        rows, layout = self._rows(name, width, LONGEST_PLACES), self._rows(b"stsc", 12, LONGEST_PLACES)
        if not count or layout == b"":
            return []
        self._track.first = int.from_bytes(self._read(begin + 8, width), "big")
        if rows is None or layout is None:
            last = int.from_bytes(self._read(begin + 8 + (count - 1) * width, width), "big")
            many = u32(self._read(self._track.tables[b"stsc"][1] - 8, 4), 0)
            return [last + sum(self._track.sizes[-min(many, HEAD) :])]
        places = struct.unpack(f">{len(rows) // width}{'Q' if wide else 'I'}", rows)
        return self._chunk_ends(places, list(struct.iter_unpack(">III", layout)))

    def _chunk_ends(self, places: tuple[int, ...], runs: list[tuple[int, ...]]) -> list[int]:
        ends, picture = [], 0
        firsts = [run[0] for run in runs[1:]] + [len(places) + 1]
        for (first, many, _), following in zip(runs, firsts, strict=True):
            for place in places[max(0, first - 1) : following - 1]:
                pictures = self._track.sizes[picture : picture + many]
                ends.append(place + sum(pictures))
                picture += many
        return ends


def _mvhd(movie: Movie, _: Track, body: bytes) -> None:
    movie.scale = u32(body, 20 if body[0] else 12)
    movie.matrix = _matrix(body, 48 if body[0] else 36)


def _tkhd(_: Movie, track: Track, body: bytes) -> None:
    track.number = u32(body, 20 if body[0] else 12)
    track.matrix = _matrix(body, 52 if body[0] else 40)


def _mdhd(_: Movie, track: Track, body: bytes) -> None:
    track.scale = u32(body, 20 if body[0] else 12)


def _hdlr(_: Movie, track: Track, body: bytes) -> None:
    if body[4:8] != b"dhlr":
        track.kind = body[8:12]


def _stsd(_: Movie, track: Track, body: bytes) -> None:
    track.sample = body[8:]


def _dref(_: Movie, track: Track, body: bytes) -> None:
    track.elsewhere = u32(body, 4) == 1 and not body[19] & 1


def _elst(_: Movie, track: Track, body: bytes) -> None:
    form = struct.Struct(">QqhH" if body[0] else ">IihH")
    count = min(u32(body, 4), (len(body) - 108) // form.size)
    rows = (form.unpack_from(body, 8 + n * form.size) for n in range(count))
    track.edits = [(length, begin, speed + part / 65536) for length, begin, speed, part in rows]


def _trex(movie: Movie, _: Track, body: bytes) -> None:
    movie.numbered(u32(body, 4)).each = (u32(body, 12), u32(body, 16))


def _tfhd(movie: Movie, _: Track, body: bytes) -> Track:
    flags, track = u32(body, 0), movie.numbered(u32(body, 4))
    at = 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1)
    time, size = track.each
    if flags & 8:
        time, at = u32(body, at), at + 4
    track.each = (time, u32(body, at) if flags & 16 else size)
    return track


def _tfdt(_: Movie, track: Track, body: bytes) -> None:
    if not track.sizes:
        track.begin = int.from_bytes(body[4 : 12 if body[0] else 8], "big")


def _trun(_: Movie, track: Track, body: bytes) -> None:
    flags, (time, size) = u32(body, 0), track.each
    at, columns = 8 + 4 * (flags & 1) + 4 * (flags >> 2 & 1), (flags >> 8 & 15).bit_count()
    count = min(u32(body, 4), MOST_PICTURES if not columns else (len(body) - 100 - at) // (4 * columns))
    if track.kind != b"vide" or len(track.sizes) + count > MOST_PICTURES:
        track.too_long |= track.kind == b"vide"
        return
    table = _numbers(body[at : at + 4 * columns * count], 32)
    present = [bit for bit in range(4) if flags >> 8 + bit & 1]
    column = {bit: table[n :: len(present)] for n, bit in enumerate(present)}
    track.sizes.extend(column.get(1, array("I", [size]) * count))
    track.times += [(1, each) for each in column[0]] if 0 in column else [(count, time)]
    track.orders += [(1, signed(each)) for each in column[3]] if 3 in column else [(count, 0)]


_FIELDS: dict[bytes, Callable[[Movie, Track, bytes], Track | None]] = {
    b"mvhd": _mvhd,
    b"tkhd": _tkhd,
    b"mdhd": _mdhd,
    b"hdlr": _hdlr,
    b"stsd": _stsd,
    b"dref": _dref,
    b"elst": _elst,
    b"trex": _trex,
    b"tfhd": _tfhd,
    b"tfdt": _tfdt,
    b"trun": _trun,
}
_TABLES = {b"stts", b"ctts", b"stsz", b"stz2", b"stsc", b"stco", b"co64"}


def walk(read: Reader, size: int, most: int) -> Iterator[tuple[bytes, int, int, bool]]:
    """Yield name, begin and end of the body of each atom, and whether it is longer than the file; such are cut."""
    ends, at = [size], 0
    for _ in range(most):
        while ends and at + 8 > ends[-1]:
            at = ends.pop()
        if not ends:
            return
        head = read(at, min(16, ends[-1] - at))
        length, name = struct.unpack_from(">I4s", head)
        begin = at + 8
        if length == 1 and len(head) == 16:
            begin, length = at + 16, struct.unpack_from(">Q", head, 8)[0]
        whole = at + length if length else ends[-1]
        end = min(whole, ends[-1])
        if end < begin:
            return
        yield name, begin, end, whole > size
        if name in BRANCHES:
            ends.append(end)
            at = begin
        else:
            at = end


def u32(body: bytes, at: int) -> int:
    """Return four bytes as a number."""
    return int.from_bytes(body[at : at + 4], "big")


def signed(number: int) -> int:
    """Return a number of four bytes as one that may be below zero."""
    return number - (1 << 32) if number >> 31 else number


def _matrix(body: bytes, at: int) -> Matrix:
    a, b, _, c, d = struct.unpack_from(">5i", body, at)
    return a, b, c, d


def _numbers(body: bytes, bits: int) -> array[int]:
    """Return numbers of 4, 8, 16 or 32 bits; those of another width are none."""
    if bits == 4:
        return array("I", [half for byte in body for half in (byte >> 4, byte & 15)])
    codes = {8: "B", 16: "H", 32: "I"}
    if bits not in codes:
        return array("I")
    numbers: array[int] = array(codes[bits], body[: len(body) // (bits // 8) * (bits // 8)])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers if bits == 32 else array("I", numbers)
