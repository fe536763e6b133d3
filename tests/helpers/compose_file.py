"""docker-compose.yaml as docker compose understands it: read, filled in from a `.env`, and taken apart by service.

Only what a service needs in order to run is looked at. What the file says of limits, logs and published ports is for
Docker alone.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from dotenv import dotenv_values

_VARIABLE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<name>\w+)(?P<how>:?[-?+])?(?P<rest>[^{}]*)\}|(?P<bare>\w+))")


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder of the host (`./…`) or a named volume, and where a service sees it."""

    source: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Text:
    """A config or a secret as the file that a service sees."""

    target: str
    content: str
    mode: int
    owner: str


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `command` is None where the image's own is meant, `check` None where nobody looks after it."""

    name: str
    image: str
    user: str
    command: list[str] | None
    environment: dict[str, str]
    networks: list[str]
    needs: dict[str, str]
    check: list[str] | None
    read_only: bool
    mounts: list[Mount] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    scratch: list[str] = field(default_factory=list)


def read(path: Path, env_file: Path) -> dict[str, Service]:
    """Return the services of a compose file by name; KeyError names a required variable that `.env` does not tell.

    A file that it names is looked for beside the `.env` first, where `./baosong init-env` makes the secrets.
    """
    env = {name: value or "" for name, value in dotenv_values(env_file, interpolate=False).items()}
    file = _filled(yaml.safe_load(path.read_text(encoding="utf-8")), env)
    return {
        name: _service(name, told, file, env, [env_file.parent, path.parent]) for name, told in file["services"].items()
    }


def _filled(part: Any, env: Mapping[str, str]) -> Any:
    if isinstance(part, dict):
        return {key: _filled(value, env) for key, value in part.items()}
    if isinstance(part, list):
        return [_filled(value, env) for value in part]
    return _VARIABLE.sub(lambda found: _value(found, env), part) if isinstance(part, str) else part


def _value(found: re.Match[str], env: Mapping[str, str]) -> str:
    if found["dollar"]:
        return "$"
    name, how, rest = found["name"] or found["bare"], found["how"] or "", found["rest"] or ""
    told = name in env and (env[name] != "" or not how.startswith(":"))
    match how[-1:]:
        case "?" if not told:
            raise KeyError(f"{name}: {rest}")
        case "-" if not told:
            return rest
        case "+":
            return rest if told else ""
    return env.get(name, "")


def _service(
    name: str, told: dict[str, Any], file: dict[str, Any], env: Mapping[str, str], folders: list[Path]
) -> Service:
    user = str(told.get("user", "0"))
    mounts = [_mount(volume) for volume in told.get("volumes", [])]
    return Service(
        name=name,
        image=told["image"],
        user=user,
        command=_command(told.get("entrypoint"), told.get("command")),
        environment=_environment(told.get("environment", {}), env),
        networks=list(told.get("networks", ["default"])),
        needs={other: how["condition"] for other, how in _by_name(told.get("depends_on", {})).items()},
        check=_check(told.get("healthcheck", {}).get("test")),
        read_only=told.get("read_only", False),
        mounts=[mount for mount in mounts if mount.source],
        texts=[
            _text(one, file[part], beside, env, folders)
            for part, beside in (("configs", "/"), ("secrets", "/run/secrets/"))
            for one in told.get(part, [])
        ],
        scratch=[*(one.partition(":")[0] for one in _listed(told.get("tmpfs", []))), *_scratch(told)],
    )


def _command(entrypoint: Any, command: Any) -> list[str] | None:
    if entrypoint is None and command is None:
        return None
    return [*_words(entrypoint or []), *_words(command or [])]


def _words(told: Any) -> list[str]:
    return shlex.split(told) if isinstance(told, str) else [str(word) for word in told]


def _listed(told: Any) -> list[str]:
    return [told] if isinstance(told, str) else list(told)


def _by_name(needs: Any) -> dict[str, Any]:
    return needs if isinstance(needs, dict) else {name: {"condition": "service_started"} for name in needs}


def _environment(told: Any, env: Mapping[str, str]) -> dict[str, str]:
    if isinstance(told, list):
        told = {name: value if given else None for name, given, value in (line.partition("=") for line in told)}
    return {name: env.get(name, "") if value is None else str(value) for name, value in told.items()}


def _check(test: Any) -> list[str] | None:
    if isinstance(test, str):
        return ["sh", "-c", test]
    match test:
        case None | ["NONE"]:
            return None
        case ["CMD-SHELL", words]:
            return ["sh", "-c", words]
        case ["CMD", *words]:
            return [str(word) for word in words]
    raise ValueError(f"healthcheck.test: {test}")


def _mount(told: Any) -> Mount:
    if isinstance(told, dict):
        return Mount(told.get("source", ""), told["target"], told.get("read_only", False))
    source, target, *options = told.split(":")
    return Mount(source, target, "ro" in options)


def _scratch(told: dict[str, Any]) -> list[str]:
    """Return the volumes without a name: they are the container's own."""
    long = [v for v in told.get("volumes", []) if isinstance(v, dict)]
    return [v["target"] for v in long if not v.get("source")]


def _text(told: Any, known: dict[str, Any], beside: str, env: Mapping[str, str], folders: list[Path]) -> Text:
    told = {"source": told} if isinstance(told, str) else told
    target = str(told.get("target", told["source"]))
    owner = f"{told['uid']}:{told.get('gid', told['uid'])}" if "uid" in told else "0:0"
    mode = told.get("mode", 0o444)
    return Text(
        target=target if target.startswith("/") else beside + target,
        content=_content(known[told["source"]], env, folders),
        mode=int(mode, 8) if isinstance(mode, str) else mode,
        owner=owner,
    )


def _content(source: dict[str, Any], env: Mapping[str, str], folders: list[Path]) -> str:
    if "content" in source:
        return str(source["content"])
    if "environment" in source:
        return env[source["environment"]]
    found = [folder / source["file"] for folder in folders if (folder / source["file"]).is_file()]
    return found[0].read_text(encoding="utf-8")
