"""Who may sign in, and as what: a file with one account per person and passwords as Argon2 hashes.

It is read again whenever it has changed, so that an account counts, or is gone, from the next request on.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from baosong.rules.errors import CallError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

FIRST = "operator"
_NAME = re.compile(r"[\w.-]{1,40}")
# Without the letters and digits that people mistake for one another.
_UNAMBIGUOUS = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


class Role(StrEnum):
    """What an account may: look; start flows and decide; all."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Account:
    """A person's role and hashed password; `id` is another one whenever the password is."""

    role: Role
    password: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))


Accounts = Mapping[str, Account]


def new_password() -> str:
    """Return a fresh password that can be read out and typed."""
    return "".join(secrets.choice(_UNAMBIGUOUS) for _ in range(16))


def read(path: Path) -> Accounts:
    """Return the accounts by name, none where there is no file."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return {}
    return _parsed(path, found.st_ino, found.st_mtime_ns)


def authenticated(path: Path, name: str, password: str) -> Account | None:
    """Return the account whose password this is; for a name that nobody has, that takes as long as for a wrong one."""
    from argon2.exceptions import VerificationError

    account = read(path).get(name)
    try:
        _hasher().verify(account.password if account else _nobodys(), password)
    except VerificationError:
        return None
    return account


def begin(path: Path, password: str) -> None:
    """Make the first administrator where there is none."""
    with _changed(path) as known:
        if Role.ADMIN not in {account.role for account in known.values()}:
            known[FIRST] = Account(Role.ADMIN, _hasher().hash(password))


def add(path: Path, name: str, role: Role) -> str:
    """Make an account and return its password; CallError if the name is taken or cannot be one."""
    if not _NAME.fullmatch(name):
        raise CallError(f"账号名“{name}”不能用：只用文字、数字、点、下划线和短横线，至多 40 个。")
    password = new_password()
    with _changed(path) as known:
        if name in known:
            raise CallError(
                f"已有账号“{name}”。要换密码用 account reset；要换角色，请先用 account remove 删除，再增加。"
            )
        known[name] = Account(role, _hasher().hash(password))
    return password


def reset(path: Path, name: str) -> str:
    """Give an account another password and return it; whoever is signed in with the old one no longer is."""
    password = new_password()
    with _changed(path) as known:
        _must_be_there(known, name)
        known[name] = replace(known[name], password=_hasher().hash(password), id=secrets.token_hex(8))
    return password


def remove(path: Path, name: str) -> None:
    """Remove an account; CallError if there is none such, or nobody would be left who administers."""
    with _changed(path) as known:
        _must_be_there(known, name)
        del known[name]
        if Role.ADMIN not in {account.role for account in known.values()}:
            raise CallError(f"“{name}”是最后一个管理员，不能删除。请先增加另一个：account add 姓名 --role admin。")


def _must_be_there(known: Accounts, name: str) -> None:
    if name not in known:
        raise CallError(f"没有账号“{name}”。现有：{'、'.join(known) or '（无）'}。")


@contextmanager
def _changed(path: Path) -> Iterator[dict[str, Account]]:
    """Give the accounts to be changed and write them if nothing is raised; two who change them take turns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (path.with_suffix(".lock")).open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        before = read(path)
        known = dict(before)
        yield known
        if known != before:
            _write(path, known)


def _write(path: Path, known: Accounts) -> None:
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as f:
        json.dump({name: asdict(account) for name, account in known.items()}, f, ensure_ascii=False, indent=1)
        f.flush()
        os.fsync(f.fileno())
    fresh.replace(path)


@lru_cache(2)
def _parsed(path: Path, _inode: int, _changed_at: int) -> Accounts:
    found = json.loads(path.read_text(encoding="utf-8"))
    return {name: Account(Role(told["role"]), told["password"], told["id"]) for name, told in found.items()}


@cache
def _hasher() -> PasswordHasher:
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19 << 10, parallelism=1)  # KiB; OWASP's least, some 20 ms


@cache
def _nobodys() -> str:
    return _hasher().hash(new_password())
