"""Signed S3 requests, sent just as they are written, whatever they mean; and what a store answers to them."""

from __future__ import annotations

import hashlib
import http.client
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

from minio.credentials import Credentials
from minio.signer import presign_v4, sign_v4_s3

from baosong.store.settings import S3Settings

LONGEST = 10.0  # seconds that an answer may take
_CODE = re.compile(r"<Code>([^<]*)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")


@dataclass(frozen=True, slots=True)
class Call:
    """A request; `path` and `query` go out as they are, `address` means that it is signed by its address."""

    name: str
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    address: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; status 0 where nothing came in time."""

    status: int
    body: bytes = b""
    seconds: float = field(default=0.0, compare=False)

    @property
    def code(self) -> str:
        return self._found(_CODE)

    @property
    def message(self) -> str:
        return self._found(_MESSAGE)

    def _found(self, pattern: re.Pattern[str]) -> str:
        found = pattern.search(self.body.decode(errors="replace"))
        return found[1] if found else ""


class Sender:
    """One line to a store, by which one key asks."""

    def __init__(self, s3: S3Settings) -> None:
        self._s3 = s3
        self._key = Credentials(s3.access_key, s3.secret_key)
        kind = http.client.HTTPSConnection if s3.secure else http.client.HTTPConnection
        self._line = kind(s3.endpoint, timeout=LONGEST)

    def send(self, call: Call) -> Answer:
        target, headers = self._signed(call)
        began = time.monotonic()
        try:
            self._line.request(call.method, target, body=call.body or None, headers=headers)
            answer = self._line.getresponse()
            return Answer(answer.status, answer.read(), time.monotonic() - began)
        except (OSError, http.client.HTTPException):  # it hangs, or hung up on us
            self._line.close()
            return Answer(0, b"", time.monotonic() - began)

    def close(self) -> None:
        self._line.close()

    def written(self, call: Call) -> bytes:
        """Return a call as it goes over a line."""
        target, headers = self._signed(call)
        lines = [f"{call.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, f"Content-Length: {len(call.body)}", "", ""]).encode() + call.body

    def _signed(self, call: Call) -> tuple[str, dict[str, str]]:
        target = f"{call.path}?{call.query}" if call.query else call.path
        url = urlsplit(f"http{'s' * self._s3.secure}://{self._s3.endpoint}{target}")
        now = datetime.now(UTC)
        common: dict[str, Any] = {
            "method": call.method,
            "url": url,
            "region": self._s3.region,
            "credentials": self._key,
            "date": now,
        }
        if call.address:
            signed = presign_v4(**common, expires=3600)
            return f"{signed.path}?{signed.query}", {}
        digest = hashlib.sha256(call.body).hexdigest()
        headers = {"Host": self._s3.endpoint, "x-amz-content-sha256": digest, **call.headers}
        headers["x-amz-date"] = now.strftime("%Y%m%dT%H%M%SZ")
        return target, dict(sign_v4_s3(**common, headers=headers, content_sha256=digest))


def path(bucket: str, key: str = "") -> str:
    """Return the path of a bucket or an object, quoted once."""
    return quote(f"/{bucket}/{key}" if key else f"/{bucket}", safe="/")


def query(**named: str | int) -> str:
    """Return a query, quoted; `_` in a name stands for `-`."""
    return "&".join(f"{name.replace('_', '-')}={quote(str(value), safe='')}" for name, value in named.items())
