"""A film parsed by MediaInfo, in a process of its own: a hostile film takes down that one, not ours.

`read_media` is the program. With HOW `atoms`, `ends` or `head` it asks on stdout for ranges (offset and length, 64 bits
each) and reads them from stdin. With `whole` or `counted` the film itself comes on stdin, of a container and codec that
are known by then; MediaInfo sees all of it, or the ends of what is counted. The last word is the request (DONE,
length), followed by a line of JSON with what this program saw for itself, and by MediaInfo's JSON.
"""

from __future__ import annotations

import ctypes
import resource
import struct
import sys

from baosong.validation.sandbox import confine
from baosong.validation.sandbox.programs import movie, shown
from baosong.validation.sandbox.programs.movie import Movie, walk

TYPE_CHECKING = False  # see `movie`
if TYPE_CHECKING:
    from collections.abc import Callable

    from baosong.validation.sandbox.programs.movie import Reader

MEMORY = 1 << 30
SECONDS = 20
WHOLE_PACE = 40 << 20  # bytes of a film for each second of processor time: a fifth of what it manages
DONE = NOWHERE = (1 << 64) - 1
REQUEST = struct.Struct("<QQ")

PIECE = 1 << 20
END = 4 << 20  # of a stream's beginning and of its end: half a second at 64 Mbps, a group of pictures
MOST = 16 << 20  # of any other container, which no campaign accepts; also of the pictures pretended to a parser
FEED = 16 << 10
PAGE = 512

# An index of two hours is 5 MB. Its sizes and times `movie` reads for itself; of every table the beginning says to
# MediaInfo what the rest would.
ROWS = 24 * 256  # bytes; rows have 4, 8 or 12
TABLES = {b"stts", b"ctts", b"stss", b"stps", b"stsc", b"stco", b"co64", b"sdtp", b"stsz"}
LARGE = 64 << 10  # in an index, anything else this large is an editor's notes
PICTURE = 32 << 10  # of a film's first picture: the headers of all codecs lie in it
LAST = 4 << 10
MAX_ATOMS, MAX_HOLES = 600, 400

Hole = tuple[int, int, int, int]  # begin, end, and the table it continues: its begin, and how many bytes of it are real


def main(library: str, size: int, how: str, *about: str) -> None:
    """Parse a film of `size` bytes and write what it is."""
    parser = Parser(library, size, 1 if how == "whole" else 0)
    whole = None if how in WAYS else _taker(parser, size, how == "whole", *about)
    seconds = SECONDS + (size // WHOLE_PACE if whole else 0)
    confine.confine(MEMORY, seconds)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))  # a MOV may name other files and addresses to be looked at
    seen = whole() if whole else WAYS[how](parser, size)
    answer = as_json(seen).encode() + b"\n" + parser.answer()
    sys.stdout.buffer.write(REQUEST.pack(DONE, len(answer)) + answer)
    sys.stdout.buffer.flush()


def as_json(value: object) -> str:
    """Return what was seen as JSON: numbers and words of our own, for which importing `json` takes too long."""
    if isinstance(value, dict):
        return "{" + ",".join(f'"{name}":{as_json(each)}' for name, each in value.items()) + "}"
    if isinstance(value, str):
        return f'"{value}"'
    return str(value).lower()


def _taker(parser: Parser, size: int, whole: bool, container: str, codec: str) -> Callable[[], dict[str, object]]:
    """Return what takes a whole film from stdin; of what it needs nothing can be imported later."""
    film = Through(parser)
    if container not in ("MPEG-PS", "MPEG-TS"):
        return lambda: film.to_the_end(
            shown.told(Movie(film.read, size, through=True, hold=film.hold), size, lambda _, n: bytes(n))
        )
    from baosong.validation.sandbox.programs import streams

    stream = (streams.ProgramStream if container == "MPEG-PS" else streams.TransportStream)(codec)

    ends = Ends()

    def take() -> dict[str, object]:
        while piece := sys.stdin.buffer.read(PIECE):
            stream.feed(piece)
            parser.feed(piece) if whole else ends.pass_by(piece)
        if not whole:
            feed_ends(parser, size, ends.read)
        return streams.told(stream)

    return take


class Through:
    """A film that comes on stdin and is given to the parser on its way; what was passed is gone, unless it is held."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._kept, self._from = bytearray(), 0
        self._held: int | None = None

    def hold(self, at: int | None) -> None:
        """Keep all from a place on, until it is let go by None."""
        self._held = at

    def read(self, at: int, length: int) -> bytes:
        """Return a range; zeros where it is gone."""
        while self._from + len(self._kept) < at + length and (piece := sys.stdin.buffer.read(PIECE)):
            self._parser.feed(piece)
            self._kept += piece
            gone = min(at if self._held is None else min(at, self._held), self._from + len(self._kept)) - self._from
            if gone > 0:
                del self._kept[:gone]
                self._from += gone
        return bytes(self._kept[at - self._from :][:length]) if at >= self._from else bytes(length)

    def to_the_end(self, seen: dict[str, object]) -> dict[str, object]:
        """Read what is left of the film, and return what was seen of it before."""
        while piece := sys.stdin.buffer.read(PIECE):
            self._parser.feed(piece)
        return seen


class Ends:
    """The first and the last bytes of what passes by."""

    def __init__(self) -> None:
        self._first, self._passed = bytearray(), 0
        self._last: list[bytes] = []

    def pass_by(self, piece: bytes) -> None:
        """Take the next bytes: a PIECE, unless they are the last ones."""
        self._first += piece[: END - len(self._first)]
        self._last = [*self._last[-END // PIECE :], piece]
        self._passed += len(piece)

    def read(self, at: int, length: int) -> bytes:
        """Return a range that lies within either end."""
        if at + length <= len(self._first):
            return bytes(self._first[at : at + length])
        last = b"".join(self._last)
        begin = at - (self._passed - len(last))
        return last[begin : begin + length]


def by_atoms(parser: Parser, size: int) -> dict[str, object]:
    """Let the parser see a film of atoms by its index."""
    read = Pages(size).read
    seen, index = shown.told(Movie(read, size), size, read), Index(read, size)
    feed(parser, View(size, index.holes()).read, size, FEED)
    return seen | {"end_is_lost": index.end_is_lost()}


class Parser:
    """One parse by libmediainfo's buffer interface."""

    def __init__(self, library: str, size: int, speed: int) -> None:
        self._lib = ctypes.CDLL(library)
        self._lib.MediaInfo_New.restype = ctypes.c_void_p
        self._lib.MediaInfo_Inform.restype = ctypes.c_wchar_p
        self._lib.MediaInfo_Open_Buffer_Continue.restype = ctypes.c_size_t
        self._lib.MediaInfo_Open_Buffer_Continue_GoTo_Get.restype = ctypes.c_uint64
        self._handle, self._size = ctypes.c_void_p(self._lib.MediaInfo_New()), size
        options = {"CharSet": "UTF-8", "ParseSpeed": str(speed), "Complete": "1", "Output": "JSON"}
        for name, value in options.items():
            self._lib.MediaInfo_Option(self._handle, ctypes.c_wchar_p(name), ctypes.c_wchar_p(value))
        self.jump(0)
        self.finished = False

    def jump(self, offset: int) -> None:
        """Say that the next piece comes from another place of the film."""
        self._lib.MediaInfo_Open_Buffer_Init(self._handle, ctypes.c_uint64(self._size), ctypes.c_uint64(offset))

    def feed(self, piece: bytes) -> int | None:
        """Parse a piece; return where the parser would go on, None where that is right behind."""
        told = self._lib.MediaInfo_Open_Buffer_Continue(self._handle, piece, ctypes.c_size_t(len(piece)))
        self.finished = bool(told & 8)
        there = int(self._lib.MediaInfo_Open_Buffer_Continue_GoTo_Get(self._handle))
        return None if there == NOWHERE else there

    def answer(self) -> bytes:
        """Return all that was found, as JSON."""
        self._lib.MediaInfo_Open_Buffer_Finalize(self._handle)
        return str(self._lib.MediaInfo_Inform(self._handle, ctypes.c_size_t(0))).encode("utf-8", "replace")


def feed(parser: Parser, read: Reader, size: int, piece: int) -> dict[str, object]:
    """Let the parser read where it will, up to a limit."""
    at = fed = 0
    while at < size and fed < MOST and not parser.finished:
        data = read(at, min(piece, size - at))
        fed += len(data)
        wanted = parser.feed(data)
        at += len(data)
        if wanted is not None:
            at = wanted
            parser.jump(at)
    return {}


def feed_ends(parser: Parser, size: int, read: Reader) -> dict[str, object]:
    """Let the parser see the beginning and the end of a stream; left to itself it reads up to 70 MB."""
    at = 0
    while at < size and not parser.finished:
        stop = END if at < END else size
        data = read(at, min(PIECE, stop - at, size - at))
        wanted = parser.feed(data)
        at += len(data)
        if at < size - END and (wanted is not None or at >= END):
            at = size - END
            parser.jump(at)
    return {}


def ask(offset: int, length: int) -> bytes:
    """Return a range of the film, which lies within it."""
    sys.stdout.buffer.write(REQUEST.pack(offset, length))
    sys.stdout.buffer.flush()
    return sys.stdin.buffer.read(length)


class Pages:
    """A film of which small ranges are asked for in pages: heads of atoms lie close together and are wanted twice."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[int, bytes] = {}

    def read(self, at: int, length: int) -> bytes:
        """Return a range that lies within the film."""
        first, last = at // PAGE, (at + length - 1) // PAGE
        if last > first + 1:
            return ask(at, length)
        pages = b"".join(self._known.get(n) or self._page(n) for n in range(first, last + 1))
        return pages[at - first * PAGE :][:length]

    def _page(self, number: int) -> bytes:
        self._known[number] = ask(number * PAGE, min(PAGE, self._size - number * PAGE))
        return self._known[number]


class View:
    """A film of which the holes are pretended: pictures are zeros, the ends of long tables repeat their beginning."""

    def __init__(self, size: int, holes: list[Hole]) -> None:
        self._size, self._holes = size, sorted(holes)
        self._piece, self._from = b"", 0
        self._tables: dict[int, bytes] = {}

    def read(self, at: int, length: int) -> bytes:
        """Return a range that lies within the film."""
        stop, parts = at + length, []
        for begin, end, table, real in [*self._holes, (self._size, self._size, 0, 0)]:
            if at < min(begin, stop):
                parts.append(self._real(at, min(begin, stop), begin))
                at = min(begin, stop)
            if begin <= at < min(end, stop):
                parts.append(self._pretended(at, min(end, stop), table, real))
                at = min(end, stop)
        return b"".join(parts)

    def _pretended(self, at: int, stop: int, table: int, real: int) -> bytes:
        if not real:
            return bytes(stop - at)
        row = (at - table) % real
        beginning = self._tables.setdefault(table, b"") or ask(table, real)
        self._tables[table] = beginning
        return (beginning * ((stop - at) // real + 2))[row : row + stop - at]

    def _real(self, at: int, stop: int, limit: int) -> bytes:
        """Return real bytes; they are fetched as far as the next hole, for the parser will go on there."""
        if not self._from <= at < stop <= self._from + len(self._piece):
            self._piece, self._from = ask(at, max(stop, min(limit, at + PIECE)) - at), at
        return self._piece[at - self._from : stop - self._from]


class Index:
    """Where in a film of atoms (MOV, MP4) its tables and pictures lie; empty where the atoms make no sense."""

    def __init__(self, read: Reader, size: int) -> None:
        self._read, self._size = read, size
        self._unread: list[Hole] = []
        self._essence: list[tuple[int, int]] = []
        self._first: list[int] = []
        self._last: list[int] = []
        self.in_pieces = False
        kind = b""
        for name, begin, end, _ in walk(read, size, MAX_ATOMS):
            if name == b"mdat":
                self._essence.append((begin, end))
                if self.in_pieces:  # thousands of indexes follow, and MediaInfo would miscount them
                    self._unread.append((end, size, 0, 0))
                    return
            elif name == b"moof":
                self.in_pieces = True
            elif name == b"hdlr" and end - begin >= 12 and read(begin + 4, 4) != b"dhlr":
                kind = read(begin + 8, 4)
            elif name in TABLES:
                self._add_table(name, begin, end, kind == b"vide")
            elif name not in movie.BRANCHES and end - begin > LARGE:
                self._unread.append((begin, end, 0, 0))

    def _add_table(self, name: bytes, begin: int, end: int, pictures: bool) -> None:
        first = begin + (12 if name == b"stsz" else 8)
        if first + ROWS < end:
            self._unread.append((first + ROWS, end, first, ROWS))
        width = {b"stco": 4, b"co64": 8}.get(name)
        if pictures and width and first + width <= end:
            last = first + (end - first) // width * width - width
            self._first.append(int.from_bytes(self._read(first, width), "big"))
            self._last.append(int.from_bytes(self._read(last, width), "big"))

    def holes(self) -> list[Hole]:
        """Return what the parser does not need: the ends of long tables, editors' notes, all pictures but the first."""
        holes = self._unread[:MAX_HOLES]
        for begin, end in self._essence[:MAX_HOLES]:
            for picture in sorted(p for p in self._first[:4] if begin <= p < end):
                holes.append((begin, max(begin, picture), 0, 0))
                begin = max(begin, picture + PICTURE)
            holes.append((begin, max(begin, end), 0, 0))
        return [hole for hole in holes if hole[0] < hole[1]]

    def end_is_lost(self) -> bool:
        """Return whether a last row of pictures lies beyond the file, or is zeros, as a broken copy leaves them."""
        starts = [self._read(at, min(LAST, self._size - at)) if at < self._size else b"" for at in self._last[:4]]
        return any(not start.strip(b"\0") for start in starts)


WAYS: dict[str, Callable[[Parser, int], dict[str, object]]] = {
    "atoms": by_atoms,
    "ends": lambda parser, size: feed_ends(parser, size, ask),
    "head": lambda parser, size: feed(parser, ask, size, PIECE),
}
