"""The `.env` and the `secrets/` beside docker-compose.yaml: made, completed, and checked before anything starts.

What they must hold is read from docker-compose.yaml, where `${NAME:?…}` has no default and `${NAME:-…}` has one. A
secret is a file of its own, which compose mounts into the services that need it. There it keeps its owner and mode,
while each service has a user of its own: so all may read the files, and none but their owner enters the folder.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import secrets
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from dotenv.parser import Binding, parse_stream

from baosong.rules.errors import CallError
from baosong.store.settings import BUCKETS, PROJECT

_VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:\?|:-)")
SECRETS = "secrets"
IDENTITIES = "s3_identities"  # made of two others, so that nobody has to keep them in step
_KEY, _KEY_SECRET = "BAOSONG_S3_ACCESS_KEY", "BAOSONG_S3_SECRET_KEY"
_FERNET, _FIRST_PASSWORD = "AIRFLOW_FERNET_KEY", "OPERATOR_PASSWORD"
_TAKE_ON = "docker compose exec -T postgres psql -U postgres -f /docker-entrypoint-initdb.d/databases.sql"
_ENCRYPT_AGAIN = "docker compose exec airflow-api-server airflow rotate-fernet-key"
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
_SECRETS = {
    "POSTGRES_PASSWORD": _LONG,
    "AIRFLOW_DB_PASSWORD": _HEX,
    "CELERY_DB_PASSWORD": _HEX,
    "LEDGER_OWNER_DB_PASSWORD": _HEX,
    "LEDGER_DB_PASSWORD": _HEX,
    "REDIS_PASSWORD": _HEX,
    _FIRST_PASSWORD: _Rule(r"\S{12,200}", "至少 12 个字符，没有空格", lambda: secrets.token_hex(12)),
    "AIRFLOW_JWT_SECRET": _Rule(r"[\w-]{64,}", "至少 64 个字母或数字", lambda: secrets.token_hex(32)),
    "AIRFLOW_API_SECRET_KEY": _LONG,
    _FERNET: _Rule(r"[\w-]{43}=(?:,[\w-]{43}=)?", "44 个字符的 Fernet 密钥（URL 安全的 base64，32 字节）", _fernet),
    _KEY_SECRET: _Rule(r"[\w+/=.-]{16,}", "至少 16 个字母、数字或 + / = . -", _LONG.make),  # or an own store's
    "BAOSONG_METRICS_TOKEN": _LONG,
}
_RULES = {
    _KEY: _Rule(r"\w{8,}", "至少 8 个字母或数字", lambda: secrets.token_hex(10)),
    "AIRFLOW_BASE_URL": _Rule(rf"https?://{_HOST}(?::{_PORT})?(?:/[\w./-]*)?", "网址，例如 https://baosong.example"),
    "AIRFLOW_WORKER_CONCURRENCY": _Rule(r"0*[1-9]\d{0,2}", "1 至 999 的整数"),
    "BAOSONG_CLAMD": _Rule(rf"(?:unix:/\S+|{_HOST}:{_PORT})?", "主机:端口 或 unix:/路径"),
    "BAOSONG_IMAGE_TAG": _Rule(r"\w[\w.-]{0,127}", "镜像标签"),
    "BAOSONG_S3_ENDPOINT": _Rule(rf"{_HOST}:{_PORT}", "主机:端口，前面不写 http://"),
    "BAOSONG_S3_REGION": _Rule(r"[\w-]+", "区域名，例如 us-east-1"),
    "BAOSONG_S3_SECURE": _Rule("true|false", "true 或 false"),
    "BAOSONG_SANDBOX": _Rule("(?:strict)?", "strict，或不写"),
    "OTEL_EXPORTER_OTLP_ENDPOINT": _Rule(rf"https?://{_HOST}:{_PORT}", "http://主机:端口"),
    "OTEL_ON": _Rule("true|false", "true 或 false"),
    "PIP_INDEX_URL": _Rule(r"(?:https?://\S+)?", "软件包索引的网址，例如 https://mirror.example/simple"),
    "POOL_LARGE": _Rule(r"0*[1-9]\d{0,2}", "1 至 999 的整数"),
    "PUBLISH_ADDRESS": _Rule(r"\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+\]", "本机的一个 IP 地址"),
    "S3_PORT": _Rule(_PORT, "端口号，1 至 65535"),
    "UI_PORT": _Rule(_PORT, "端口号，1 至 65535"),
}


def variables() -> dict[str, bool]:
    """Return the variables that docker-compose.yaml names, and whether each must be told."""
    text = (PROJECT / "docker-compose.yaml").read_text(encoding="utf-8")
    return {name: how == ":?" for name, how in _VARIABLE.findall(text)}


def secret_files() -> list[str]:
    """Return the names of the files that docker-compose.yaml mounts as secrets."""
    return [Path(secret["file"]).name for secret in _compose()["secrets"].values()]


def _compose() -> Any:
    return yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))


def identities(access_key: str, secret_key: str, buckets: Iterable[str] = BUCKETS) -> str:
    """Return SeaweedFS's list of identities: the pipeline alone, for our buckets and nothing else."""
    actions = [f"Admin:{bucket}" for bucket in buckets]
    key = {"accessKey": access_key, "secretKey": secret_key}
    return json.dumps({"identities": [{"name": "pipeline", "credentials": [key], "actions": actions}]})


def complete(path: Path) -> list[str]:
    """Make what is missing of `path` and of the secrets beside it; return the names. What stands there stays.

    Secrets that an earlier version kept in `path` move to their files.
    """
    told, folder = _told(path), path.with_name(SECRETS)
    folder.mkdir(mode=0o700, exist_ok=True)
    here = {n: folder / n.lower() for n in _SECRETS}
    absent = [name for name, file in here.items() if not file.exists()]
    for name in absent:
        _write(here[name], told.get(name) or _made(_SECRETS[name]), 0o444)
    kept = {name: value for name, value in told.items() if name not in here or value != _text(here[name])}
    missing = [name for name, needed in variables().items() if needed and name not in kept]
    if missing or kept != told:
        before = [b.original.string for b in _bindings(path) if b.key is None or b.error or b.key in kept]
        text = "".join(before)
        lines = [f"{name}={_made(_RULES[name])}" for name in missing]
        _write(path, "\n".join([*text.splitlines(), *lines, ""]), 0o600)
    if access_key := _told(path).get(_KEY):
        _write(folder / IDENTITIES, identities(access_key, _text(here[_KEY_SECRET])), 0o444)
    return [*(n for n in absent if not told.get(n)), *missing]


def rotate(path: Path, secret: str) -> list[str]:
    """Change one of the secrets beside `path` and return the commands by which the services take it on, in their order.

    What Airflow has encrypted must be encrypted again, so its key changes in two steps: first the new one stands before
    the old one, the second time the old one goes. CallError for what is no secret to be changed so.
    """
    name, folder = secret.upper(), path.with_name(SECRETS)
    changeable = sorted(n.lower() for n in _SECRETS if n != _FIRST_PASSWORD)
    if name.lower() not in changeable:
        if name == _FIRST_PASSWORD:
            raise CallError("operator_password 只是第一次的密码：要换的请用 account reset operator。")
        raise CallError(f"没有名为 {secret} 的密码。可以换的：{'、'.join(changeable)}。")
    fresh, encrypting = _made(_SECRETS[name]), False
    if name == _FERNET:
        newest, _, old = _text(folder / name.lower()).partition(",")
        fresh, encrypting = (newest, False) if old else (f"{fresh},{newest}", True)
    _write(folder / name.lower(), fresh, 0o444)
    complete(path)
    return _steps(name.lower(), encrypting=encrypting)


def _steps(secret: str, *, encrypting: bool) -> list[str]:
    files = {secret, IDENTITIES} if secret == _KEY_SECRET.lower() else {secret}
    holders = [name for name, service in _compose()["services"].items() if files & set(service["secrets"])]
    renew = "docker compose up -d --force-recreate --no-deps"
    if "postgres" in holders:  # which knows its roles' passwords only when it is told them
        others = " ".join(name for name in holders if name != "postgres")
        return [f"{renew} --wait postgres", _TAKE_ON, *([f"{renew} {others}"] if others else [])]
    steps = [f"{renew} {' '.join(holders)}"]
    again = f"./baosong init-env --rotate {secret}"
    return [steps[0].replace("-d ", "-d --wait "), _ENCRYPT_AGAIN, again] if encrypting else steps


def _made(rule: _Rule) -> str:
    return rule.make() if rule.make else ""


def _write(path: Path, text: str, mode: int) -> None:
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as f:
        f.write(text)
        os.fchmod(f.fileno(), mode)
    fresh.replace(path)


def problems(path: Path) -> Iterator[str]:
    """Yield what is wrong with the files, each in a line that says where, what, and how to mend it."""
    yield from _wrong_secrets(path.with_name(SECRETS))
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield f"{path.name} 别人也能读：请运行 chmod 600 {path}。"
    bindings = _bindings(path)
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
            elif binding.key in _SECRETS:
                file = f"{SECRETS}/{binding.key.lower()}"
                yield f"{where}：{binding.key} 与 {file} 里的不同，用的是后者；请删去这一行，要换的改那个文件。"
            else:
                yield f"{where}：docker-compose.yaml 没有用到 {binding.key}，名称可能写错了；不用的请删去。"
    told = {binding.key: (binding.value or "").lstrip("0") for binding in bindings if binding.value}
    if (port := told.get("UI_PORT", "8080")) == told.get("S3_PORT", "9000"):
        yield f"{path.name}：UI_PORT 和 S3_PORT 都是 {port}，界面和存储不能用同一个端口，请改其中一个。"


def _wrong_secrets(folder: Path) -> Iterator[str]:
    if not folder.is_dir():
        yield f"没有 {folder}：请运行 init-env。"
        return
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        yield f"{folder.name} 别人也能进：请运行 chmod 700 {folder}。"
    for name, rule in _SECRETS.items():
        file = folder / name.lower()
        if not re.fullmatch(rule.pattern, _text(file)):
            yield f"{SECRETS}/{file.name} 应为{rule.words}，末尾没有换行。删去它再运行 init-env，会生成一个新的。"
        elif not file.stat().st_mode & stat.S_IROTH:
            yield f"{SECRETS}/{file.name} 服务读不到：请运行 chmod 444 {file}。"


def _problems(where: str, name: str, value: str, line: str, *, needed: bool) -> Iterator[str]:
    rule = _RULES[name]
    if "$" in line:
        yield f"{where}：{name} 的值里有 $，docker compose 会把它当作变量，请换一个没有 $ 的值。"
    elif (value or needed) and not re.fullmatch(rule.pattern, value):
        yield f"{where}：{name} 应为{rule.words}。" + (
            "删去这一行再运行 init-env，会生成一个新的。" if rule.make else ""
        )


def _told(path: Path) -> dict[str, str | None]:
    return {b.key: b.value for b in _bindings(path) if b.key and not b.error}


def _bindings(path: Path) -> list[Binding]:
    return list(parse_stream(io.StringIO(_text(path)))) if path.exists() else []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise CallError(f"{path} 不是 UTF-8 编码的文本。请另存为 UTF-8，或移走它再运行 init-env。") from None
    except OSError as failed:
        raise CallError(f"{path} 读不出来：{failed.strerror}。") from None
