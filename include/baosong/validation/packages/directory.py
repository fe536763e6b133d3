"""A bundle judged by its directory, before a byte of content is unpacked."""

from __future__ import annotations

import stat
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from baosong.campaign import Campaign
from baosong.rules.catalogue import finding, phrase
from baosong.rules.errors import BaosongError
from baosong.rules.findings import Finding, Where
from baosong.store.keys import is_ignored
from baosong.store.source import Source
from baosong.validation.common import zip_guard
from baosong.validation.common.reader import plain
from baosong.validation.packages import names, other_methods

TWIN, LINK, PACKED = "twin", "link", "packed"
UNNAMED = "未命名"
LARGE = 2 << 30  # bytes: above it are films, which hardly shrink
LARGE_RATIO = 10
_METHODS = {93: "Zstandard", 98: "PPMd"}  # which nothing here reads
_AES = 99

_END_RECORD = 22  # bytes
_LOCAL_HEADER = 30  # bytes before a member's name
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # the member, strongly, or the directory itself
_READABLE = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, *other_methods.METHODS)
_UNIX, _MACOS = 3, 19
_ORDINARY = (0, stat.S_IFREG, stat.S_IFDIR)


class Refused(BaosongError):
    """A bundle that is not unpacked; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


@dataclass(frozen=True, slots=True)
class Member:
    """One file of a bundle: the `number`-th, at byte `at`, of `packed` bytes that unpack to `size`.

    `path` is fit to be kept; `said` is the bundle's own name for it where that differs, `flaw` what forbids a review.
    Of one that is PACKED by a method that nothing here reads the packed bytes are kept, and `size` counts these.
    """

    number: int
    path: str
    at: int
    packed: int
    size: int
    method: int
    crc: int
    said: str = ""
    flaw: str = ""

    @property
    def named(self) -> str:
        """Return the path as the bundle gives it."""
        return self.said or self.path

    @property
    def name(self) -> str:
        """Return the file's own name."""
        return self.path.rpartition("/")[2]


def read(source: Source, campaign: Campaign) -> list[Member]:
    """Return the files that a bundle promises to hold, in its own order.

    Raises Refused where any of it must not or cannot be unpacked.
    """
    limit = max(d.max_size for d in campaign.deliverables)
    if source.size == _END_RECORD:  # zipfile looks before the start of one that is nothing else
        raise Refused(finding("file.bundle_empty"))
    try:
        with zip_guard.opened(source) as archive:
            infos, start = archive.infolist(), archive.start_dir
            wrapped = zip_guard.has_wrapped(source, start)
    except zip_guard.Bomb as e:
        raise Refused(finding("file.bomb", "bundle", reason=str(e), limit=limit)) from e
    except zip_guard.Broken as e:
        raise Refused(finding("file.unreadable", "bundle", reason=str(e))) from e
    if wrapped:
        raise Refused(finding("file.unreadable", "wrapped", reason=phrase("unreadable.wrapped")))
    if any(info.flag_bits & _ENCRYPTED for info in infos):
        raise Refused(finding("file.encrypted", "bundle"))
    _guard_sizes(infos, source.size, limit)
    _guard_places(infos, start)
    members = _members(infos)
    _guard_members(members, sum(d.max for d in campaign.deliverables))
    return members


def _guard_sizes(infos: Sequence[zipfile.ZipInfo], size: int, limit: int) -> None:
    """Refuse what unpacks to too much, altogether or for what it is packed in."""
    total = sum(info.file_size for info in infos)
    if total > limit:
        raise Refused(finding("file.bomb", "bundle", reason=phrase("bomb.total", size=total), limit=limit))
    for unpacked, packed in [(total, size), *((info.file_size, info.compress_size) for info in infos)]:
        ratio = zip_guard.MAX_RATIO if unpacked <= LARGE else LARGE_RATIO
        if unpacked > zip_guard.SMALL and unpacked > ratio * packed:
            times = unpacked // max(packed, 1)
            raise Refused(finding("file.bomb", "bundle", reason=phrase("bomb.ratio", times=times), limit=limit))


def _guard_places(infos: Sequence[zipfile.ZipInfo], start: int) -> None:
    """Refuse members that share bytes: the same few could be unpacked over and over."""
    spans = [(info.header_offset, info.header_offset + _LOCAL_HEADER + info.compress_size) for info in infos]
    places = [*sorted(spans), (start, start)]
    if any(begin < 0 or end > following for (begin, end), (following, _) in pairwise(places)):
        raise Refused(finding("file.unreadable", "bundle", reason=phrase("unreadable.zip")))


def _members(infos: Sequence[zipfile.ZipInfo]) -> list[Member]:
    found = []
    for number, (info, name) in enumerate(zip(infos, names.decoded(infos), strict=True)):
        try:
            path = names.path_of(name)
        except names.Unsafe as e:
            shown = plain(name, 200)
            raise Refused(finding("file.bundle_path", where=Where(member=shown), name=shown)) from e
        if not (name.endswith(("/", "\\")) or is_ignored(path)):
            found.append(_member(number, info, path or UNNAMED))
    return _with_twins(found)


def _member(number: int, info: zipfile.ZipInfo, said: str) -> Member:
    path, is_readable = names.sane(said), info.compress_type in _READABLE
    return Member(
        number=number,
        path=path,
        at=info.header_offset,
        packed=info.compress_size,
        size=info.file_size if is_readable else info.compress_size,
        method=info.compress_type,
        crc=info.CRC,
        said="" if path == said else plain(said, len(said)),
        flaw=LINK if not _is_ordinary(info) else "" if is_readable else PACKED,
    )


def _is_ordinary(info: zipfile.ZipInfo) -> bool:
    """Return whether a member is a file; only where Unix made the zip do its attributes tell."""
    return info.create_system not in (_UNIX, _MACOS) or stat.S_IFMT(info.external_attr >> 16) in _ORDINARY


def _with_twins(members: Sequence[Member]) -> list[Member]:
    """Mark the members that share their path with another."""
    counted = Counter(member.path for member in members)
    return [replace(m, flaw=TWIN) if counted[m.path] > 1 and not m.flaw else m for m in members]


def _guard_members(members: Sequence[Member], most: int) -> None:
    if not members:
        raise Refused(finding("file.bundle_empty"))
    if len(members) > most:
        raise Refused(finding("file.bundle_crowded", files=len(members), most=most))


def method_name(method: int) -> str:
    """Return what people call a method of which nothing is read here."""
    if method == _AES:
        return phrase("method.encrypted")
    return _METHODS.get(method) or phrase("method.other", number=method)
