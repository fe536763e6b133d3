"""A program or transport stream taken apart as it comes, and the pictures in it counted.

Layouts are those of ISO/IEC 13818-1. A rate that a stream declares, or that its time stamps give where they jump, need
not be that of its pictures; their bytes and their number are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from baosong.validation.sandbox.programs.essence import Essence

Rows = npt.NDArray[np.uint8]
Stamps = list[tuple[int, int]]  # where in a payload a stamp holds from, and the stamp

PACKET = 188
LAYOUTS = ((188, 0), (192, 4), (204, 0))  # the length of a packet with what stands around it, where it begins
PICTURES = range(0xE0, 0xF0)
EXTENDED = 0xFD
MOST_STREAMS = 32
LONGEST_SEARCH = 4 << 10  # bytes, more than five packets
LONGEST_HEADER = 9 + 255
START = b"\0\0\1"
PACK = b"\0\0\1\xba"


class Stream(Protocol):
    """What takes a stream apart."""

    essences: dict[int, Essence]

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""


def told(stream: Stream) -> dict[str, Any]:
    """Return what was counted of each picture stream, by its number, as JSON values."""
    return {"tracks": {str(number): essence.told() for number, essence in stream.essences.items()}}


class ProgramStream:
    """Packets of any length, one after the other."""

    def __init__(self, codec: str) -> None:
        self._codec, self._rest = codec, b""
        self.essences: dict[int, Essence] = {}

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        data = self._rest + piece
        found: dict[int, tuple[bytearray, Stamps]] = {}
        for at, end in self._packets(data):
            if data[at + 3] in PICTURES:
                payload, stamps = found.setdefault(data[at + 3], (bytearray(), []))
                begin, stamp = header(data[at : min(end, at + LONGEST_HEADER)])
                if stamp is not None:
                    stamps.append((len(payload), stamp))
                payload += data[at + begin : end]
        for number, (payload, stamps) in found.items():
            self.essences.setdefault(number, Essence(self._codec)).feed(bytes(payload), stamps)

    def _packets(self, data: bytes) -> Iterator[tuple[int, int]]:
        """Yield where each whole packet begins and ends; what follows the last one is kept for the next time."""
        at, size = 0, len(data)
        while at + 14 <= size:
            if data[at : at + 3] != START or data[at + 3] < 0xB9:
                found = data.find(PACK, at + 1)
                at = found if found >= 0 else size - 3
                continue
            end = at + _length(data, at)
            if end > size:
                break
            yield at, end
            at = end
        self._rest = data[at:]


def _length(data: bytes, at: int) -> int:
    code = data[at + 3]
    if code == 0xB9:
        return 4
    if code == 0xBA:
        return 14 + (data[at + 13] & 7) if data[at + 4] >> 6 == 1 else 12
    return 6 + (data[at + 4] << 8 | data[at + 5])


def header(packet: bytes) -> tuple[int, int | None]:
    """Return where the payload of a packet begins, and when by its stamps it is to be decoded, at 90 kHz."""
    packet += bytes(19)
    if packet[6] >> 6 == 2:
        kind = packet[7] >> 6
        return 9 + packet[8], _stamp(packet, {2: 9, 3: 14}[kind]) if kind >= 2 else None
    at = 6
    while packet[at] == 0xFF and at < 6 + 16:
        at += 1
    at += 2 * (packet[at] >> 6 == 1)
    kind = packet[at] >> 4
    return at + {2: 5, 3: 10}.get(kind, 1), _stamp(packet, at + {2: 0, 3: 5}[kind]) if kind in (2, 3) else None


def _stamp(packet: bytes, at: int) -> int:
    a, b, c, d, e = packet[at : at + 5]
    return (a >> 1 & 7) << 30 | b << 22 | (c >> 1) << 15 | d << 7 | e >> 1


class TransportStream:
    """Packets of one length, each with a piece of one of many streams."""

    def __init__(self, codec: str) -> None:
        self._codec, self._rest = codec, b""
        self._layout: tuple[int, int] | None = None
        self.essences: dict[int, Essence] = {}

    def feed(self, piece: bytes) -> None:
        """Take the next bytes."""
        data, at = self._rest + piece, 0
        if self._layout is None:
            self._layout, at = _layout(data)
        if self._layout is None:
            self._rest = data[-LONGEST_SEARCH:]
            return
        width, first = self._layout
        while (many := (len(data) - at) // width) > 0:
            rows = np.frombuffer(data, np.uint8, many * width, at).reshape(many, width)[:, first : first + PACKET]
            lost = np.flatnonzero(rows[:, 0] != 0x47)
            good = int(lost[0]) if len(lost) else many
            self._take(rows[:good])
            at += good * width
            if good < many:
                at = _next_step(data, at + 1, first, width)
        self._rest = data[at:]

    def _take(self, rows: Rows) -> None:
        numbers = (rows[:, 1] & 0x1F).astype(np.int64) << 8 | rows[:, 2]
        begins = np.where(rows[:, 3] & 0x20, 5 + rows[:, 4].astype(np.int64), 4)
        begins[(rows[:, 3] & 0x10) == 0] = PACKET  # no payload
        stamps: dict[int, int] = {}
        for row in np.flatnonzero(rows[:, 1] & 0x40):
            self._begun(rows, int(row), int(numbers[row]), begins, stamps)
        for number, essence in self.essences.items():
            mine = np.flatnonzero(numbers == number)
            lengths = np.maximum(PACKET - begins[mine], 0)
            places = np.cumsum(lengths) - lengths
            held = [
                (int(place), stamps[row]) for place, row in zip(places, mine.tolist(), strict=True) if row in stamps
            ]
            essence.feed(_payload(rows[mine], begins[mine]), held)

    def _begun(self, rows: Rows, row: int, number: int, begins: npt.NDArray[np.int64], stamps: dict[int, int]) -> None:
        """Look at a packet with which something begins: pictures have a header, which does not count as theirs."""
        packet = rows[row, min(int(begins[row]), PACKET) :].tobytes()
        if packet[:3] != START or len(packet) < 9 or not (packet[3] in PICTURES or packet[3] == EXTENDED):
            return
        if number not in self.essences and len(self.essences) >= MOST_STREAMS:
            return
        self.essences.setdefault(number, Essence(self._codec))
        begin, stamp = header(packet)
        begins[row] += begin
        if stamp is not None:
            stamps[row] = stamp


def _payload(rows: Rows, begins: npt.NDArray[np.int64]) -> bytes:
    parts, done = [], 0
    for odd in [*np.flatnonzero(begins != 4).tolist(), len(rows)]:  # most have nothing but their four bytes before it
        parts.append(rows[done:odd, 4:].tobytes())
        if odd < len(rows):
            parts.append(rows[odd, min(int(begins[odd]), PACKET) :].tobytes())
        done = odd + 1
    return b"".join(parts)


def _layout(data: bytes) -> tuple[tuple[int, int] | None, int]:
    """Return how long the packets are and where the first one begins, from five marks in step; None without them."""
    mark = data.find(b"\x47")
    while mark >= 0:
        for width, first in LAYOUTS:
            marks = data[mark : mark + 5 * width : width]
            if mark >= first and len(marks) == 5 and not marks.strip(b"\x47"):
                return (width, first), mark - first
        mark = data.find(b"\x47", mark + 1)
    return None, 0


def _next_step(data: bytes, at: int, first: int, width: int) -> int:
    """Return where packets go on after bytes that are none; the end of the data where they do not."""
    while (found := data.find(b"\x47", at + first)) >= 0:
        if not data[found : found + 3 * width : width].strip(b"\x47"):
            return found - first
        at = found + 1 - first
    return len(data)
