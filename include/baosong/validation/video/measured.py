"""What `read_media` measured of a film itself, put in the place of MediaInfo's words.

MediaInfo's `BitRate` is no measurement: it counts pictures that are not shown, takes an encoder's target for what came
out, believes what a stream declares, and divides by time stamps that jump.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Track = dict[str, Any]
STREAMS = ("MPEG-PS", "MPEG-TS")


@dataclass(frozen=True, slots=True)
class Measured:
    """A picture track whose rates were measured, where they could be, and what is wrong with the index.

    `fault` is a variant of the rule `video.damaged`; `claimed` and `held` are bytes of pictures; `turned` is how the
    picture is turned, None where only MediaInfo says it.
    """

    track: Track = field(default_factory=dict)
    fault: str = ""
    claimed: int = 0
    held: int = 0
    turned: str | None = None
    empty: bool = False
    unfinished: bool = False


def measured(track: Track, container: str, seen: Track, *, exact: bool) -> Measured:
    """Return a track with the measured rates alone: what was not measured is left out."""
    own = _own(track, seen)
    declared = _positive(track.get("FrameRate"))
    track = {name: value for name, value in track.items() if name != "BitRate"}
    if container in STREAMS:
        return Measured(_told(track, _stream(own, declared), own))
    if "essence" not in seen:
        return Measured(track)
    if seen["in_pieces"] and not exact:
        return Measured(track, turned=own.get("turned"))
    return Measured(
        _told(track, _film(own), own),
        fault=_fault(own, seen),
        claimed=own.get("claimed", 0),
        held=seen["essence"],
        turned=own.get("turned"),
        empty=own.get("pictures") == 0,
        unfinished=seen["in_pieces"] and not seen["finished"],
    )


def _own(track: Track, seen: Track) -> Track:
    """Return what was measured of a track: by its number, else of the one with the most bytes."""
    tracks: dict[str, Track] = seen.get("tracks", {})
    number = str(track.get("ID", ""))
    return tracks.get(number) or max(tracks.values(), key=lambda own: own.get("bytes", 0), default={})


def _stream(own: Track, declared: float) -> Track:
    """Return rates by the number of pictures: time stamps may jump, and a gap between films is no picture's time."""
    rate = 1 / own["step"] if own.get("step") else declared
    if not rate or not own.get("pictures"):
        return {}
    return {"BitRate": own["bytes"] * 8 * rate / own["pictures"], "FrameRate": f"{rate:.3f}", "FrameRate_Mode": "CFR"}


def _film(own: Track) -> Track:
    if not own.get("seconds") or not own.get("pictures"):
        return {}
    told = {"BitRate": own["bytes"] * 8 / own["seconds"], "FrameRate": f"{own['pictures'] / own['seconds']:.3f}"}
    return told if own["steady"] else told | {"FrameRate_Mode": "VFR"}


def _told(track: Track, rates: Track, own: Track) -> Track:
    scan = {"ScanType": own["scan"]} if own.get("scan") and not track.get("ScanType") else {}
    return track | rates | scan


def _fault(own: Track, seen: Track) -> str:
    if own.get("elsewhere"):
        return "elsewhere"
    if seen["in_pieces"] and seen["beyond"]:
        return "cut_short"
    if own.get("claimed", 0) > seen["essence"]:
        return "claims"
    return "places" if own.get("outside") else ""


def _positive(value: object) -> float:
    try:
        return max(0.0, float(str(value)))
    except ValueError:
        return 0.0
