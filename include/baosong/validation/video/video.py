"""The video check: the campaign's profile against MediaInfo's words, item by item, with how to mend what is wrong.

Cheap first: the index of a MOV decides nearly every file. A stream has none, and what its headers say of its rate is no
measurement: its pictures are counted in all of its bytes, as are those of a MOV in pieces. A file that is not here
(`Source.remote`) is not read whole for that: its answer waits until it is read for its archive anyway, see `settle`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from baosong.campaign import VideoProfile
from baosong.rules.catalogue import finding, phrase, title
from baosong.rules.findings import Checked, Finding, Where
from baosong.store.source import Source
from baosong.validation.video import media_info, stream_end
from baosong.validation.video.measured import STREAMS
from baosong.validation.video.media_info import Media
from baosong.validation.video.stream_end import End

GOOD, TOLERATED, BAD, UNKNOWN, REMARK = "合格", "合格（容差内）", "不合格", "无法判定", "合格（有提示）"
JITTER = 0.05  # frames a second within which a rate is the one asked for
DROPPED = 0.02  # share of frames that a variable rate may have lost before it is another rate
INDEXED = ("MOV", "MP4")
CHUNK = 8 << 20

EXPORTED = {f"video.{rule}" for rule in ("container", "resolution", "frame_rate", "scan", "bit_rate")}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the answer: the rule, what was asked, what was found, the word for it, and the finding if any."""

    rule: str
    asked: str
    found: str
    verdict: str = GOOD
    finding: Finding | None = None

    @property
    def name(self) -> str:
        """Return what the line is called in the table."""
        return title(self.rule)


def check(source: Source, profile: VideoProfile) -> Checked:
    """Judge a video file; facts carry the table of items, the cost of reading, and `undecided` if the answer waits."""
    try:
        found = media_info.inspect(source)
    except media_info.Unparsable as e:
        return _unparsable(str(e))
    end = _end(source, found)
    cost = source.cost()
    if (end and end.damaged) or not needs_whole(found):
        return _checked(found, judge(found, profile, end), profile, cost)
    if source.remote:
        items = [item for item in judge(found, profile, end) if not _waits(item, found)]
        checked = _checked(found, items, profile, cost)
        checked.facts |= {"undecided": True, "end": asdict(end) if end else None}
        return checked
    about = found.container, found.text("Format"), found.scan
    with media_info.WholeParse(source.size, *about) as parse, source.open() as film:
        while chunk := film.read(CHUNK):
            parse.feed(chunk)
        return _settled(parse, end, profile, cost)


def settle(
    parse: media_info.WholeParse, profile: VideoProfile, facts: Mapping[str, Any], copy: Source | None = None
) -> Checked:
    """Judge a file whose answer waited, after every byte of it was fed to `parse`; `facts` are those of `check`.

    In a `copy` of it that is here the end is looked for further from its last byte than in the store.
    """
    end = End(**facts["end"]) if facts.get("end") else None
    if copy and end and not end.pictures and not end.damaged:
        end = stream_end.look(copy, facts["container"], facts["codec"])
    return _settled(parse, end, profile, {name: facts.get(name) for name in ("bytes_read", "requests")})


def needs_whole(found: Media) -> bool:
    """Return whether only all bytes tell the rate: of a stream, or of a MOV in pieces that each have an index."""
    if found.video is None or found.cut_short:
        return False
    return found.container in STREAMS or found.in_pieces


def _end(source: Source, found: Media) -> End | None:
    if found.video is None or found.cut_short:
        return None
    return stream_end.look(source, found.container, found.text("Format"))


def _waits(item: Item, found: Media) -> bool:
    """Return whether all bytes tell what the headers did not, or told by a few time stamps."""
    stamped = item.rule == "video.frame_rate" and _is_stamped(found)
    return stamped or item.rule == "video.bit_rate" or item.verdict == UNKNOWN


def judge(found: Media, profile: VideoProfile, end: End | None = None) -> list[Item]:
    """Return all items of the profile at once; a file without a picture is judged on that alone."""
    items = [_container(found, profile), _complete(found, end)]
    if found.video is None or found.measured.empty:
        return items if found.cut_short else [items[0], _no_picture("empty" if found.video else "")]
    judges: list[Callable[[Media, VideoProfile], Item]] = [_resolution, _rotation, _frame_rate]
    items += [judge_one(found, profile) for judge_one in judges]
    items += [_scan(found, profile, end), _bit_rate(found, profile)]
    counted = found.container in STREAMS or found.in_pieces or bool(found.measured.fault)
    return [_torn(item, found) for item in items] if items[1].verdict == BAD and counted else items


def _torn(item: Item, found: Media) -> Item:
    """Return an item of a film that is not whole, of which nothing can be counted."""
    if item.rule == "video.bit_rate" or (item.rule == "video.frame_rate" and _is_stamped(found)):
        return Item(item.rule, item.asked, phrase("film.torn"), UNKNOWN)
    return item


def _is_stamped(found: Media) -> bool:
    """Return whether a frame rate may come of a few time stamps: MPEG-2 says it in each of its headers."""
    return found.container in STREAMS and found.text("Format") != "MPEG Video"


def _settled(parse: media_info.WholeParse, end: End | None, profile: VideoProfile, cost: dict[str, Any]) -> Checked:
    try:
        found = parse.media()
    except media_info.Unparsable as e:
        return _unparsable(str(e))
    return _checked(found, judge(found, profile, end), profile, cost)


def _checked(found: Media, items: list[Item], profile: VideoProfile, cost: dict[str, Any]) -> Checked:
    bad = any(item.verdict == BAD for item in items)
    findings = [_final(item, item.finding) if bad else item.finding for item in items if item.finding]
    held = any(item.verdict == UNKNOWN for item in items) and not bad
    return Checked(findings=findings, facts=_facts(found, profile, items) | cost, held=held)


def _final(item: Item, told: Finding) -> Finding:
    """Return what a rejected film is told: nobody will look at what could not be judged of it."""
    if item.verdict != UNKNOWN:
        return told
    return replace(told, message=phrase("film.not_judged", title=item.name), fix=phrase("film.not_judged_fix"))


def _facts(found: Media, profile: VideoProfile, items: list[Item]) -> dict[str, Any]:
    """Return what is worth keeping of a parse, as JSON values."""
    export = any(item.verdict == BAD and item.finding and item.finding.rule in EXPORTED for item in items)
    return {
        "container": found.container,
        "width": found.number("Width"),
        "height": found.number("Height"),
        "frame_rate": found.number("FrameRate"),
        "scan_type": found.scan,
        "bit_rate": found.number("BitRate"),
        "duration": found.number("Duration"),
        "codec": found.text("Format"),
        "exact": found.exact,
        "mediainfo": found.library,
        "profile": profile.text,
        "table": [{"item": i.name, "asked": i.asked, "found": i.found, "verdict": i.verdict} for i in items],
        "exports": _exports(profile) if export else {},
    }


def _unparsable(why: str) -> Checked:
    wrong = finding("video.damaged", "unparsable", where=_at("Format", "General"))
    return Checked(findings=[wrong], facts={"unparsable": why})


def _container(found: Media, profile: VideoProfile) -> Item:
    both, where = set(STREAMS) <= set(profile.containers), _at("Format", "General")
    names = ("mpg" if c in STREAMS and both else _container_name(c) for c in profile.containers)
    asked, shown = " 或 ".join(dict.fromkeys(names)), _container_name(found.container)
    if not found.container:
        return _item(BAD, finding("video.container", "unknown", where=where, asked=asked))
    if found.container not in profile.containers:
        return _item(BAD, finding("video.container", where=where, found=shown, asked=asked))
    if found.container == "MPEG-TS":
        remark = finding("video.container", "transport_stream", where=where)
        return Item("video.container", asked, shown, REMARK, remark)
    return Item("video.container", asked, shown)


def _container_name(container: str) -> str:
    return phrase("film.stream", container=container) if container in STREAMS else container


def _complete(found: Media, end: End | None) -> Item:
    asked, where = phrase("film.complete"), _at("IsTruncated", "General")
    if found.video is None or found.cut_short:
        return _item(BAD, finding("video.damaged", "cut_short" if found.video else "no_index", where=where))
    if fault := found.measured.fault:
        sizes = {"claimed": found.measured.claimed, "held": found.measured.held} if fault == "claims" else {}
        return _item(BAD, finding("video.damaged", fault, where=where, **sizes))
    if found.measured.unfinished or (found.in_pieces and not found.exact):
        return _item(UNKNOWN, finding("video.damaged", "unfinished", where=where))
    if end is None:
        fits = found.container in INDEXED
        return Item("video.damaged", asked, phrase("film.index_fits" if fits else "film.nothing_missing"))
    if end.damaged:
        return _item(BAD, finding("video.damaged", "end", where=where))
    if not end.pictures:
        return _item(UNKNOWN, finding("video.damaged", "no_start", where=_at("IsTruncated")))
    return Item("video.damaged", asked, phrase("film.end_decoded"))


def _no_picture(variant: str) -> Item:
    wrong = finding("video.no_picture", variant, where=_at("Format"))
    return Item("video.no_picture", phrase("film.there"), phrase("film.not_there"), BAD, wrong)


def _resolution(found: Media, profile: VideoProfile) -> Item:
    where = _at("Width")
    asked: dict[str, Any] = {"width": profile.width, "height": profile.height}
    width, height = found.shown_size((profile.width, profile.height))
    if width is None or height is None:
        return _item(UNKNOWN, finding("video.resolution", "unknown", where=where, **asked))
    shown = f"{width:.0f}×{height:.0f}"
    aspect = found.number("PixelAspectRatio") or 1.0
    if (width, height) != (profile.width, profile.height):
        return _item(BAD, finding("video.resolution", where=where, found=shown, **asked))
    if abs(aspect - 1) > 0.005:
        return _item(BAD, finding("video.resolution", "pixels", where=where, found=shown, aspect=aspect, **asked))
    return Item("video.resolution", f"{profile.width}×{profile.height}", shown)


def _rotation(found: Media, profile: VideoProfile) -> Item:
    asked, turned = phrase("film.upright"), found.measured.turned
    if turned is None:
        degrees = round(found.number("Rotation") or 0) % 360
        turned = str(degrees) if degrees else ""
    if not turned:
        return Item("video.rotation", asked, phrase("film.not_turned"))
    if turned.isdecimal():
        wrong = finding("video.rotation", where=_at("Rotation"), turned=turned)
    else:
        wrong = finding("video.rotation", turned, where=_at("Rotation"))
    return Item("video.rotation", asked, wrong.observed, BAD, wrong)


def _frame_rate(found: Media, profile: VideoProfile) -> Item:
    where, wanted = _at("FrameRate"), float(profile.frame_rate)
    rate = found.number("FrameRate")
    if rate is None:
        return _item(UNKNOWN, finding("video.frame_rate", "unknown", where=where, rate=profile.frame_rate))
    if abs(rate - wanted) <= JITTER:
        shown = phrase("film.frames", rate=f"{rate:g}")
        return Item("video.frame_rate", phrase("film.frames", rate=profile.frame_rate), shown)
    if found.text("FrameRate_Mode") == "VFR" and abs(rate - wanted) <= DROPPED * wanted:
        return _item(REMARK, finding("video.frame_rate", "dropped", where=where, found=rate, rate=profile.frame_rate))
    return _item(BAD, finding("video.frame_rate", where=where, found=rate, rate=profile.frame_rate))


def _scan(found: Media, profile: VideoProfile, end: End | None) -> Item:
    where = _at("ScanType")
    asked = phrase("film.or").join(phrase(scan) for scan in profile.scans)
    scan = found.scan
    if scan is None:
        return _item(UNKNOWN, finding("video.scan", "unknown", where=where, asked=asked))
    mixed = scan == "progressive" and end is not None and end.interlaced
    shown = phrase("film.mixed" if mixed else scan)
    if scan not in profile.scans or (mixed and "interlaced" not in profile.scans):
        return _item(BAD, finding("video.scan", where=where, found=shown, asked=asked))
    if mixed:
        return _item(UNKNOWN, finding("video.scan", "mixed", where=where, found=shown, asked=asked))
    return Item("video.scan", asked, shown)


def _bit_rate(found: Media, profile: VideoProfile) -> Item:
    where, spare = _at("BitRate"), profile.tolerance
    low, high = profile.bit_rate_min, profile.most(found.codecs)
    asked: dict[str, Any] = {"low": low / 1e6, "high": high / 1e6}
    rate = found.number("BitRate")
    if rate is None and found.container not in (*STREAMS, *INDEXED):  # another container, which is refused for that
        return Item("video.bit_rate", phrase("film.rates", **asked), phrase("film.not_measured"), UNKNOWN)
    if rate is None:
        return _item(UNKNOWN, finding("video.bit_rate", "unknown", where=where, **asked))
    if low <= rate <= high:
        return Item("video.bit_rate", phrase("film.rates", **asked), phrase("film.measured", rate=rate / 1e6))
    asked["found"] = rate / 1e6
    if low * (1 - spare) <= rate <= high * (1 + spare):
        return _item(TOLERATED, finding("video.bit_rate", "tolerated", where=where, spare=spare, **asked))
    which = "low" if rate < low else "high"
    return _item(BAD, finding("video.bit_rate", which, where=where, mega=_mega(profile), **asked))


def _item(verdict: str, wrong: Finding) -> Item:
    return Item(wrong.rule, wrong.expected, wrong.observed, verdict, wrong)


def _exports(profile: VideoProfile) -> dict[str, str]:
    """Return how to export right, by editor, with the profile's own figures."""
    width, height, rate, mega = profile.width, profile.height, profile.frame_rate, _mega(profile)
    return {
        "Premiere": phrase("export.premiere", width=width, height=height, rate=rate, mega=mega),
        "EDIUS": phrase("export.edius", width=width, height=height, mega=mega),
        "剪映": phrase("export.jianying", height=height, rate=rate, mega=mega),
    }


def _mega(profile: VideoProfile) -> int:
    """Return the rate to export at, in Mbps: a fifth above the lower limit."""
    return round(min(profile.bit_rate_min * 1.2, profile.bit_rate_max) / 1e6)


def _at(field: str, track: str = "Video") -> Where:
    return Where(track=track, field=field)
