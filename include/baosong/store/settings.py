"""Where the object store, the ledger and the campaign files are: from the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from baosong.rules.errors import OneLineError

_CHECKOUT = Path(__file__).resolve().parents[3]
# The checkout, or where a wheel puts what it brings besides its packages.
PROJECT = _CHECKOUT if (_CHECKOUT / "include" / "campaigns").is_dir() else Path(sys.prefix) / "share" / "baosong"
BUCKETS = ("intake", "outbox", "archive", "quarantine", "reports")
INTERNAL_ENDPOINT = "BAOSONG_S3_CUSTODY_ENDPOINT"


class SettingsError(OneLineError):
    """A setting that is missing or wrong; the message is Chinese and names it."""


@dataclass(frozen=True, slots=True)
class S3Settings:
    """How to reach the object store. `endpoint` is host:port; `buckets` maps our five names to the store's.

    `secret_key` is empty for a service that has no business in the store: opening it raises SettingsError.
    `internal_endpoint` leads to the same store for the buckets that the pipeline alone writes; empty means `endpoint`.
    """

    endpoint: str
    access_key: str
    secret_key: str
    secure: bool
    region: str
    buckets: dict[str, str]
    internal_endpoint: str = ""

    def endpoint_of(self, bucket: str) -> str:
        """Return the endpoint of a bucket, always the same one, because each endpoint has its own view of the store."""
        return self.endpoint if bucket == "intake" else self.internal_endpoint or self.endpoint

    def secret(self) -> str:
        """Return `secret_key`; SettingsError where there is none."""
        return _need({"BAOSONG_S3_SECRET_KEY": self.secret_key}, "BAOSONG_S3_SECRET_KEY")

    def as_prefecture(self, access_key: str, secret_key: str) -> S3Settings:
        """Return the settings of a prefecture: its own key, and the public endpoint only."""
        return replace(self, access_key=access_key, secret_key=secret_key, internal_endpoint="")


@dataclass(frozen=True, slots=True)
class Settings:
    """The surroundings of the domain; `clamd` is host:port, unix:/path, or empty."""

    home: Path
    s3: S3Settings
    ledger_url: str
    campaign_dirs: list[Path]
    clamd: str = ""

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Settings:
        """Read `BAOSONG_*` from the environment, secrets also from the file that `…_FILE` names; SettingsError."""
        values = os.environ if env is None else env
        clamd = _clamd(values.get("BAOSONG_CLAMD", ""))
        return cls(home_of(env), _s3(values), ledger_url(values), campaign_dirs(values), clamd)


def home_of(env: Mapping[str, str] | None = None) -> Path:
    """Return the folder of all state: `BAOSONG_HOME`, by default `.baosong` beside the project's README."""
    named = (os.environ if env is None else env).get("BAOSONG_HOME")
    return Path(named).expanduser().resolve() if named else PROJECT / ".baosong"


def accounts_file() -> Path:
    """Return where the accounts of the sign-in are: `BAOSONG_ACCOUNTS`, by default beside all other state."""
    named = os.environ.get("BAOSONG_ACCOUNTS")
    return Path(named) if named else home_of() / "accounts.json"


def strict_sandbox() -> bool:
    """Return whether no file may be opened where the kernel confines nothing: `BAOSONG_SANDBOX=strict`."""
    asked = os.environ.get("BAOSONG_SANDBOX", "")
    if asked not in ("", "strict"):
        raise SettingsError(f"设置 BAOSONG_SANDBOX 只能是 strict，或者不写；现在是 {asked}。")
    return bool(asked)


def metrics_token() -> str:
    """Return what monitoring must know to be told the metrics: `BAOSONG_METRICS_TOKEN`, empty for no metrics."""
    return _secret(os.environ, "BAOSONG_METRICS_TOKEN", "BAOSONG_METRICS_TOKEN_FILE")


def overlaid(lower: Mapping[str, str], upper: Mapping[str, str]) -> dict[str, str]:
    """Return settings laid over others; where they name another store, its second endpoint is not that of the first."""
    same = upper.get("BAOSONG_S3_ENDPOINT") in (None, lower.get("BAOSONG_S3_ENDPOINT"))
    return {**{name: value for name, value in lower.items() if same or name != INTERNAL_ENDPOINT}, **upper}


def bucket_names(values: Mapping[str, str]) -> dict[str, str]:
    """Return what the store calls each of our five buckets."""
    return {name: values.get(f"BAOSONG_BUCKET_{name.upper()}") or name for name in BUCKETS}


def campaign_dirs(env: Mapping[str, str] | None = None) -> list[Path]:
    """Return the folders with campaign files: `BAOSONG_CAMPAIGNS`, by default the project's and the state's own."""
    named = (os.environ if env is None else env).get("BAOSONG_CAMPAIGNS")
    if named:
        return [Path(p) for p in named.split(os.pathsep) if p]
    return [PROJECT / "include" / "campaigns", home_of(env) / "campaigns"]


def ledger_url(values: Mapping[str, str]) -> str:
    """Return the URL of the ledger's database, with its password where that is given apart; SettingsError."""
    url = _need(values, "BAOSONG_LEDGER_URL")
    password = _secret(values, "BAOSONG_LEDGER_PASSWORD", "BAOSONG_LEDGER_PASSWORD_FILE")
    user, at, rest = url.partition("@")
    return f"{user}:{quote(password, safe='')}{at}{rest}" if password else url


def _s3(values: Mapping[str, str]) -> S3Settings:
    return S3Settings(
        endpoint=_need(values, "BAOSONG_S3_ENDPOINT"),
        access_key=_need(values, "BAOSONG_S3_ACCESS_KEY"),
        secret_key=_secret(values, "BAOSONG_S3_SECRET_KEY", "BAOSONG_S3_SECRET_KEY_FILE"),
        secure=values.get("BAOSONG_S3_SECURE", "").lower() in ("1", "true", "yes"),
        region=values.get("BAOSONG_S3_REGION", "us-east-1"),
        buckets=bucket_names(values),
        internal_endpoint=values.get(INTERNAL_ENDPOINT, ""),
    )


def _clamd(address: str) -> str:
    if address and not re.fullmatch(r"unix:/.+|[^:/\s]+:\d{1,5}", address):
        raise SettingsError(f"设置 BAOSONG_CLAMD 应写成 主机:端口 或 unix:/路径，现在是 {address}。")
    return address


def _secret(values: Mapping[str, str], name: str, file: str) -> str:
    """Return what is told by itself or else stands in a file, its last line end aside; empty where neither is."""
    if values.get(name) or not values.get(file):
        return values.get(name, "")
    try:
        return Path(values[file]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as failed:
        raise SettingsError(f"设置 {file} 指的文件 {values[file]} 读不出来：{failed}。") from None


def _need(values: Mapping[str, str], name: str) -> str:
    if not values.get(name):
        production = "正式部署的主机上请把 ./baosong 换成 docker compose exec airflow-worker python -m baosong"
        raise SettingsError(f"缺少设置 {name}。请先运行 ./baosong up，或在环境变量中给出；{production}。")
    return values[name]
