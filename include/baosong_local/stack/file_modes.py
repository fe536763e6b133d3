"""Run servers without privileges: PostgreSQL refuses to run as root, and read-only folders do not bind root.

As root we run each server as a user of this installation that no account has, with the least permission it needs to
reach its files: to traverse the folders above them, never to list them. Anyone else runs servers as themselves.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from baosong.store.settings import PROJECT

# The numbers that systemd gives to users it makes up; they exist inside containers, too, which know no higher ones.
_FIRST, _NUMBERS = 61184, 4336
NOBODY = 65534


@dataclass(frozen=True, slots=True)
class Account:
    """The user and group that a server runs as."""

    uid: int
    gid: int


def server_account() -> Account:
    """Return ourselves, or where we are root a number that hangs on where this installation lies.

    `nobody` would be shared with whatever else on the machine runs as that, and could signal and read each other.
    """
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    own = _FIRST + crc32(os.fsencode(PROJECT.resolve())) % _NUMBERS
    return Account(own, own)


def adopt(tree: Path) -> None:
    """As root, give a tree to the servers' account that another one had: `nobody`, or that of another place.

    What is root's in it stays root's. The top is the last, so that an interrupted adoption is taken up again.
    """
    account = server_account()
    if os.geteuid() != 0 or not tree.exists() or (before := tree.stat().st_uid) in (0, account.uid):
        return
    for folder, _, files in os.walk(tree, topdown=False):
        for path in (*(os.path.join(folder, name) for name in files), folder):
            if os.lstat(path).st_uid == before:
                os.chown(path, account.uid, account.gid, follow_symlinks=False)


def make_folder(path: Path, mode: int = 0o700) -> Path:
    """Make a folder that belongs to the servers' account; parents must exist."""
    path.mkdir(exist_ok=True)
    set_owner_and_mode(path, mode)
    return path


def set_owner_and_mode(path: Path, mode: int) -> None:
    """Give a file or folder to the servers' account with just these permissions."""
    account = server_account()
    found = path.lstat()
    if (found.st_uid, found.st_gid) != (account.uid, account.gid):
        os.chown(path, account.uid, account.gid)
    if stat.S_IMODE(found.st_mode) != mode:
        path.chmod(mode)


def allow_traversal(path: Path) -> None:
    """As root, let the servers' account walk to `path`: adds only o+x, and only to folders above that lack it."""
    if os.geteuid() != 0:
        return
    for folder in path.resolve().parents:
        mode = stat.S_IMODE(folder.stat().st_mode)
        if not mode & stat.S_IXOTH and folder.stat().st_uid != server_account().uid:
            folder.chmod(mode | stat.S_IXOTH)


def allow_reading(tree: Path) -> None:
    """As root, let the servers' account read an installed tree or program that a strict umask has closed."""
    allow_traversal(tree)
    if os.geteuid() != 0 or _readable(tree):
        return
    for path in [tree, *tree.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))


def _readable(tree: Path) -> bool:
    return bool(tree.stat().st_mode & stat.S_IROTH)
