"""Which S3 calls the embedded store truly carries out; all others are refused before rclone sees them.

rclone takes a call by its method and path and passes over what it does not know: `PUT key?acl` puts the ACL's XML over
the object, `DELETE key?tagging` deletes it, a lock or `If-None-Match` is ignored, and all are told success. So what is
listed here passes, and nothing else. Seen with rclone 1.75.2.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote, unquote_plus, unquote_to_bytes

from baosong.store.keys import MAX_DEPTH

MOST_PARTS = 4 + MAX_DEPTH  # bucket, campaign, prefecture, its own folders, and the file
LONGEST_NAME = 255  # bytes that a file system takes
_TOO_DEEP = f"没有执行：放得太深，本地州市的文件夹里最多再套 {MAX_DEPTH} 层，请放到上面的文件夹里再传。"
_TOO_LONG = "没有执行：“{name}”这个名称有 {size} 字节，最长 {most} 字节（约 {words} 个汉字），请改短后再传。"
LARGEST_DELETE = 4 << 20  # bytes: S3 allows a thousand keys of a kilobyte
_LIST = "list-type prefix delimiter marker max-keys start-after continuation-token encoding-type fetch-owner"
_UPLOADS = "uploads prefix delimiter key-marker upload-id-marker max-uploads encoding-type"
_ANSWER = "response-content-type response-content-disposition response-content-language response-content-encoding"
_PARTS = "uploadId max-parts part-number-marker encoding-type"
# By method and level (0 all buckets, 1 a bucket, 2 an object): the sets of parameters that a call may have.
_CALLS: dict[tuple[str, int], tuple[str, ...]] = {
    ("GET", 0): ("max-buckets continuation-token prefix bucket-region",),
    ("GET", 1): (_LIST, _UPLOADS, "location", "versioning"),
    ("HEAD", 1): ("",),
    ("PUT", 1): ("",),
    ("DELETE", 1): ("",),
    ("POST", 1): ("delete",),
    ("GET", 2): (f"{_ANSWER} response-cache-control response-expires", _PARTS),
    ("HEAD", 2): (f"{_ANSWER} response-cache-control response-expires",),
    ("PUT", 2): ("", "partNumber uploadId"),
    ("POST", 2): ("uploads", "uploadId"),
    ("DELETE", 2): ("", "uploadId"),
    ("OPTIONS", 0): ("",),
    ("OPTIONS", 1): ("",),
    ("OPTIONS", 2): ("",),
}
_EVERYWHERE = frozenset({"x-id", "AWSAccessKeyId", "Signature", "Expires"})  # which SDK asks, and signatures of old
# x-amz-… as a header or, in a signed address, as a parameter.
_AMZ = re.compile(
    "algorithm|credential|date|expires|signedheaders|signature|security-token|content-sha256|user-agent|api-version"
    "|meta-.*|copy-source|metadata-directive|tagging-directive|storage-class|request-payer"
    "|(source-)?expected-bucket-owner|decoded-content-length|trailer|mp-object-size|sdk-checksum-algorithm|checksum-.*"
    "|acl|optional-object-attributes"
)
_OWN = ("private", "bucket-owner-full-control")  # ACLs that say what holds anyway
_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
_TAG = re.compile(rb"</?(?:\w+:)?(\w+)")
_DELETE = frozenset({b"Delete", b"Object", b"Key", b"Quiet"})


def unknown(method: str, target: str, headers: Mapping[str, str]) -> str:
    """Return what of a call the store would pass over, in S3's words; "" where it carries out the whole call.

    `target` is path and query as they were sent, the names of `headers` are in small letters.
    """
    path, _, query = target.partition("?")
    named = _parameters(query)
    found = _unknown_parameter(method, _level(path), named) or _unknown_header(headers, named)
    if found or method in ("GET", "HEAD", "OPTIONS"):
        return found
    return _unknown_write(method, path, named, headers)


def no_place(target: str) -> str:
    """Return why nothing can lie under a key, "" where something can.

    rclone would answer 500, after which clients try again for minutes.
    """
    parts = unquote_to_bytes(target.partition("?")[0]).strip(b"/").split(b"/")
    if len(parts) > MOST_PARTS:
        return _TOO_DEEP
    longest = max(parts, key=len)
    if len(longest) > LONGEST_NAME:
        name = longest.decode(errors="replace")[:20] + "…"
        return _TOO_LONG.format(name=name, size=len(longest), most=LONGEST_NAME, words=LONGEST_NAME // 3)
    return ""


def is_delete(method: str, target: str) -> bool:
    """Return whether a call removes many objects, which its body names."""
    path, _, query = target.partition("?")
    return method == "POST" and _level(path) == 1 and "delete" in _parameters(query)


def unknown_in_delete(body: bytes) -> str:
    """Return what of a list of objects to be removed the store would pass over, above all the version."""
    return next((tag.decode() for tag in _TAG.findall(body) if tag not in _DELETE), "")


def _parameters(query: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in query.split("&") if part)
    return {unquote_plus(name): unquote_plus(value) for name, _, value in pairs}


def _level(path: str) -> int:
    bucket, slash, key = unquote(path).lstrip("/").partition("/")
    return 2 if slash and key else 1 if bucket else 0


def _unknown_parameter(method: str, level: int, named: Mapping[str, str]) -> str:
    told = [name for name in named if name not in _EVERYWHERE and not name.lower().startswith("x-amz-")]
    calls = [call.split() for call in _CALLS.get((method, level), ())]
    if any(_fits(method, told, call) for call in calls):
        return ""
    known = {name for call in calls for name in call}
    return next((name for name in told if name not in known), "&".join(told) or method)


def _fits(method: str, told: Iterable[str], call: list[str]) -> bool:
    """Return whether parameters make up a call: of one that changes something none may be missing."""
    return set(told) <= set(call) if method in ("GET", "HEAD") else sorted(told) == sorted(call)


def _unknown_header(headers: Mapping[str, str], named: Mapping[str, str]) -> str:
    given = [(name, value) for name, value in (*headers.items(), *named.items()) if name.lower().startswith("x-amz-")]
    for name, value in given:
        short = name.lower().removeprefix("x-amz-")
        if not _AMZ.fullmatch(short) or (short == "acl" and value.strip() not in _OWN):
            return name
    return ""


def _unknown_write(method: str, path: str, named: Mapping[str, str], headers: Mapping[str, str]) -> str:
    source = headers.get("x-amz-copy-source", "")
    if source and "uploadId" in named:
        return "UploadPartCopy"
    if "versionid=" in source.lower():
        return "x-amz-copy-source versionId"
    if path.endswith("/") and _level(path) == 2:  # rclone would write or delete the file of that name
        return "单独的文件夹标记（key/，不必先建文件夹，直接上传即可）"
    return next((name for name in _CONDITIONS if name in headers), "")
