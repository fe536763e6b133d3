"""The `.env` beside docker-compose.yaml: made with fresh secrets, completed, and checked before anything starts.

What it must hold is read from docker-compose.yaml, where `${NAME:?…}` has no default and `${NAME:-…}` has one.
"""

from __future__ import annotations

import base64
import io
import os
import re
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from dotenv.parser import parse_stream

from baosong.rules.errors import CallError
from baosong.store.settings import PROJECT

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-)")
_PORT = r"0*(?:[1-9]\d{0,3}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d\d|655[0-2]\d|6553[0-5])"
_HOST = r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\])"


class _Rule(NamedTuple):
    """What a value must look like, in words and as a pattern, and how a fresh one is made."""

    pattern: str
    words: str
    make: Callable[[], str] | None = None


def _fernet() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


# A password that stands in an address may hold nothing that an address or compose would read otherwise.
_HEX = _Rule(r"[0-9a-fA-F]{16,}", "至少 16 位十六进制数字（0-9、a-f）", lambda: secrets.token_hex(32))
_LONG = _Rule(r"[\w-]{32,}", "至少 32 个字母或数字", lambda: secrets.token_hex(32))
_RULES = {
    "POSTGRES_PASSWORD": _LONG,
    "AIRFLOW_DB_PASSWORD": _HEX,
    "LEDGER_DB_PASSWORD": _HEX,
    "REDIS_PASSWORD": _HEX,
    "OPERATOR_PASSWORD": _Rule(r"\S{12,200}", "至少 12 个字符，没有空格", lambda: secrets.token_hex(12)),
    "AIRFLOW_JWT_SECRET": _Rule(r"[\w-]{64,}", "至少 64 个字母或数字", lambda: secrets.token_hex(32)),
    "AIRFLOW_API_SECRET_KEY": _LONG,
    "AIRFLOW_FERNET_KEY": _Rule(r"[\w-]{43}=", "44 个字符的 Fernet 密钥（URL 安全的 base64，32 字节）", _fernet),
    "BAOSONG_S3_ACCESS_KEY": _Rule(r"\w{8,}", "至少 8 个字母或数字", lambda: secrets.token_hex(10)),
    "BAOSONG_S3_SECRET_KEY": _LONG,
    "AIRFLOW_BASE_URL": _Rule(rf"https?://{_HOST}(?::{_PORT})?(?:/[\w./-]*)?", "网址，例如 https://baosong.example"),
    "AIRFLOW_WORKER_CONCURRENCY": _Rule(r"0*[1-9]\d{0,2}", "1 至 999 的整数"),
    "BAOSONG_CLAMD": _Rule(rf"(?:unix:/\S+|{_HOST}:{_PORT})?", "主机:端口 或 unix:/路径"),
    "BAOSONG_METRICS_TOKEN": _Rule(r"(?:[\w-]{32,})?", "至少 32 个字母或数字，或者不写"),
    "BAOSONG_IMAGE_TAG": _Rule(r"\w[\w.-]{0,127}", "镜像标签"),
    "BAOSONG_S3_ENDPOINT": _Rule(rf"{_HOST}:{_PORT}", "主机:端口，前面不写 http://"),
    "BAOSONG_S3_REGION": _Rule(r"[\w-]+", "区域名，例如 us-east-1"),
    "BAOSONG_S3_SECURE": _Rule("true|false", "true 或 false"),
    "BAOSONG_SANDBOX": _Rule("(?:strict)?", "strict，或不写"),
    "POOL_LARGE": _Rule(r"0*[1-9]\d{0,2}", "1 至 999 的整数"),
    "PUBLISH_ADDRESS": _Rule(_HOST, "本机的一个 IP 地址"),
    "S3_PORT": _Rule(_PORT, "端口号，1 至 65535"),
    "UI_PORT": _Rule(_PORT, "端口号，1 至 65535"),
}


def variables() -> dict[str, bool]:
    """Return the variables that docker-compose.yaml names, and whether each must be told."""
    text = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    return {name: how == ":?" for name, how in _VARIABLE.findall(text)}


def complete(path: Path) -> list[str]:
    """Add what is missing to the file, made if it is not there; return the names. What stands there is not touched."""
    told = _told(path)
    missing = [name for name, needed in variables().items() if needed and name not in told]
    if missing:
        before = _text(path) if path.exists() else ""
        lines = [f"{name}={make()}" for name in missing if (make := _RULES[name].make)]
        text = "\n".join([*before.splitlines(), *lines, ""])
        fresh = path.with_name(f"{path.name}.new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as f:
            f.write(text)
        fresh.replace(path)
    return missing


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with the file, each in a line that says where, what, and how to mend it."""
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield f"{path.name} 别人也能读：请运行 chmod 600 {path}。"
    bindings = list(parse_stream(io.StringIO(_text(path))))
    named, needed = Counter(binding.key for binding in bindings if binding.key), variables()
    for binding in bindings:
        where = f"{path.name} 第 {binding.original.line} 行"
        if binding.error:
            yield f"{where}不是“名称=值”：请改正或删去。"
        elif binding.key is not None:
            if named[binding.key] > 1:
                yield f"{where}：{binding.key} 写了不止一次，请只留一个。"
            if binding.key in needed:
                value, line = binding.value or "", binding.original.string
                yield from _problems(where, binding.key, value, line, needed=needed[binding.key])
            else:
                yield f"{where}：docker-compose.yaml 没有用到 {binding.key}，名称可能写错了；不用的请删去。"


def _problems(where: str, name: str, value: str, line: str, *, needed: bool) -> Iterator[str]:
    rule = _RULES[name]
    if "$" in line:
        yield f"{where}：{name} 的值里有 $，docker compose 会把它当作变量，请换一个没有 $ 的值。"
    elif (value or needed) and not re.fullmatch(rule.pattern, value):
        yield f"{where}：{name} 应为{rule.words}。" + (
            "删去这一行再运行 init-env，会生成一个新的。" if rule.make else ""
        )


def _told(path: Path) -> Mapping[str, str | None]:
    if not path.exists():
        return {}
    return {b.key: b.value for b in parse_stream(io.StringIO(_text(path))) if b.key and not b.error}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CallError(f"{path} 不是 UTF-8 编码的文本。请另存为 UTF-8，或移走它再运行 init-env。") from None
    except OSError as failed:
        raise CallError(f"{path} 读不出来：{failed.strerror}。") from None
