"""The stack's generated secrets: made once, stored in a file that only its owner can read."""

from __future__ import annotations

import base64
import os
import secrets
import string
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from baosong.store.accounts import new_password
from baosong_local.stack.state import read_json, write_json

_UPPER = string.ascii_uppercase + string.digits


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the components share and nobody else knows.

    `password` is the first administrator's first one, `password_shown` that it has been printed.
    """

    fernet_key: str
    jwt_secret: str
    api_secret: str
    s3_access_key: str
    s3_secret_key: str
    password: str
    password_shown: bool = False


def new_key_pair() -> tuple[str, str]:
    """Return a fresh S3 access key (capitals and digits) and its secret."""
    return "".join(secrets.choice(_UPPER) for _ in range(20)), secrets.token_urlsafe(30)


def open_secrets(path: Path) -> Secrets:
    """Return the secrets stored in a file, made on first use."""
    stored = read_json(path)
    if stored:
        return Secrets(**stored)
    access_key, secret_key = new_key_pair()
    made = Secrets(
        fernet_key=base64.urlsafe_b64encode(os.urandom(32)).decode(),
        jwt_secret=secrets.token_urlsafe(64),
        api_secret=secrets.token_urlsafe(32),
        s3_access_key=access_key,
        s3_secret_key=secret_key,
        password=new_password(),
    )
    write_json(path, asdict(made), durable=True)
    return made


def show_password_once(path: Path) -> str | None:
    """Return the first administrator's password the first time it is asked for, and None ever after."""
    found = open_secrets(path)
    if found.password_shown:
        return None
    write_json(path, asdict(replace(found, password_shown=True)), durable=True)
    return found.password
