"""The pictures of one coded stream, counted as its bytes come; fields count as half a picture.

Syntax is that of ISO/IEC 13818-2 and of ITU-T H.264 and H.265. Of a codec that is not known here each time stamp counts
as a picture.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from baosong.validation.sandbox.programs.shown import hevc_scan

LOOK = 512  # bytes behind a start code that the headers of interest take at most
CLOCK = 90_000
_WRAP = 1 << 33
_HIGH = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}  # profiles of H.264 that say more
_WHOLE = (4, 1, False)  # of H.264: bits of a picture's number, whether all are frames, whether planes are apart


class Essence:
    """Bytes, pictures and steps between time stamps of one stream."""

    def __init__(self, codec: str) -> None:
        self._find = {"MPEG Video": self._mpeg, "AVC": self._avc, "HEVC": self._hevc}.get(codec)
        self._sequence = _WHOLE
        self.scan = ""
        self.payload = 0
        self.pictures = 0.0
        self._rest = b""
        self._waiting: deque[tuple[int, int]] = deque()
        self._stamp: int | None = None
        self._since = 0.0
        self._steps: Counter[int] = Counter()

    def feed(self, payload: bytes, stamps: list[tuple[int, int]]) -> None:
        """Take the next bytes, and the stamps of what begins at which of them."""
        self._waiting.extend((self.payload + place, stamp) for place, stamp in stamps)
        before = self.payload - len(self._rest)
        self.payload += len(payload)
        data = self._rest + payload
        if self._find is None:
            for place, _ in stamps:
                self._count(self.payload - len(payload) + place, 1)
            return
        self._look(data, max(0, len(data) - LOOK), before)
        self._rest = data[-LOOK:]

    def _look(self, data: bytes, stop: int, before: int) -> None:
        if self._find:
            for place, share in self._find(data, stop):
                self._count(before + place, share)

    def _count(self, place: int, share: float) -> None:
        while self._waiting and self._waiting[0][0] <= place:
            _, stamp = self._waiting.popleft()
            if self._stamp is not None and self._since:
                step = (stamp - self._stamp + _WRAP // 2) % _WRAP - _WRAP // 2
                self._steps[round(step / self._since)] += round(2 * self._since)
            self._stamp, self._since = stamp, 0
        self.pictures += share
        self._since += share

    def told(self) -> dict[str, Any]:
        """Return the counts after the last byte; `step` is the usual time from a picture to the next, 0 if unknown."""
        self._look(self._rest + bytes(16), len(self._rest), self.payload - len(self._rest))
        self._rest = b""
        return {"bytes": self.payload, "pictures": self.pictures, "step": self._step() / CLOCK, "scan": self.scan}

    def _step(self) -> float:
        """Return the commonest step, and so none of a jump, a gap or of stamps that start anew."""
        forward = Counter({step: many for step, many in self._steps.items() if step > 0})
        if not forward:
            return 0
        usual = max(forward, key=forward.__getitem__)
        near = {step: many for step, many in forward.items() if abs(step - usual) <= max(1, usual // 50)}
        return sum(step * many for step, many in near.items()) / sum(near.values())

    @staticmethod
    def _mpeg(data: bytes, stop: int) -> Iterator[tuple[int, float]]:
        at = data.find(b"\0\0\1\0", 0, stop + 3)
        while at >= 0:
            more = data.find(b"\0\0\1\xb5", at + 6, at + 40)
            structure = data[more + 6] & 3 if more >= 0 and data[more + 4] >> 4 == 8 else 3
            yield at, 1 if structure == 3 else 0.5
            at = data.find(b"\0\0\1\0", at + 4, stop + 3)

    def _avc(self, data: bytes, stop: int) -> Iterator[tuple[int, float]]:
        for at in _units(data, stop):
            kind = data[at + 3] & 31
            if kind == 7:
                self._sequence = _avc_sequence(data[at + 7 : at + LOOK], data[at + 4]) or self._sequence
            elif kind in (1, 5) and data[at + 4] & 0x80:
                yield at, 0.5 if self._is_field(data[at + 4 : at + 24]) else 1

    def _is_field(self, slice_head: bytes) -> bool:
        bits_of_number, frames_only, apart = self._sequence
        if frames_only:
            return False
        bits = Bits(slice_head)
        for _ in range(3):
            bits.number()
        bits.take(bits_of_number + 2 * apart)
        return bool(bits.take(1))

    def _hevc(self, data: bytes, stop: int) -> Iterator[tuple[int, float]]:
        for at in _units(data, stop):
            kind, layer = data[at + 3] >> 1, (data[at + 3] & 1) << 5 | data[at + 4] >> 3
            if kind == 33 and not layer:
                self.scan = hevc_scan((Bits.plain(data[at + 6 : at + 24]) + bytes(6))[5]) or self.scan
            elif kind < 32 and not layer and data[at + 5] & 0x80:
                yield at, 1


def _units(data: bytes, stop: int) -> Iterator[int]:
    """Yield where units of H.264 or H.265 begin, before `stop`, that have their first bytes in the data."""
    at = data.find(b"\0\0\1", 0, stop + 2)
    while at >= 0 and at + 6 <= len(data):
        yield at
        at = data.find(b"\0\0\1", at + 3, stop + 2)


def _avc_sequence(data: bytes, profile: int) -> tuple[int, int, bool] | None:
    """Return what the head of a picture hangs on; None where it cannot be read."""
    bits = Bits(data)
    bits.number()
    apart = False
    if profile in _HIGH:
        chroma = bits.number()
        apart = chroma == 3 and bool(bits.take(1))
        bits.number(), bits.number(), bits.take(1)
        if bits.take(1):
            _skip_scaling(bits, 8 if chroma != 3 else 12)
    of_number = bits.number() + 4
    order = bits.number()
    if order == 0:
        bits.number()
    elif order == 1:
        bits.take(1), bits.number(), bits.number()
        for _ in range(min(bits.number(), 255)):
            bits.number()
    bits.number(), bits.take(1), bits.number(), bits.number()
    frames_only = bits.take(1)
    return (of_number, frames_only, apart) if of_number <= 16 and not bits.short else None


def _skip_scaling(bits: Bits, lists: int) -> None:
    for which in range(lists):
        if not bits.take(1):
            continue
        last = following = 8
        for _ in range(16 if which < 6 else 64):
            if following:
                code = bits.number()
                following = (last + ((code + 1) // 2 if code & 1 else -(code // 2))) % 256
            last = following or last


class Bits:
    """Numbers of any number of bits; zeros behind the end, which `short` tells."""

    def __init__(self, data: bytes) -> None:
        plain = self.plain(data)
        self._bits, self._left = int.from_bytes(plain, "big"), 8 * len(plain)

    @staticmethod
    def plain(data: bytes) -> bytes:
        """Return bytes without those that keep start codes out of them."""
        return data.replace(b"\0\0\3", b"\0\0")

    @property
    def short(self) -> bool:
        """Return whether more was taken than there is."""
        return self._left < 0

    def take(self, count: int) -> int:
        """Return the next bits as a number."""
        self._left -= count
        return self._bits >> self._left & (1 << count) - 1 if self._left >= 0 else 0

    def number(self) -> int:
        """Return the next number of the code of Exp-Golomb."""
        zeros = 0
        while self._left > 0 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros) if zeros else 0
