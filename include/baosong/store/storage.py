"""The object store: the only module that knows S3.

Bucket arguments are our five logical names; the settings map them to the names in the store. Every call is retried
with back-off while the store is unavailable, for `retry_timeout` seconds, and then raises StorageError.
"""

from __future__ import annotations

import io
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property, partial
from hashlib import md5
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeVar, cast
from xml.etree.ElementTree import ParseError

import certifi
import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, GOVERNANCE
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError
from minio.helpers import md5sum_hash
from minio.objectlockconfig import DAYS, ObjectLockConfig
from minio.versioningconfig import VersioningConfig
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential_jitter

from baosong.rules.errors import OneLineError
from baosong.store.ranged_reader import BLOCK, IN_ONE_PIECE, CountingReader, RangedReader, was_replaced
from baosong.store.settings import S3Settings
from baosong.store.source import Source

PART_SIZE = 16 * 1024 * 1024
# Seconds within which the embedded store shows a write by one key to another key: 5 ms were measured.
_SETTLED = 0.01
_ABSENT = ("NoSuchKey", "NoSuchBucket", "NoSuchVersion", "ResourceNotFound")
_NO_TIME = datetime.fromtimestamp(0, UTC)  # folders have no time
_PAGES = (  # any origin: a page opened by double click has none, and what protects a bucket is the key that signs
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader>"
    b"<AllowedMethod>GET</AllowedMethod><AllowedMethod>HEAD</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
    b"<AllowedMethod>POST</AllowedMethod><AllowedMethod>DELETE</AllowedMethod><ExposeHeader>ETag</ExposeHeader>"
    b"<MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>"
)
_CODE = re.compile(r"<Code>([^<]+)</Code>")
T = TypeVar("T")


class StorageError(OneLineError):
    """The object store refused, or was unavailable for longer than `retry_timeout`; the message is one Chinese line."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a listing shows it. `etag` is empty where the store keeps none; `modified` is aware."""

    key: str
    size: int
    etag: str
    modified: datetime
    version_id: str | None = None

    @property
    def identity(self) -> str:
        """Return a text that differs from that of any other content put under the same key."""
        return "|".join((self.etag, str(self.size), self.modified.isoformat(), self.version_id or ""))


class Storage:
    """The five buckets behind one key pair. Safe to share between threads."""

    def __init__(self, s3: S3Settings, retry_timeout: float = 60.0) -> None:
        self._s3, self._buckets, self._retry_timeout = s3, s3.buckets, retry_timeout

    @cached_property
    def _clients(self) -> dict[str, Minio]:
        """Each bucket's client, made when the store is first asked: not every service may ask it."""
        connect = cache(partial(_client, self._s3))
        return {bucket: connect(self._s3.endpoint_of(bucket)) for bucket in self._buckets}

    def list(self, bucket: str, prefix: str = "", recursive: bool = True, after: str | None = None) -> Iterator[Stored]:
        """Yield the objects under a prefix in the store's order, or only those `after` a key.

        Without `recursive` also folders, ending in "/".
        """
        last = after
        doing = f"列出 {bucket}/{prefix}"
        while True:
            first, rest = self._repeat(doing, partial(self._first_page, bucket, prefix, recursive, last))
            if first is None:
                return
            try:
                for stored in itertools.chain([first], rest):
                    last = stored.key
                    yield stored
                return
            except (MinioException, urllib3.exceptions.HTTPError, OSError) as broken:
                if not _is_transient(broken):
                    raise _storage_error(doing, broken) from broken
                # A later page failed: continue after the last key that was yielded.

    def stat(self, bucket: str, key: str) -> Stored | None:
        """Return one object as a listing shows it (so that identities compare), or None."""

        def look() -> Stored | None:
            candidates = self._pages(bucket, key, True, None)
            return next((s for s in itertools.takewhile(lambda s: s.key <= key, candidates) if s.key == key), None)

        return self._repeat(f"查看 {bucket}/{key}", look)

    def head(self, bucket: str, key: str) -> Stored | None:
        """Return one object, or None, without a listing; its size is right, its identity not comparable."""
        return self._repeat(f"查看 {bucket}/{key}", lambda: self._head(bucket, key))

    def content_type(self, bucket: str, key: str) -> str:
        """Return what an object is served as; StorageError if there is none."""
        client, name = self._clients[bucket], self._buckets[bucket]
        found = self._repeat(f"查看 {bucket}/{key}", lambda: client.stat_object(name, key).content_type)
        return found or "application/octet-stream"

    def open(self, bucket: str, key: str) -> RangedReader:
        """Return a seekable reader that fetches only what is read; StorageError if there is no such object."""
        stored = self.head(bucket, key)
        if stored is None:
            raise StorageError(f"对象存储中没有 {bucket}/{key}。")
        return self._reader(bucket, stored)

    def source(self, bucket: str, stored: Stored, in_one_piece: int = IN_ONE_PIECE) -> Source:
        """Return an object as a source whose readers share the ranges that were fetched.

        One of up to `in_one_piece` bytes is fetched whole as soon as any of it is read.
        """
        name = stored.key.rsplit("/", 1)[-1]
        reader = self._reader(bucket, stored, in_one_piece)
        return Source(name, stored.size, lambda: cast(BinaryIO, reader.reopened()), remote=True)

    def read(self, bucket: str, key: str) -> bytes:
        """Return the whole object; callers look at its size first. StorageError if there is none."""

        def fetch() -> bytes:
            with _released(self._clients[bucket].get_object(self._buckets[bucket], key)) as response:
                return bytes(response.read())

        return self._repeat(f"读取 {bucket}/{key}", fetch)

    def put(self, bucket: str, key: str, data: bytes, content_type: str = "application/octet-stream") -> None:
        """Store bytes and verify that the store shows an object of that size."""
        self.put_stream(bucket, key, io.BytesIO(data), len(data), content_type)

    def put_file(self, bucket: str, key: str, path: Path, content_type: str = "application/octet-stream") -> None:
        """Store a local file, in parts if it is large."""
        with path.open("rb") as f:
            self.put_stream(bucket, key, f, os.fstat(f.fileno()).st_size, content_type)

    def put_stream(
        self, bucket: str, key: str, data: BinaryIO, size: int = -1, content_type: str = "application/octet-stream"
    ) -> None:
        """Store a stream; `size` -1 means until its end. Only a seekable stream is retried.

        Raises StorageError where the stream is longer or shorter than `size`, or the store neither answers with the
        MD5 of what was sent, as most do for an object in one part, nor shows an object of that size.
        """
        doing = f"写入 {bucket}/{key}"
        start = data.tell() if data.seekable() else None
        if start is not None:
            actual = data.seek(0, os.SEEK_END) - start
            if size not in (-1, actual):
                raise StorageError(f"{doing}：数据有 {actual} 字节，声明的却是 {size} 字节。")
            size = actual

        def send() -> tuple[int, bool]:
            if start is not None:
                data.seek(start)
            return self._send(bucket, key, data, size, content_type)

        sent, confirmed = self._repeat(doing, send, attempts=None if start is not None else 1)
        shown = None if confirmed else self.head(bucket, key)
        if not confirmed and (shown is None or shown.size != sent):
            raise StorageError(f"{doing}：写后核对大小不符，应为 {sent} 字节，实为 {shown.size if shown else 0} 字节。")

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object; nothing happens if there is none."""
        self._repeat(f"删除 {bucket}/{key}", lambda: self._clients[bucket].remove_object(self._buckets[bucket], key))

    def remove_unchanged(self, bucket: str, listed: Sequence[Stored]) -> Sequence[Stored]:
        """Remove the objects that are still those listed; return the ones that were replaced since.

        A store with versions removes exactly the listed version. Without versions, of which one object speaks for all,
        the identity is compared just before: earlier replacements stay, but one within these few milliseconds cannot
        be detected.
        """
        versions: dict[str, str] = {}
        for head in (head for stored in listed if (head := self.head(bucket, stored.key))):
            if head.version_id is None:
                time.sleep(_SETTLED)
                break
            versions[head.key] = head.version_id
        return [stored for stored in listed if not self._removed_if_same(bucket, stored, versions.get(stored.key))]

    def _removed_if_same(self, bucket: str, stored: Stored, version: str | None) -> bool:
        now, client, name = self.stat(bucket, stored.key), self._clients[bucket], self._buckets[bucket]
        if now is not None and now.identity != stored.identity:
            return False
        if now is not None:
            self._repeat(f"删除 {bucket}/{stored.key}", lambda: client.remove_object(name, stored.key, version))
        return True

    def ensure_buckets(self) -> None:
        """Make the buckets that do not exist yet."""
        for bucket, name in self._buckets.items():
            client = self._clients[bucket]
            if not self._repeat(f"查看存储桶 {bucket}", partial(client.bucket_exists, name)):
                self._repeat(f"新建存储桶 {bucket}", partial(client.make_bucket, name))

    def keep_versions(self, bucket: str) -> bool:
        """Enable versioning of a bucket; False if the store cannot, or our key may not."""
        client, name = self._clients[bucket], self._buckets[bucket]

        def enabled() -> bool:
            client.set_bucket_versioning(name, VersioningConfig(ENABLED))
            return bool(client.get_bucket_versioning(name).status == ENABLED)

        return self._if_able(f"为 {bucket} 启用版本", enabled)

    def lock(self, bucket: str, days: int) -> bool:
        """Lock new objects of a versioned bucket against removal for some days; False if the store cannot.

        A longer period that was set before stays.
        """
        client, name = self._clients[bucket], self._buckets[bucket]

        def locked() -> bool:
            if (_days_locked(client, name) or 0) < days:
                client.set_object_lock_config(name, ObjectLockConfig(GOVERNANCE, days, DAYS))
            return (_days_locked(client, name) or 0) >= days

        return self._if_able(f"为 {bucket} 设置保留锁", locked)

    def allow_pages(self, bucket: str) -> bool:
        """Let pages in a browser use a bucket, with a key (CORS); False if the store cannot, or our key may not."""

        def allowed() -> bool:
            digest = {"Content-MD5": md5sum_hash(_PAGES) or ""}
            self._clients[bucket]._execute("PUT", self._buckets[bucket], None, _PAGES, {**digest}, {"cors": ""})
            return True  # the SDK has no call of its own for it

        return self._if_able(f"为 {bucket} 允许网页访问", allowed)

    def versions(self, bucket: str, key: str) -> tuple[Stored, ...]:
        """Return the versions of an object, the newest first; none where the store has no versions."""

        def listed() -> tuple[Stored, ...]:
            found = self._clients[bucket].list_objects(self._buckets[bucket], key, True, include_version=True)
            versions = [v for v in found if v.object_name == key and not v.is_delete_marker]
            return tuple(map(_stored, versions))

        return self._if_able(f"列出 {bucket}/{key} 的版本", listed) or ()

    def _if_able(self, doing: str, call: Callable[[], T]) -> T | Literal[False]:
        """Return the result of a call, False where the store refuses it for good: not every store has every feature."""

        def attempt() -> T | Literal[False]:
            try:
                return call()
            except (MinioException, ParseError) as refused:
                if isinstance(refused, MinioException) and _is_transient(refused):
                    raise
                return False

        return self._repeat(doing, attempt)

    def _first_page(
        self, bucket: str, prefix: str, recursive: bool, after: str | None
    ) -> tuple[Stored | None, Iterator[Stored]]:
        pages = self._pages(bucket, prefix, recursive, after)
        return next(pages, None), pages

    def _pages(self, bucket: str, prefix: str, recursive: bool, after: str | None) -> Iterator[Stored]:
        return map(_stored, self._clients[bucket].list_objects(self._buckets[bucket], prefix or None, recursive, after))

    def _head(self, bucket: str, key: str) -> Stored | None:
        try:
            return _stored(self._clients[bucket].stat_object(self._buckets[bucket], key))
        except MinioException as problem:
            if _code_of(problem) in _ABSENT:
                return None
            raise

    def _send(self, bucket: str, key: str, data: BinaryIO, size: int, content_type: str) -> tuple[int, bool]:
        """Return the bytes sent, and whether the store answered with their MD5."""
        in_parts = size < 0 or size > PART_SIZE
        counted = CountingReader(data, None if in_parts else md5(usedforsecurity=False))
        answer = self._clients[bucket].put_object(
            self._buckets[bucket],
            key,
            cast(BinaryIO, counted),
            size,
            content_type,
            part_size=PART_SIZE if in_parts else 0,
            num_parallel_uploads=1,  # the embedded store writes parts in their order
        )
        if size >= 0 and (counted.count != size or data.read(1)):
            raise StorageError(f"写入 {bucket}/{key}：数据与声明的 {size} 字节不符。")
        return counted.count, counted.digest is not None and answer.etag == counted.digest.hexdigest()

    def _reader(self, bucket: str, stored: Stored, in_one_piece: int = IN_ONE_PIECE) -> RangedReader:
        doing = f"读取 {bucket}/{stored.key}"

        def fetch(offset: int, length: int) -> bytes:
            return self._repeat(doing, partial(self._fetch_range, bucket, stored, offset, length))

        return RangedReader(fetch, stored.size, BLOCK if stored.size > in_one_piece else stored.size or 1)

    def _fetch_range(self, bucket: str, stored: Stored, offset: int, length: int) -> bytes:
        client, name = self._clients[bucket], self._buckets[bucket]
        with _released(client.get_object(name, stored.key, offset, length, version_id=stored.version_id)) as response:
            if was_replaced(response.headers, stored.size, stored.modified):
                raise StorageError(f"{bucket}/{stored.key} 在读取期间被替换，请重新开始。")
            return bytes(response.read())

    def _repeat(self, doing: str, call: Callable[[], T], attempts: int | None = None) -> T:
        """Call until it succeeds, fails for good or the retry timeout ends; StorageError names the operation."""
        stop = stop_after_attempt(attempts) if attempts else stop_after_delay(self._retry_timeout)
        retrying = Retrying(
            stop=stop,
            wait=wait_exponential_jitter(multiplier=0.1, max=5, jitter=0.1),
            retry=retry_if_exception(_is_transient),
            reraise=True,
        )
        try:
            return retrying(call)
        except (MinioException, urllib3.exceptions.HTTPError, OSError, ValueError) as problem:
            raise _storage_error(doing, problem) from problem


def _client(s3: S3Settings, endpoint: str) -> Minio:
    trusted = os.environ.get("SSL_CERT_FILE") or certifi.where()
    timeout = urllib3.Timeout(connect=5, read=120)
    # No retries here: `Storage._repeat` alone retries, so that one timeout bounds a call.
    pool = urllib3.PoolManager(maxsize=8, retries=False, timeout=timeout, cert_reqs="CERT_REQUIRED", ca_certs=trusted)
    return Minio(endpoint, s3.access_key, s3.secret(), secure=s3.secure, region=s3.region, http_client=pool)


def _stored(item: Any) -> Stored:
    etag = (item.etag or "").strip('"')
    return Stored(item.object_name, item.size or 0, etag, item.last_modified or _NO_TIME, item.version_id)


@contextmanager
def _released(response: Any) -> Iterator[Any]:
    """Give the connection of an answer back to the pool, however it ends."""
    try:
        yield response
    finally:
        response.close()
        response.release_conn()


def _days_locked(client: Minio, name: str) -> int | None:
    try:
        rule = client.get_object_lock_config(name)
    except MinioException as problem:
        if _code_of(problem) == "ObjectLockConfigurationNotFoundError":
            return None
        raise
    return rule.duration * (1 if rule.duration_unit == DAYS else 365) if rule.duration else None


def _is_transient(problem: BaseException) -> bool:
    """Return whether a retry may help: network errors, 5xx, throttling, or an answer that is not S3's."""
    if not isinstance(problem, (S3Error, InvalidResponseError, ServerError)):
        return isinstance(problem, (urllib3.exceptions.HTTPError, OSError))
    if isinstance(problem, S3Error):
        status = int(problem.response.status)
    else:
        status = problem.status_code if isinstance(problem, ServerError) else int(getattr(problem, "_code", 0))
    return (status >= 500 and status != 501) or status in (408, 429) or status < 400


def _code_of(problem: BaseException) -> str:
    """Return S3's error code, also from an answer whose content type the client rejected."""
    if isinstance(problem, S3Error):
        return problem.code or ""
    found = _CODE.search(getattr(problem, "_body", None) or "")
    return found.group(1) if found else ""


def _storage_error(doing: str, problem: BaseException) -> StorageError:
    code = _code_of(problem)
    if code in _ABSENT:
        return StorageError(f"{doing}：对象存储中没有它。")
    if code in ("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"):
        return StorageError(f"{doing}：对象存储拒绝访问（{code}）。")
    return StorageError(f"{doing}：对象存储未能完成（{code or type(problem).__name__}）。")
