"""The names inside a zip: which characters their bytes mean, and paths of them that can do no harm."""

from __future__ import annotations

import hashlib
import re
import struct
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from zipfile import ZipInfo

from baosong.rules.errors import BaosongError

LONGEST_PART = 255  # bytes, as in any file system
LONGEST_PATH = 1000  # bytes: with its zip's key and identity within what an index of the ledger holds

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075
_DRIVE = re.compile(r"^[A-Za-z]:")
_LATIN = 0x250  # below lie Latin letters and signs, from it on everything that a name here may be written in
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Unsafe(BaosongError, ValueError):
    """A name that points out of its folder: absolute, with a drive letter, or climbing with `..`."""


def decoded(infos: Sequence[ZipInfo]) -> list[str]:
    """Return the names of a zip's members as their maker saw them.

    A flag or an extra field says UTF-8. Without either, macOS writes UTF-8 and Windows, WinRAR and WPS write GBK: which
    of them is told by all names together, because a single short one (目录) can be read as both.
    """
    bare = [raw for info in infos if (raw := _bare(info)) is not None]
    code = _code_of(bare)
    return [_decoded(info, code) for info in infos]


def _decoded(info: ZipInfo, code: str) -> str:
    raw = _bare(info)
    if raw is None:
        return _extra_name(info) or info.orig_filename
    for attempt in (code, "gb18030"):
        try:
            return raw.decode(attempt)
        except UnicodeDecodeError:
            continue
    return info.orig_filename  # cp437, as the format has it


def _bare(info: ZipInfo) -> bytes | None:
    """Return the bytes of a name that nothing explains, None where a flag or an extra field says what it is."""
    if info.flag_bits & _UTF8_FLAG or _extra_name(info):
        return None
    return info.orig_filename.encode("cp437")


def _extra_name(info: ZipInfo) -> str | None:
    """Return the name of Info-ZIP's Unicode path field, if it is there and was made for this very name."""
    extra = info.extra
    while len(extra) >= 4:
        field, length = struct.unpack_from("<HH", extra)
        data, extra = extra[4 : 4 + length], extra[4 + length :]
        if field == _UNICODE_PATH and len(data) == length > 5 and not info.flag_bits & _UTF8_FLAG:
            (crc,) = struct.unpack_from("<L", data, 1)
            if data[0] == 1 and crc == zlib.crc32(info.orig_filename.encode("cp437")):
                return data[5:].decode("utf-8", "replace")
    return None


def _code_of(names: Sequence[bytes]) -> str:
    """Return the code that all of these names are written in."""
    whole = b"\n".join(names)
    try:
        text = whole.decode("utf-8")
    except UnicodeDecodeError:
        return "gb18030"
    foreign = [c for c in text if c > "\x7f"]
    if not foreign or any(ord(c) >= _LATIN for c in foreign):
        return "utf-8"
    return "gb18030" if _is_common_chinese(whole) else "utf-8"


def _is_common_chinese(data: bytes) -> bool:
    try:
        data.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def path_of(name: str) -> str:
    """Return a name as a path below a folder, its letters in one spelling; "" for the folder itself.

    Raises Unsafe for one that points elsewhere. Old Windows programs write backslashes; they mean folders.
    """
    text = unicodedata.normalize("NFC", name).replace("\\", "/")
    parts = [part.strip() for part in text.split("/")]
    if text.startswith("/") or _DRIVE.match(text) or ".." in parts:
        raise Unsafe(name)
    return "/".join(part for part in parts if part not in ("", "."))


def sane(path: str) -> str:
    """Return a path that can be kept anywhere: no control characters, no part and no whole that is too long."""
    kept = "/".join(_sane_part(part) for part in path.split("/"))
    return kept if len(kept.encode()) <= LONGEST_PATH else f"{_digest(path)}/{PurePosixPath(kept).name}"


def _sane_part(part: str) -> str:
    seen = "".join("_" if unicodedata.category(c) in _UNSEEN else c for c in part)
    if len(seen.encode()) <= LONGEST_PART:
        return seen
    suffix = PurePosixPath(seen).suffix
    ending = f"~{_digest(seen)[:8]}" + (suffix if len(suffix.encode()) <= 20 else "")
    return seen.encode()[: LONGEST_PART - len(ending.encode())].decode("utf-8", "ignore") + ending


def _digest(text: str) -> str:
    """Return what keeps two long names apart that begin alike."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
