"""Backups: the ledger, all objects and the configuration of one moment, in a folder that holds many such points.

Objects are stored once, under their sha256, so that the next point fetches only what is new. A point gets its name when
all of it is written: a folder of that name is complete.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from baosong.ledger import snapshot
from baosong.ledger.services import Services
from baosong.preservation import records
from baosong.rules.errors import OneLineError
from baosong.store.local_copy import sha256_of
from baosong.store.settings import BUCKETS, PROJECT, Settings, accounts_file
from baosong.store.storage import Storage, StorageError, Stored

Progress = Callable[[str, int, int], None]
"""Is given a title, how many are done, and of how many."""

LEDGER, OBJECTS, POINT = "ledger.jsonl.gz", "objects.jsonl.gz", "point.json"
_MARK = "baosong-backup.txt"
_FETCHING = "fetching-"
_MARKED = "报送系统的备份。points 下每个文件夹是一个时点，objects 按 sha256 存放各时点共用的文件。\n"
_CHUNK = 8 * 1024 * 1024
_TRIES = 3  # an object that is replaced while it is read is read again


class BackupRefused(OneLineError):
    """A backup cannot be made in, or restored from, that folder; the text is Chinese."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An object as it was listed, what it is served as, and the sha256 that names its bytes in the backup."""

    bucket: str
    key: str
    size: int
    identity: str
    content_type: str
    sha256: str


@dataclass(slots=True)
class Made:
    """A point: where it is, rows of the ledger, objects, and how many of them and of their bytes were fetched now."""

    point: Path
    rows: int = 0
    objects: int = 0
    fetched: int = 0
    fetched_bytes: int = 0


def backup(services: Services, folder: Path, now: datetime, progress: Progress) -> Made:
    """Add a point to a backup folder, which is new, empty or a backup's; BackupRefused if it is anything else.

    The intake is read before the ledger and after it, since a file leaves it only once the ledger says so: whatever the
    ledger waits for is there. All other buckets follow, so that they hold whatever the ledger names; of the change log
    only what the ledger knows of, which would take later segments for another ledger's.
    """
    with _begun(folder):
        made = Made(folder / "points" / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
        work = made.point.with_suffix(".part")
        work.mkdir(mode=0o700, parents=True)
        _copy_configuration(services.settings, work / "configuration")
        known, objects = _Known(), _Objects(services.storage, folder, made, progress)
        before = {kept.key: kept for kept in objects.of("intake")}
        ledger = _write_lines(work / LEDGER, known.noting(snapshot.take(services.ledger.engine)))
        intake = {**before, **{kept.key: kept for kept in objects.of("intake")}}.values()
        rest = (kept for bucket in BUCKETS if bucket != "intake" for kept in objects.of(bucket, known.of_its_time))
        stored = _write_lines(work / OBJECTS, (asdict(kept) for kept in (*filter(known.waits, intake), *rest)))
        made.rows, made.objects = ledger["lines"] - 1, stored["lines"]  # the revision is no row
        _write_synced(work / POINT, json.dumps({LEDGER: ledger, OBJECTS: stored}).encode())
        work.rename(made.point)
        _sync(made.point.parent)
    return made


def newest(folder: Path) -> Path:
    """Return the newest point of a backup; BackupRefused if there is none."""
    points = sorted(path for path in (folder / "points").glob("*Z") if path.is_dir())
    if not points:
        raise BackupRefused(f"{folder} 里没有完整的备份。请指定 ./baosong backup 写出的文件夹。")
    return points[-1]


def kept_in(point: Path) -> list[Kept]:
    """Return all objects of a point."""
    return [Kept(**line) for line in _lines(point / OBJECTS)]


def ledger_in(point: Path) -> Iterator[snapshot.Line]:
    """Yield the ledger of a point."""
    return ((table, row) for table, row in _lines(point / LEDGER))


def path_of(folder: Path, sha256: str) -> Path:
    """Return where a backup has the bytes of a sha256."""
    return folder / "objects" / sha256[:2] / sha256


def configuration(settings: Settings) -> Iterator[tuple[str, Path]]:
    """Yield the name in a backup and the place of all that is neither in the store nor in the ledger."""
    for number, campaigns in enumerate(settings.campaign_dirs):
        yield f"campaigns-{number}", campaigns
    yield "accounts.json", accounts_file()
    yield "env", PROJECT / ".env"


@contextmanager
def _begun(folder: Path) -> Iterator[None]:
    """Make the folder a backup's, ours alone meanwhile, without what an interrupted backup left."""
    if folder.exists() and not (folder / _MARK).is_file() and (not folder.is_dir() or any(folder.iterdir())):
        raise BackupRefused(f"{folder} 已存在，却不是备份文件夹，没有改动。请换一个新的或空的位置。")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds personal data, and the passwords of .env
    with (folder / _MARK).open("a", encoding="utf-8") as mark:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupRefused(f"另一个备份正在写 {folder}，没有改动。请等它结束。") from None
        mark.truncate(0)
        mark.write(_MARKED)
        for left in (folder / "points").glob("*.part"):
            shutil.rmtree(left)
        for left in folder.glob(f"{_FETCHING}*"):
            left.unlink()
        yield


@dataclass(slots=True)
class _Known:
    """What the ledger of a point says: which files it has answered, which wait, and each change log's last segment."""

    answered: set[tuple[str, str]] = field(default_factory=set)
    waiting: set[tuple[str, str]] = field(default_factory=set)
    segments: dict[tuple[str, str], int] = field(default_factory=dict)

    def noting(self, lines: Iterable[snapshot.Line]) -> Iterator[snapshot.Line]:
        """Pass lines on and note what they say."""
        for table, line in lines:
            if table == "submission":
                row = json.loads(line)
                (self.answered if row["replied_at"] else self.waiting).add((row["key"], row["identity"]))
            elif table == "page":
                row = json.loads(line)
                self.segments[row["campaign"], row["prefecture"]] = row["number"]
            yield table, line

    def waits(self, kept: Kept) -> bool:
        """Return whether a file of the intake is unanswered: one that is would be taken for new after a restore."""
        place = (kept.key, kept.identity)
        return place in self.waiting or place not in self.answered

    def of_its_time(self, stored: Stored) -> bool:
        """Return whether an object is no segment that was written after the ledger was read."""
        if not records.is_segment(stored.key):
            return True
        return int(PurePosixPath(stored.key).stem) <= self.segments.get(records.parse_archive_key(stored.key), 0)


class _Objects:
    """Fetches what a bucket lists, once for all points."""

    def __init__(self, storage: Storage, folder: Path, made: Made, progress: Progress) -> None:
        self._storage, self._folder, self._made, self._progress = storage, folder, made, progress
        earlier = sorted((folder / "points").glob("*Z"))[-1:]
        self._known = {(kept.bucket, kept.key, kept.identity): kept for point in earlier for kept in kept_in(point)}

    def of(self, bucket: str, wanted: Callable[[Stored], bool] = lambda _: True) -> Iterator[Kept]:
        """Yield the objects of a bucket, which are in the backup then; one that went away meanwhile is left out."""
        listed = [*filter(wanted, self._storage.list(bucket))]
        for number, stored in enumerate(listed, 1):
            if (kept := self._kept(bucket, stored)) is not None:
                yield kept
            self._progress(f"备份 {bucket}", number, len(listed))

    def _kept(self, bucket: str, stored: Stored) -> Kept | None:
        for _ in range(_TRIES):
            known = self._known.get((bucket, stored.key, stored.identity))
            if known is not None and _is_there(path_of(self._folder, known.sha256), stored.size):
                return known
            try:
                return self._fetched(bucket, stored)
            except StorageError:
                now = self._storage.stat(bucket, stored.key)
                if now is None:
                    return None
                if now.identity == stored.identity:
                    raise
                stored = now
        raise BackupRefused(f"{bucket}/{stored.key} 一直在变，没有备份成。请稍后再试一次。")

    def _fetched(self, bucket: str, stored: Stored) -> Kept:
        served_as = self._storage.content_type(bucket, stored.key)
        with self._storage.source(bucket, stored).open() as stream:
            sha256 = _add(self._folder, stream)
        kept = Kept(bucket, stored.key, stored.size, stored.identity, served_as, sha256)
        self._known[bucket, stored.key, stored.identity] = kept
        self._made.fetched += 1
        self._made.fetched_bytes += stored.size
        return kept


def _add(folder: Path, stream: BinaryIO) -> str:
    """Write a stream to its place in a backup and return its sha256; no link, which not every disk can."""
    digest = hashlib.sha256()
    file = tempfile.NamedTemporaryFile(dir=folder, prefix=_FETCHING, delete=False)  # noqa: SIM115 - it outlives its `with`
    try:
        with file:
            while chunk := stream.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        path = path_of(folder, digest.hexdigest())
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        Path(file.name).replace(path)
    finally:
        Path(file.name).unlink(missing_ok=True)
    return digest.hexdigest()


def _is_there(path: Path, size: int) -> bool:
    """Return whether a file has its size: one that has not is fetched again."""
    return path.is_file() and path.stat().st_size == size


def _copy_configuration(settings: Settings, to: Path) -> None:
    to.mkdir(mode=0o700)
    for name, path in configuration(settings):
        if path.is_dir():
            shutil.copytree(path, to / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        elif path.is_file():
            shutil.copy2(path, to / name)


def _write_lines(path: Path, lines: Iterable[Any]) -> dict[str, Any]:
    """Write lines of JSON and return how many, and the file's sha256."""
    count = 0
    with gzip.open(path, "wt", encoding="utf-8") as file:
        for count, line in enumerate(lines, 1):  # noqa: B007 - the last one counts
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    _sync(path)
    return {"lines": count, "sha256": sha256_of(path)}


def _write_synced(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    for each in (path, path.parent):
        _sync(each)


def _sync(path: Path) -> None:
    """See to it that a file, or what a folder lists, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
