"""What a prefecture's key may do, and a word to whoever asks for more.

rclone jails such a key by what it shows it, and calls the rest absent or, where nothing was to be removed, removed. So
a call that lies outside is answered here, and rclone, which verifies the signature, never sees it. An area is where
the folders of `roots` end in a link (see `stack/objectstore.py`): what is judged here is what rclone would walk.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from urllib.parse import parse_qsl, unquote_to_bytes
from xml.etree import ElementTree

_ROOTS = Path("roots")  # in the store's folder, in which this program runs
_NAME = re.compile(r"roots/([^/ ]+)/rw ")
_SIDES = (b"rw", b"ro", b"rw")  # twice, as an area may just be moved to where we have looked
_UPLOADS = frozenset({"uploads", "upload-id-marker", "max-uploads"})
_VERSIONS = frozenset({"versions", "version-id-marker"})
_LIST = frozenset({"list-type", "prefix", "delimiter", "marker", "key-marker", "max-keys", "start-after"})
_LIST |= {"continuation-token", "encoding-type", "fetch-owner"}
_OF_SDK = frozenset({"x-id", "AWSAccessKeyId", "Signature", "Expires"})

ELSEWHERE = "没有执行：这个密钥只能使用本地州市自己的文件夹，请核对存储桶和文件夹的名称。"
READ_ONLY = "没有执行：这个文件夹只能读取，不能写入或删除。"
FULL = "没有执行：收件夹里等待处理的文件超过上限，处理之后会自动重新开放，请稍后再试。"
OF_BUCKET = "没有执行：这项设置属于整个存储桶，地州市的密钥不能查看或修改。"
BUCKETS = "没有执行：地州市的密钥不能新建、删除存储桶。"
MALFORMED = "没有执行：无法识别要删除的文件清单。"


class Place(IntEnum):
    """Where a path lies: nowhere of the key's, above one of its areas, the area itself, or in it."""

    OUTSIDE = 0
    ABOVE = 1
    AREA = 2
    INSIDE = 3


class Wall:
    """The areas of one key; `folder` is what `roots` holds of its owner."""

    def __init__(self, folder: Path) -> None:
        self._folder = os.fsencode(folder)

    def refusal(self, method: str, target: str, headers: Mapping[str, str]) -> str:
        """Return why a call is refused, in words; "" where it is the key's own matter."""
        path, _, query = target.partition("?")
        bucket, _, key = unquote_to_bytes(path).lstrip(b"/").partition(b"/")
        if not bucket:
            return "" if method in ("GET", "HEAD", "OPTIONS") else ELSEWHERE
        if self._readable([bucket]) is Place.OUTSIDE:
            return ELSEWHERE
        if not key:
            return self._of_bucket(method, bucket, query)
        source = headers.get("x-amz-copy-source")
        if source is not None and self._readable(_parts(unquote_to_bytes(source.partition("?")[0]))) < Place.INSIDE:
            return ELSEWHERE
        parts = [bucket, *_parts(key)]
        if key.endswith(b"/") and self._place(b"rw", parts) is Place.AREA:  # its marker: `calls` has words for it
            return ""
        if method in ("GET", "HEAD", "OPTIONS"):
            return ELSEWHERE if self._readable(parts) is Place.OUTSIDE else ""
        reason = self._unwritable(parts)
        goes_on = method in ("PUT", "DELETE") and "uploadId" in dict(parse_qsl(query))
        return "" if reason == FULL and goes_on else reason  # parts that come, or free what has come

    def refusal_of_removal(self, target: str, body: bytes) -> str:
        """Return why a list of objects to be removed is refused as a whole: one of them is not the key's own."""
        bucket = unquote_to_bytes(target.partition("?")[0]).strip(b"/")
        if b"<!DOCTYPE" in body or b"\0" in body:  # entities, or an encoding that hides them
            return MALFORMED
        try:
            tree = ElementTree.fromstring(body)  # noqa: S314, no entities; of the standard library alone
        except ElementTree.ParseError:
            return MALFORMED
        keys = [element for element in tree.iter() if element.tag.rpartition("}")[2] == "Key"]
        if not keys or any(len(key) for key in keys):  # what stands around an element within it, others read otherwise
            return MALFORMED
        told = (self._unwritable([bucket, *_parts((key.text or "").encode())]) for key in keys)
        return next(filter(None, told), "")

    def _of_bucket(self, method: str, bucket: bytes, query: str) -> str:
        named = dict(parse_qsl(query, keep_blank_values=True))
        asked = {n for n in named if n not in _OF_SDK and not n.lower().startswith("x-amz-")}
        if method == "OPTIONS" or (method, asked) in (("HEAD", set()), ("POST", {"delete"}), ("GET", {"location"})):
            return ""
        if method == "GET" and asked <= _LIST | _UPLOADS | _VERSIONS:
            return "" if self._listable(bucket, os.fsencode(named.get("prefix", ""))) else ELSEWHERE
        return OF_BUCKET if asked else BUCKETS

    def _listable(self, bucket: bytes, prefix: bytes) -> bool:
        """Return whether a listing shows some of the key's own: rclone leaves out all other, above an area too."""
        *folders, last = prefix.split(b"/")
        parts = [bucket, *_parts(b"/".join(folders))]
        place = self._readable(parts)
        return place in (Place.AREA, Place.INSIDE) or (place is Place.ABOVE and self._begins(parts, last))

    def _begins(self, parts: Sequence[bytes], last: bytes) -> bool:
        names: list[bytes] = []
        for side in _SIDES:
            folder = os.path.join(self._folder, side, *parts)
            names += os.listdir(folder) if os.path.isdir(folder) else []
        return any(name.startswith(last) for name in names)

    def _unwritable(self, parts: Sequence[bytes]) -> str:
        if self._place(b"rw", parts) is Place.INSIDE:
            return ""
        if self._readable(parts) < Place.INSIDE:
            return ELSEWHERE
        kept_open = self._place(b"rw", parts[:1]) is Place.ABOVE  # the bucket: this area of it is closed for a time
        return FULL if kept_open else READ_ONLY

    def _readable(self, parts: Sequence[bytes]) -> Place:
        return max(self._place(side, parts) for side in _SIDES)

    def _place(self, side: bytes, parts: Sequence[bytes]) -> Place:
        path = os.path.join(self._folder, side)
        if b".." in parts:
            return Place.OUTSIDE
        for depth, part in enumerate(parts, start=1):
            path = os.path.join(path, part)
            try:
                mode = os.lstat(path).st_mode
            except (OSError, ValueError):  # no such name, or none that a name can be
                return Place.OUTSIDE
            if stat.S_ISLNK(mode):
                return Place.INSIDE if depth < len(parts) else Place.AREA
        return Place.ABOVE


def wall_of(key_file: Path | None) -> Wall | None:
    """Return the wall of a key's areas, None for a key of the whole store; OSError where the key is gone."""
    if key_file is None:
        raise FileNotFoundError
    granted = json.loads(key_file.read_bytes())
    if granted["type"] == "local":
        return None
    found = _NAME.search(granted["upstreams"])
    return Wall(_ROOTS / found[1]) if found else Wall(Path("nowhere"))


def _parts(path: bytes) -> list[bytes]:
    """Return the names on a path as rclone walks it: empty ones and dots are none."""
    return [part for part in path.split(b"/") if part not in (b"", b".")]
