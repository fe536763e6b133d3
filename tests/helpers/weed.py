"""SeaweedFS from its wheel, started as docker-compose.yaml starts it, with ports and a folder of its own."""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import urllib3
import yaml
from minio import signer
from minio.credentials import Credentials

from baosong.store.settings import BUCKETS, PROJECT, S3Settings
from baosong_local.env_file import identities
from baosong_local.stack.process import Program, stop
from servers import run
from waiting import free_port

PROGRAM = Path(sys.executable).with_name("weed")
_PORTS = ("s3.port", "master.port", "volume.port", "filer.port", "s3.port.grpc", "filer.port.grpc")
# Where a test's machine is another one than a server: its disk may be nearly full, and nobody waits for it to end.
_HERE = {"s3.ip.bind": "127.0.0.1", "volume.minFreeSpace": "1", "volume.preStopSeconds": "0"}


@dataclass(frozen=True, slots=True)
class Weed:
    """A server that runs: a key, by default the pipeline's, and the address of its master."""

    s3: S3Settings
    master: str
    folder: Path

    def iam(self, **form: str) -> str:
        """Return what the store's identity service answers, on the port of S3."""
        status, said = self.asked(**form)
        assert status == 200, said
        return said

    def asked(self, **form: str) -> tuple[int, str]:
        """Do the same, whatever the answer's status."""
        asked = urlencode({"Version": "2010-05-08", **form}).encode()
        digest, now = hashlib.sha256(asked).hexdigest(), datetime.now(UTC)
        headers = {"Host": self.s3.endpoint, "Content-Type": "application/x-www-form-urlencoded"}
        headers |= {"x-amz-content-sha256": digest, "x-amz-date": now.strftime("%Y%m%dT%H%M%SZ")}
        url = f"http://{self.s3.endpoint}/"
        signed = signer._sign_v4(
            service_name="iam",
            method="POST",
            url=urlsplit(url),
            region=self.s3.region,
            headers=headers,
            credentials=Credentials(self.s3.access_key, self.s3.secret_key),
            content_sha256=digest,
            date=now,
        )
        answer = urllib3.request("POST", url, body=asked, headers=dict(signed))
        return answer.status, answer.data.decode()

    def shell(self, commands: Iterable[str]) -> str:
        """Return what `weed shell` says to some commands."""
        argv, said = [str(PROGRAM), "shell", f"-master={self.master}"], "\n".join([*commands, ""])
        env = {"HOME": str(self.folder), "PATH": os.defpath}
        return subprocess.run(argv, input=said, capture_output=True, text=True, check=True, env=env, timeout=60).stdout


def composed_flags() -> dict[str, str]:
    """Return the flags of the service `s3` in docker-compose.yaml."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    command, *flags = compose["services"]["s3"]["command"]
    assert command == "server"
    pairs = (flag.removeprefix("-").partition("=") for flag in flags)
    return {name: value for name, _, value in pairs}


@contextmanager
def serving(folder: Path, buckets: Iterable[str] = BUCKETS, **more: str) -> Iterator[Weed]:
    """Run a server on the folder's disk with a new key for some buckets; `more` are more flags, `_` in them a dot."""
    (folder / "data").mkdir(exist_ok=True)
    ports = {name: str(free_port()) for name in (*_PORTS, "master.port.grpc", "volume.port.grpc")}
    flags = {**composed_flags(), **_HERE, "dir": f"{folder}/data", **ports}
    flags |= {name.replace("_", "."): value for name, value in more.items()}
    secret = secrets.token_hex(16)
    (folder / "identities").write_text(identities("PIPELINE", secret, buckets), encoding="utf-8")
    flags["s3.config"] = f"{folder}/identities"
    argv = [str(PROGRAM), "server", *(f"-{name}={value}" if value else f"-{name}" for name, value in flags.items())]
    env = {"HOME": str(folder), "PATH": os.defpath}
    program, endpoint = Program("weed", argv, folder, folder / "log", env), f"127.0.0.1:{ports['s3.port']}"
    child = run(program, lambda: _answers(f"http://{endpoint}/healthz"))
    s3 = S3Settings(endpoint, "PIPELINE", secret, False, "us-east-1", {name: name for name in BUCKETS})
    try:
        yield Weed(s3, f"127.0.0.1:{ports['master.port']}.{ports['master.port.grpc']}", folder)
    finally:
        stop(child, signal.SIGKILL)  # a SIGTERM it takes ten seconds over, and what it holds nobody reads again


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False
