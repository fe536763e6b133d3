"""A backup put back: objects first, then the ledger in one transaction, and what still waits in the intake with it."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from baosong.ledger import privileges, snapshot
from baosong.ledger import restore as tables
from baosong.ledger.migrations import is_known
from baosong.ledger.services import Services
from baosong.preservation import records
from baosong.preservation.backup import (
    LEDGER,
    OBJECTS,
    POINT,
    BackupRefused,
    Kept,
    Progress,
    configuration,
    kept_in,
    ledger_in,
    newest,
    path_of,
)
from baosong.store.local_copy import sha256_of
from baosong.store.storage import StorageError

_IN_USE = (
    "台账不是空的，有 {held} 行，没有改动。备份只能恢复到新装的系统；只想重建台账的，请用 ./baosong rebuild-ledger。"
)
_DAMAGED = (
    "备份不完整：{count} 个文件缺失或已损坏，例如 {bucket}/{key}（{path}）。没有改动。"
    "原系统还在的，请再备份一次，会补上缺的；否则请用另一份备份。"
)
_BROKEN = "备份的 {path} 已损坏或不完整，没有改动。请移走这个时点的文件夹，用前一个时点，或用另一份备份。"
_NEWER = "备份来自更新的版本（{revision}），没有改动。请先升级本系统。"
_OTHERS = "存储里已有 {bucket}/{key}，内容与备份不同，没有改动。备份只能恢复到新装的系统。"
_LATER = "归档里的日志 archive/{key} 比备份新，没有改动。归档桶完好的，请改用 ./baosong rebuild-ledger。"
_CHUNK = 8 * 1024 * 1024
_OVERWRITTEN = "outbox"  # `open` has written templates and status pages there


@dataclass(slots=True)
class Restored:
    """What was put back: the point, rows, objects, configuration; files of it that differ were left as they are."""

    point: Path
    rows: int = 0
    objects: int = 0
    configuration: list[Path] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)
    failed: list[tuple[Path, Path]] = field(default_factory=list)  # which could not be written, and where it is kept


def restore(services: Services, folder: Path, progress: Progress) -> Restored:
    """Put the newest point of a backup back; BackupRefused, before anything changes, if it is damaged or in the way.

    An interrupted restore is begun again: the ledger, which comes last, says whether one is finished. What waits in the
    intake gets another time there, which the ledger takes over, so that it is still what arrived, and when.
    """
    point = newest(folder)
    kept = _checked(folder, point, progress)
    with services.ledger.engine.connect() as connection:
        privileges.require_owner(connection)
        _refuse_if_in_use(connection)
    services.storage.ensure_buckets()
    _refuse_if_in_the_way(services, folder, kept)
    done = Restored(point, objects=len(kept))
    for number, each in enumerate(kept, 1):
        if each.bucket != "intake":
            _put(services, folder, each)
        progress("恢复文件", number, len(kept))
    with services.ledger.engine.begin() as connection:
        tables.begin(connection)  # nobody else writes from here on
        _refuse_if_in_use(connection)
        done.rows = snapshot.load(connection, ledger_in(point))
        for each in kept:
            if each.bucket == "intake":  # nobody can record it as new before the ledger knows it again
                _put(services, folder, each)
                _relist(services, connection, each)
    _put_configuration(services, point / "configuration", done)
    return done


def _refuse_if_in_use(connection: Connection) -> None:
    if held := sum(tables.count(connection).values()):
        raise BackupRefused(_IN_USE.format(held=held))


def _checked(folder: Path, point: Path, progress: Progress) -> list[Kept]:
    """Read all of a point before a byte of it is put anywhere, and return its objects."""
    file = point / POINT
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        for name in (LEDGER, OBJECTS):
            file = point / name
            if sha256_of(file) != told[name]["sha256"]:
                raise BackupRefused(_BROKEN.format(path=file))
        _, revision = next(ledger_in(point))
        kept = kept_in(point)
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error):
        raise BackupRefused(_BROKEN.format(path=file)) from None
    if not is_known(revision):
        raise BackupRefused(_NEWER.format(revision=revision))
    _refuse_if_damaged(folder, kept, progress)
    return kept


def _refuse_if_damaged(folder: Path, kept: Sequence[Kept], progress: Progress) -> None:
    wanted = {each.sha256: each for each in kept}
    damaged = []
    for number, (sha256, each) in enumerate(wanted.items(), 1):
        path = path_of(folder, sha256)
        if not path.is_file() or sha256_of(path) != sha256:
            damaged.append((each, path))
        progress("核对备份", number, len(wanted))
    if damaged:
        each, path = damaged[0]
        raise BackupRefused(_DAMAGED.format(count=len(damaged), bucket=each.bucket, key=each.key, path=path))


def _refuse_if_in_the_way(services: Services, folder: Path, kept: Sequence[Kept]) -> None:
    """Refuse a store that holds something else under a key, or a change log that goes on beyond the backup's."""
    wanted = {(each.bucket, each.key): each for each in kept}
    for bucket in {each.bucket for each in kept} - {_OVERWRITTEN}:
        for stored in services.storage.list(bucket):
            each = wanted.get((bucket, stored.key))
            if each is None and bucket == "archive" and records.is_segment(stored.key):
                raise BackupRefused(_LATER.format(key=stored.key))
            if each and (stored.size != each.size or (bucket == "intake" and not _is_same(services, folder, each))):
                raise BackupRefused(_OTHERS.format(bucket=bucket, key=stored.key))


def _is_same(services: Services, folder: Path, each: Kept) -> bool:
    """Return whether what waits under a key is what an interrupted restore has put there."""
    with services.storage.open(each.bucket, each.key) as there, path_of(folder, each.sha256).open("rb") as ours:
        while chunk := ours.read(_CHUNK):
            if there.read(len(chunk)) != chunk:
                return False
    return True


def _put(services: Services, folder: Path, each: Kept) -> None:
    services.storage.put_file(each.bucket, each.key, path_of(folder, each.sha256), each.content_type)


def _relist(services: Services, connection: Connection, each: Kept) -> None:
    stored = services.storage.stat("intake", each.key)
    if stored is None:
        raise StorageError(f"刚恢复的 intake/{each.key} 又不在了，请再运行一次。")
    identity = (stored.identity, stored.etag, stored.modified, stored.version_id)
    snapshot.relist(connection, each.key, each.identity, identity)


def _put_configuration(services: Services, kept: Path, done: Restored) -> None:
    for name, path in configuration(services.settings):
        for file in sorted(f for f in (kept / name, *(kept / name).rglob("*")) if f.is_file()):
            to = path / file.relative_to(kept / name) if (kept / name).is_dir() else path
            try:
                _put_one(file, to, done)
            except OSError:  # a campaign folder may be read-only; the ledger is there already
                done.failed.append((to, file))


def _put_one(file: Path, to: Path, done: Restored) -> None:
    if not to.exists():
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, to)
        done.configuration.append(to)
    elif to.read_bytes() != file.read_bytes():
        done.left.append(to)
