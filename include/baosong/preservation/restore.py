"""A backup put back: objects first, then the ledger in one transaction, and what still waits in the intake with it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from baosong.ledger import restore as tables
from baosong.ledger import snapshot
from baosong.ledger.services import Services
from baosong.preservation.backup import (
    BackupRefused,
    Kept,
    Progress,
    configuration,
    kept_in,
    ledger_in,
    newest,
    path_of,
)
from baosong.store.s3 import StorageError

_IN_USE = (
    "台账不是空的，有 {held} 行，没有改动。备份只能恢复到新装的系统；只想重建台账的，请用 ./baosong rebuild-ledger。"
)
_DAMAGED = "备份不完整：{count} 个文件缺失或已损坏，例如 {bucket}/{key}（{path}）。没有改动，请换一个时点或另一份备份。"
_OTHERS = "存储里已有 {bucket}/{key}，内容与备份不同，没有改动。备份只能恢复到新装的系统。"
_OVERWRITTEN = ("outbox", "intake")  # `open` has written templates and status pages there


@dataclass(slots=True)
class Restored:
    """What was put back: the point, rows, objects, configuration; files of it that differ were left as they are."""

    point: Path
    rows: int = 0
    objects: int = 0
    configuration: list[Path] = field(default_factory=list)
    left: list[Path] = field(default_factory=list)


def restore(services: Services, folder: Path, progress: Progress) -> Restored:
    """Put the newest point of a backup back; BackupRefused, before anything changes, if it is damaged or in the way.

    An interrupted restore is begun again: the ledger, which comes last, says whether one is finished. What waits in the
    intake gets another time there, which the ledger takes over, so that it is still what arrived, and when.
    """
    point = newest(folder)
    kept = kept_in(point)
    _refuse_if_in_use(services)
    _refuse_if_damaged(folder, kept, progress)
    services.storage.ensure_buckets()
    _refuse_if_in_the_way(services, kept)
    done = Restored(point, objects=len(kept))
    waiting = [each for each in kept if each.bucket == "intake"]
    for number, each in enumerate(kept, 1):
        if each.bucket != "intake":
            _put(services, folder, each)
        progress("恢复文件", number, len(kept))
    with services.ledger.engine.begin() as connection:
        done.rows = snapshot.load(connection, ledger_in(point))
        for each in waiting:  # nobody can record them as new before the ledger knows them again
            _put(services, folder, each)
            _relist(services, connection, each)
    _put_configuration(services, point / "configuration", done)
    return done


def _refuse_if_in_use(services: Services) -> None:
    with services.ledger.engine.connect() as connection:
        if held := sum(tables.count(connection).values()):
            raise BackupRefused(_IN_USE.format(held=held))


def _refuse_if_damaged(folder: Path, kept: Sequence[Kept], progress: Progress) -> None:
    """Read all of the backup before a byte of it is put anywhere."""
    wanted = {each.sha256: each for each in kept}
    damaged = []
    for number, (sha256, each) in enumerate(wanted.items(), 1):
        path = path_of(folder, sha256)
        if not path.is_file() or _sha256_of(path) != sha256:
            damaged.append((each, path))
        progress("核对备份", number, len(wanted))
    if damaged:
        each, path = damaged[0]
        raise BackupRefused(_DAMAGED.format(count=len(damaged), bucket=each.bucket, key=each.key, path=path))


def _sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _refuse_if_in_the_way(services: Services, kept: Sequence[Kept]) -> None:
    there = {
        (bucket, stored.key): stored.size
        for bucket in {each.bucket for each in kept} - {*_OVERWRITTEN}
        for stored in services.storage.list(bucket)
    }
    for each in kept:
        if there.get((each.bucket, each.key), each.size) != each.size:
            raise BackupRefused(_OTHERS.format(bucket=each.bucket, key=each.key))


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
            if not to.exists():
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(file, to)
                done.configuration.append(to)
            elif to.read_bytes() != file.read_bytes():
                done.left.append(to)
