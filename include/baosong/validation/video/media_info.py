"""A video file in MediaInfo's words: what the container and its main picture track say of themselves.

MediaInfo runs in a process of its own (`read_media`), which asks for the few ranges that it needs.
"""

from __future__ import annotations

import json
import math
import re
import struct
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import IO, Any, BinaryIO, Self, cast

from baosong.rules.errors import BaosongError
from baosong.store.source import Source
from baosong.validation.common.filetypes import video_type
from baosong.validation.sandbox import run as sandbox
from baosong.validation.video.measured import STREAMS, Measured, Track, measured

CHILD = sandbox.PROGRAMS / "read_media.py"
MOST_SERVED = 64 << 20  # what the child may ask for in all; an honest one needs a fifth
LONGEST_ANSWER = 16 << 20
_REQUEST = struct.Struct("<QQ")
_DONE = (1 << 64) - 1
_HOW = {"mov": "atoms", "mp4": "atoms", "mpg": "ends", "ts": "ends"}
_CUT = re.compile(r"is more than maximal permitted size|is less than expected size")


class Unparsable(BaosongError):
    """MediaInfo broke down over a film, or exceeded its limits of memory and processor time."""


@dataclass(frozen=True, slots=True)
class Media:
    """One parse of a file: the container in a campaign's words (MOV, MPEG-PS ...), the largest picture track.

    `exact` tells a parse of every byte from one of the headers; `in_pieces` is a MOV without one index of the whole;
    `measured` is what we measured ourselves, of which `video` has the rates; `library` is libmediainfo's version.
    """

    container: str
    general: Track
    video: Track | None
    cut_short: str
    exact: bool
    in_pieces: bool = False
    library: str = ""
    measured: Measured = field(default_factory=Measured)

    def number(self, field: str) -> float | None:
        """Return a number of the picture track, None where MediaInfo does not say."""
        return _number((self.video or {}).get(field))

    def text(self, field: str) -> str:
        """Return a text of the picture track, empty where MediaInfo does not say."""
        return str((self.video or {}).get(field, ""))

    def shown_size(self, wanted: tuple[int, int]) -> tuple[float | None, float | None]:
        """Return width and height as the codec crops the picture; by its clean aperture only if that is what is wanted.

        A codec of whole blocks stores 1088 lines for 1080, and some programs write this into the index.
        """
        clean = self.number("Width_CleanAperture"), self.number("Height_CleanAperture")
        coded = self.number("Width_Original"), self.number("Height_Original")
        stored = self.number("Width"), self.number("Height")
        return clean if clean == wanted else (coded[0] or stored[0], coded[1] or stored[1])

    @property
    def codecs(self) -> set[str]:
        """Return the names by which a campaign may mean the picture track's codec."""
        form = self.text("Format")
        return {form, f"{form} {self.text('Format_Profile')}", self.text("Format_Commercial_IfAny")}

    @property
    def scan(self) -> str | None:
        """Return `interlaced` or `progressive`, None where it cannot be told.

        Progressive carried as interlaced (PsF) is progressive; absent is never taken for progressive.
        """
        original = self.text("ScanType_Original")
        scan_type = original if original == "Progressive" else self.text("ScanType")
        return {
            "Interlaced": "interlaced",
            "MBAFF": "interlaced",
            "PAFF": "interlaced",
            "Progressive": "progressive",
        }.get(scan_type)


def inspect(source: Source) -> Media:
    """Parse a film by its headers alone: 1 MB of a MOV, 8 MB of a stream, whatever its size.

    Raises Unparsable where MediaInfo breaks down over it.
    """
    how = _HOW.get(video_type(source.head()) or "", "head")
    with _Parser(source.size, how) as parser, source.open() as film:
        return _media(parser.serve(film), source.size, exact=False)


class _Parser:
    """The child process. It never waits but for our bytes, so its own limit of processor time is enough to end it."""

    def __init__(self, size: int, *how: str, packages: Iterable[ModuleType] = ()) -> None:
        program = sandbox.own_program(CHILD, _library(), str(size), *how, packages=packages)
        self._process = sandbox.start(program, stdin=subprocess.PIPE)
        self._size = size
        self._in, self._out = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)

    def serve(self, film: BinaryIO) -> bytes:
        """Give the child the ranges that it asks for, and return its answer.

        Raises Unparsable, and OSError where the film is no longer as long as it was.
        """
        served = 0
        while (request := self._request())[0] != _DONE:
            offset, length = request
            served += length
            if offset + length > self._size or served > MOST_SERVED:
                raise Unparsable(f"asked for {length} bytes at {offset}, {served} in all")
            self._give(film, offset, length)
        return self._from_child(min(request[1], LONGEST_ANSWER))

    def _give(self, film: BinaryIO, offset: int, length: int) -> None:
        film.seek(offset)
        data = _exactly(film, length)
        if len(data) < length:
            raise OSError(f"short read: {len(data)} of {length} bytes at {offset}")
        with suppress(BrokenPipeError):  # its next request tells
            self._in.write(data)
            self._in.flush()

    def _request(self) -> tuple[int, int]:
        offset, length = _REQUEST.unpack(self._from_child(_REQUEST.size))
        return offset, length

    def _from_child(self, length: int) -> bytes:
        data = self._out.read(length)
        if len(data) < length:
            raise Unparsable(f"the parser ended with {self._process.wait()}")
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        with suppress(BrokenPipeError):  # of bytes that it did not want
            self._in.close()
        self._out.close()
        self._process.wait()


class WholeParse(_Parser):
    """The parse of every byte of a film, which is fed while somebody reads it for another reason.

    `container` and `codec` are what its headers were found to tell; where a stream's told the `scan`, too, its pictures
    are counted and MediaInfo sees its ends, which is twice as fast.
    """

    def __init__(self, size: int, container: str, codec: str, scan: str | None) -> None:
        import numpy as np

        super().__init__(size, "counted" if scan and container in STREAMS else "whole", container, codec, packages=[np])

    def feed(self, data: bytes) -> None:
        """Parse the bytes that follow those before; of a parser that broke down, `media` tells."""
        with suppress(BrokenPipeError):
            self._in.write(data)

    def media(self) -> Media:
        """Return the answer after the last byte; raises Unparsable."""
        with suppress(BrokenPipeError):
            self._in.close()
        what, length = self._request()
        if what != _DONE:
            raise Unparsable("asked for bytes that it was given")
        return _media(self._from_child(min(length, LONGEST_ANSWER)), self._size, exact=True)


@cache
def _library() -> str:
    import pymediainfo

    beside = Path(pymediainfo.__file__).with_name("libmediainfo.so.0")
    return str(beside) if beside.exists() else beside.name


def _exactly(file: BinaryIO, length: int) -> bytes:
    """Return as many bytes as asked for, fewer only at the end; a raw reader may give them in pieces."""
    parts = []
    while length and (part := file.read(length)):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def _media(answer: bytes, size: int, *, exact: bool) -> Media:
    own, _, words = answer.partition(b"\n")
    seen, told = _object(own), _object(words)
    media = told.get("media")
    tracks = [t for t in media.get("track", []) if isinstance(t, dict)] if isinstance(media, dict) else []
    general = next((t for t in tracks if t.get("@type") == "General"), {})
    container, video = _container(general), _main_picture(tracks)
    by_ourselves = measured(video or {}, container, seen, exact=exact)
    return Media(
        container=container,
        general=general,
        video=video and by_ourselves.track,
        cut_short=_cut_short(general)
        or _odd_packets(general, size)
        or ("no last picture" if seen.get("end_is_lost") else ""),
        exact=exact,
        in_pieces=bool(seen.get("in_pieces")),
        library=str((told.get("creatingLibrary") or {}).get("version", "")),
        measured=by_ourselves,
    )


def _object(text: bytes) -> dict[str, Any]:
    try:
        told = json.loads(text, strict=False)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _container(general: Track) -> str:
    form = str(general.get("Format", ""))
    if form == "QuickTime" or (form == "MPEG-4" and "QuickTime" in str(general.get("Format_Profile", ""))):
        return "MOV"
    if form == "BDAV" or form.startswith("MPEG-TS"):  # with four bytes before each packet, or sixteen behind it
        return "MPEG-TS"
    return {"MPEG-4": "MP4", "MPEG Video": "MPEG 视频裸码流", "AVC": "H.264 裸码流"}.get(form, form)


def _main_picture(tracks: list[Track]) -> Track | None:
    """Return the largest picture track: a MOV may also hold a thumbnail."""

    def size(track: Track) -> tuple[float, float]:
        pixels = (_number(track.get("Width")) or 0) * (_number(track.get("Height")) or 0)
        return pixels, _number(track.get("StreamSize")) or 0

    return max((t for t in tracks if t.get("@type") == "Video"), key=size, default=None)


def _cut_short(general: Track) -> str:
    """Return why the file looks cut short, in MediaInfo's words, or an empty string."""
    extra = general.get("extra") or {}
    complaints = [c for c in _leaves(extra.get("ConformanceErrors")) if _CUT.search(c)]
    if complaints:
        return complaints[0]
    return "IsTruncated" if extra.get("IsTruncated") == "Yes" else ""


def _odd_packets(general: Track, size: int) -> str:
    """Return a complaint where a transport stream does not end with a whole packet, of whichever size they are."""
    whole = any(size % packet == 0 for packet in (188, 192, 204))
    return "" if whole or _container(general) != "MPEG-TS" else f"{size} bytes are no whole number of packets"


def _leaves(tree: object) -> list[str]:
    if isinstance(tree, dict):
        return [leaf for branch in tree.values() for leaf in _leaves(branch)]
    if isinstance(tree, list):
        return [leaf for branch in tree for leaf in _leaves(branch)]
    return [str(tree)] if tree else []


def _number(value: object) -> float | None:
    try:
        number = float(str(value).split(" / ")[0])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
