"""A video file in MediaInfo's words: what the container and its main picture track say of themselves."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pymediainfo import MediaInfo

from baosong.source import Source

CHEAP, EXACT = 0, 1  # ParseSpeed: the headers only, or every byte
_CUT = re.compile(r"is more than maximal permitted size|is less than expected size")

Track = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Media:
    """One parse of a file: the container in a campaign's words (MOV, MPEG-PS ...), the largest picture track."""

    container: str
    general: Track
    video: Track | None
    cut_short: str
    exact: bool
    bytes_read: int | None
    requests: int | None

    def number(self, field: str) -> float | None:
        """Return a number of the picture track, None where MediaInfo does not say."""
        return _number((self.video or {}).get(field))

    def text(self, field: str) -> str:
        """Return a text of the picture track, empty where MediaInfo does not say."""
        return str((self.video or {}).get(field, ""))

    def after(self, earlier: Media) -> Media:
        """Return this parse with the cost of an earlier one added."""
        return replace(
            self,
            bytes_read=_sum(self.bytes_read, earlier.bytes_read),
            requests=_sum(self.requests, earlier.requests),
        )

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


def inspect(source: Source, speed: int = CHEAP) -> Media:
    """Parse a file through its own reader, which may fetch ranges; nothing is written to the disk."""
    with source.open() as f:
        answer = MediaInfo.parse(
            f, parse_speed=speed, output="JSON", buffer_size=1 << 20 if speed == EXACT else 64 << 10
        )
        bytes_read, requests = getattr(f, "bytes_read", None), getattr(f, "requests", None)
    tracks = _tracks(answer)
    general = next((t for t in tracks if t.get("@type") == "General"), {})
    return Media(
        container=_container(general),
        general=general,
        video=_main_picture(tracks),
        cut_short=_cut_short(general) or _odd_packets(general, source.size),
        exact=speed == EXACT,
        bytes_read=bytes_read,
        requests=requests,
    )


@cache
def library_version() -> str:
    """Return the version of libmediainfo, which belongs to every answer of it."""
    return str(MediaInfo._get_library()[2])


def _tracks(answer: str | None) -> list[Track]:
    try:
        media = json.loads(answer or "{}", strict=False).get("media") or {}
    except ValueError:
        return []
    return [t for t in media.get("track", []) if isinstance(t, dict)]


def _container(general: Track) -> str:
    form = str(general.get("Format", ""))
    if form == "QuickTime" or (form == "MPEG-4" and "QuickTime" in str(general.get("Format_Profile", ""))):
        return "MOV"
    return {"MPEG-4": "MP4", "BDAV": "MPEG-TS", "MPEG Video": "MPEG 视频裸码流", "AVC": "H.264 裸码流"}.get(form, form)


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


def _sum(a: int | None, b: int | None) -> int | None:
    return None if a is None or b is None else a + b


def _number(value: object) -> float | None:
    try:
        number = float(str(value).split(" / ")[0])
    except ValueError:
        return None
    return number if math.isfinite(number) else None
