"""Where the object store, the ledger and the campaign files are: from the environment, else from the running stack."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUCKETS = ("intake", "outbox", "archive", "quarantine", "reports")


class SettingsError(Exception):
    """Something that must be configured is not; the text says what, in Chinese."""


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How to reach the object store. `endpoint` is host:port; `buckets` maps our five names to the store's."""

    endpoint: str
    access_key: str
    secret_key: str
    secure: bool
    region: str
    buckets: dict[str, str]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the domain needs to know about its surroundings; `clamd` is host:port, unix:/path, or empty."""

    home: Path
    s3: S3Settings
    ledger_url: str
    campaign_dirs: list[Path]
    clamd: str = ""

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read `BAOSONG_*` from the environment; what is unset comes from `$BAOSONG_HOME/stack.json`.

        Raises SettingsError where neither says enough.
        """
        values = dict(_of_running_stack(home_of(env)))
        values.update({k: v for k, v in (os.environ if env is None else env).items() if k.startswith("BAOSONG_") and v})
        ledger_url, clamd = _need(values, "BAOSONG_LEDGER_URL"), _clamd(values.get("BAOSONG_CLAMD", ""))
        return cls(home_of(env), _s3(values), ledger_url, campaign_dirs(values), clamd)


def home_of(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder of all state: `BAOSONG_HOME`, by default `.baosong` beside the project's README."""
    named = (os.environ if env is None else env).get("BAOSONG_HOME")
    return Path(named).expanduser().resolve() if named else PROJECT / ".baosong"


def campaign_dirs(env: Mapping[str, str] | None = None) -> list[Path]:
    """Return the folders with campaign files: `BAOSONG_CAMPAIGNS`, by default the project's and the state's own."""
    named = (os.environ if env is None else env).get("BAOSONG_CAMPAIGNS")
    if named:
        return [Path(p) for p in named.split(os.pathsep) if p]
    return [PROJECT / "include" / "campaigns", home_of(env) / "campaigns"]


def _of_running_stack(home: Path) -> dict[str, str]:
    try:
        found = json.loads((home / "stack.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {k: str(v) for k, v in found.items() if k.startswith("BAOSONG_")}


def _s3(values: Mapping[str, str]) -> S3Settings:
    return S3Settings(
        endpoint=_need(values, "BAOSONG_S3_ENDPOINT"),
        access_key=_need(values, "BAOSONG_S3_ACCESS_KEY"),
        secret_key=_need(values, "BAOSONG_S3_SECRET_KEY"),
        secure=values.get("BAOSONG_S3_SECURE", "").lower() in ("1", "true", "yes"),
        region=values.get("BAOSONG_S3_REGION", "us-east-1"),
        buckets={name: values.get(f"BAOSONG_BUCKET_{name.upper()}", name) for name in BUCKETS},
    )


def _clamd(address: str) -> str:
    if address and not re.fullmatch(r"unix:/.+|[^:/\s]+:\d{1,5}", address):
        raise SettingsError(f"设置 BAOSONG_CLAMD 应写成 主机:端口 或 unix:/路径，现在是 {address}。")
    return address


def _need(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        raise SettingsError(f"缺少设置 {name}。请先运行 ./baosong up，或在环境变量中给出。")
    return values[name]
