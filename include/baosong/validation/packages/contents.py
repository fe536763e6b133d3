"""The files of a bundle: unpacked one at a time, as streams, proved whole, told apart and judged."""

from __future__ import annotations

import io
import logging
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from baosong.campaign import Campaign, Prefecture
from baosong.rules.catalogue import finding, phrase
from baosong.rules.findings import Checked, Kind, Where
from baosong.store.local_copy import Copy, Listener, copied
from baosong.store.source import Source
from baosong.validation import check
from baosong.validation.common import file_safety
from baosong.validation.common.reader import plain
from baosong.validation.packages import other_methods
from baosong.validation.packages.directory import LINK, PACKED, TWIN, Member, Refused, method_name
from baosong.validation.packages.other_methods import Damaged

log = logging.getLogger(__name__)

_BUFFER = 8 << 20  # bytes a request: what is read here is read in its order
_AROUND = 64 << 10  # bytes, at most, of the header before a member's content
_CHUNK = 1 << 20
_NOT_A_FILE = {TWIN: "file.bundle_twin", LINK: "file.bundle_link"}
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, Damaged)


@contextmanager
def unpacked(source: Source, member: Member, folder: Path, listener: Listener | None = None) -> Iterator[Copy]:
    """Unpack one member into a nameless file in `folder`; raises Damaged if it is not what the directory says."""
    with (
        _stream(source, min(_BUFFER, member.packed + _AROUND)) as stream,
        closing(_Whole(stream, member)) as whole,
        copied(whole, folder, listener) as copy,
    ):
        yield copy


def kinds(
    source: Source, members: Sequence[Member], campaign: Campaign, given: Kind | None, folder: Path
) -> list[Kind | None]:
    """Read every member to its end and return which deliverable each is, by its folders, `given` or its content.

    Raises Refused if one is damaged: then nothing of the bundle counts, because it did not arrive whole.
    """
    found: dict[int, Kind | None] = {}
    with _stream(source, _BUFFER) as stream:
        for member in sorted(members, key=lambda m: m.at):
            try:
                with closing(_Whole(stream, member)) as whole:
                    found[member.number] = _kind(whole, member, campaign, given, folder)
            except Damaged as e:
                where, reason = Where(member=member.path), phrase("unreadable.member")
                raise Refused(finding("file.unreadable", "bundle", where=where, reason=reason)) from e
    return [found[member.number] for member in members]


def summary(size: int, files: int, marked: bool = False) -> Checked:
    """Return what is said of a bundle of `size` bytes whose files are judged one by one.

    With a file in it that bears a classification mark, the bundle must not go to the archive either.
    """
    checked = file_safety.held_as_classified() if marked else Checked([finding("file.bundle", files=files)])
    checked.facts = {**facts(size), "bundle": {"files": files}}
    return checked


def facts(size: int) -> dict[str, Any]:
    """Return what is known of any bundle."""
    return {"size": size, "type": "zip"}


def judge(
    source: Source, member: Member, kind: Kind | None, campaign: Campaign, prefecture: Prefecture | None
) -> Checked:
    """Judge one unpacked member as the file that it is."""
    if any(file_safety.is_marked_name(part) for part in member.named.split("/")):
        return file_safety.held_as_classified()
    if member.flaw == PACKED:
        return Checked([finding("file.bundle_method", method=method_name(member.method))], {"size": source.size})
    checked = check.check(source, kind, campaign, prefecture)
    if member.flaw and not checked.held:
        return Checked([finding(_NOT_A_FILE[member.flaw])], {"size": source.size})
    checked.findings = [finding("file.bundle_nested") if f.rule == "file.archive" else f for f in checked.findings]
    if member.said and not checked.held:
        checked.findings.append(finding("file.bundle_name", name=plain(member.said, 200)))
    return checked


def _kind(whole: _Whole, member: Member, campaign: Campaign, given: Kind | None, folder: Path) -> Kind | None:
    kind = _by_folders(member.named, campaign) or given
    if kind is None and not member.flaw:
        with copied(whole, folder) as copy:
            return _by_content(copy.source(member.name), campaign)
    while whole.read(_CHUNK):
        pass
    return kind


def _by_folders(path: str, campaign: Campaign) -> Kind | None:
    """Return the deliverable of the first folder that belongs to one; the others are the sender's own order."""
    folders = path.split("/")[:-1]
    return next((d.kind for folder in folders if (d := campaign.deliverable_in(folder))), None)


def _by_content(source: Source, campaign: Campaign) -> Kind | None:
    try:
        return check.classify(source, campaign)
    except Exception:  # one odd file must not hold up the others: its own check meets the error again, alone
        log.exception("cannot classify a member")
        return None


@contextmanager
def _stream(source: Source, buffer: int) -> Iterator[BinaryIO]:
    with source.open() as raw, io.BufferedReader(cast(io.RawIOBase, raw), buffer) as stream:
        yield cast(BinaryIO, stream)


class _Whole:
    """A member's content; at its end it raises Damaged unless all came that was promised."""

    def __init__(self, stream: BinaryIO, member: Member) -> None:
        self._left = member.size
        try:
            self._content = _content(stream, member)
        except _DAMAGE as e:
            raise Damaged(member.path) from e

    def read(self, size: int, /) -> bytes:
        try:
            chunk = self._content.read(size)
        except _DAMAGE as e:
            raise Damaged(self._content.name) from e
        self._left -= len(chunk)
        if not chunk and self._left:
            raise Damaged(self._content.name)
        return chunk

    def close(self) -> None:
        """Let go of what unpacks it."""
        self._content.close()


def _content(stream: BinaryIO, member: Member) -> zipfile.ZipExtFile | other_methods.OtherMethod:
    """Return the reader of a member, which gives no more than the directory says and compares its checksum."""
    stream.seek(member.at)
    header = stream.read(30)
    signature, name, extra = struct.unpack("<4s22xHH", header)
    if signature != b"PK\x03\x04":
        raise zipfile.BadZipFile(member.path)
    stream.seek(member.at + 30 + name + extra)
    if member.method in other_methods.METHODS:
        return other_methods.OtherMethod(stream, member.path, member.method, member.packed, member.size, member.crc)
    info = zipfile.ZipInfo(member.path)
    info.compress_size, info.file_size = member.packed, member.size
    if member.flaw != PACKED:  # of these the bytes are taken as they lie there, and have no checksum of their own
        info.compress_type, info.CRC = member.method, member.crc
    return zipfile.ZipExtFile(stream, "r", info)
