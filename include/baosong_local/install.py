"""Make or renew the project's .venv: `python install.py PROJECT REQUIREMENTS...`, run by the launcher.

After the pinned requirements the project itself is installed, editable: nobody has to say where its packages lie.
Only the standard library: nothing is installed yet. Two runs at once wait for each other; an interrupted run is taken
up again, because a list of requirements counts as installed only when its copy lies in `.venv/.installed/`.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_BOOTSTRAP = "requirements-bootstrap.txt"
_BUILD = "requirements-build.txt"
_PROJECT = "pyproject.toml"
# What pip was told about where packages come from, in uv's words.
_SOURCES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


class InstallError(Exception):
    """The installation failed; the text is one Chinese line."""


def install(project: Path, lists: Sequence[str]) -> None:
    """Bring `.venv` up to the given lists of pinned requirements. InstallError if that fails."""
    home = project / ".venv"
    with _alone(project):
        due = [name for name in (*lists, _BUILD) if not _is_installed(project, name)]
        if not due and _is_installed(project, _PROJECT):
            return
        _say("正在准备运行环境（首次使用，或所需的软件有变化）……")
        wanted = {name: (project / name).read_bytes() for name in (*due, _PROJECT)}
        _make(home)
        files = [part for name in due for part in ("-r", str(project / name))]
        if due and not (_bootstrap(project, home) and _by_uv(home, files)):
            _say("改用 pip 安装，需要几分钟……")
            _by_pip(home, files)
        _install_project(project, home)
        for name, content in wanted.items():
            _mark(home, name, content)
        _say("运行环境已就绪。")


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    """Keep others out by a lock on the project's folder itself; the kernel frees it however we end."""
    handle = os.open(project, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _is_installed(project: Path, name: str) -> bool:
    mark = project / ".venv" / ".installed" / name
    return mark.exists() and mark.read_bytes() == (project / name).read_bytes()


def _mark(home: Path, name: str, content: bytes) -> None:
    folder = home / ".installed"
    folder.mkdir(exist_ok=True)
    fresh = folder / f".{name}"
    fresh.write_bytes(content)
    fresh.replace(folder / name)


def _make(home: Path) -> None:
    """Make the environment unless a sound one is there; half-made ones are made again."""
    if _runs(home, "-m", "pip", "--version"):
        return
    try:
        venv.create(home, clear=home.exists(), with_pip=True, symlinks=True)
    except (OSError, subprocess.CalledProcessError, SystemExit):
        shutil.rmtree(home, ignore_errors=True)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(f"无法建立 {home}。在 Debian 或 Ubuntu 上请先安装 python{version}-venv。") from None


def _bootstrap(project: Path, home: Path) -> bool:
    """Install uv, which then installs the rest in seconds rather than minutes."""
    return _runs(home, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(project / _BOOTSTRAP))


def _by_uv(home: Path, files: Sequence[str]) -> bool:
    uv = [
        str(home / "bin" / "uv"),
        "pip",
        "install",
        "--quiet",
        "--python",
        str(_python(home)),
        "--require-hashes",
        *files,
    ]
    env = {"UV_LINK_MODE": "copy", "UV_INDEX_STRATEGY": "unsafe-best-match", **_sources(home), **os.environ}
    try:
        return subprocess.run(uv, env=env, check=False).returncode == 0
    except OSError:
        return False


def _by_pip(home: Path, files: Sequence[str]) -> None:
    if subprocess.run([_python(home), "-m", "pip", "install", "--require-hashes", *files], check=False).returncode:
        raise InstallError("安装失败，原因见上文。多半是无法访问软件源：请检查网络，或为 pip 配置可用的镜像。")


def _install_project(project: Path, home: Path) -> None:
    """Install the project itself, editable; whatever it needs is there, so nothing is asked for anywhere.

    pip links the checkout by its full path. Ours is relative: a checkout that was copied or moved, `.venv` and all,
    runs its own code and not that of the place it came from, and Python 3.11 reads the link in the user's encoding.
    """
    quiet = ("--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation")
    if not _runs(home, "-m", "pip", "install", *quiet, "--editable", str(project)):
        raise InstallError("无法安装本项目自身，原因见上文。")
    for link in home.glob("lib/python*/site-packages/_baosong.pth"):
        folders = link.read_text(encoding="utf-8").splitlines()
        link.write_text("\n".join(os.path.relpath(folder, link.parent) for folder in folders) + "\n", encoding="utf-8")


def _sources(home: Path) -> dict[str, str]:
    """Return pip's configured sources as uv's variables; uv does not read them itself."""
    listed = subprocess.run([_python(home), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    found: dict[str, str] = {}
    for line in listed.stdout.splitlines():
        name, _, value = line.partition("=")
        variable = _SOURCES.get(name.rpartition(".")[2])
        if variable:
            found[variable] = " ".join(value.strip("'\"").replace("\\n", " ").split())
    if "UV_FIND_LINKS" in found:
        found["UV_FIND_LINKS"] = found["UV_FIND_LINKS"].replace(" ", ",")
    return found


def _python(home: Path) -> Path:
    return home / "bin" / "python"


def _runs(home: Path, *args: str) -> bool:
    try:
        return subprocess.run([_python(home), *args], stdout=subprocess.DEVNULL, check=False).returncode == 0
    except OSError:
        return False


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        install(Path(sys.argv[1]), sys.argv[2:])
    except InstallError as failed:
        _say(str(failed))
        sys.exit(2)
    except KeyboardInterrupt:
        _say("安装已中断；下次运行时会继续。")
        sys.exit(130)
