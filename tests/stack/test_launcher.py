"""The launcher: finds a Python that fits, installs only when it must, and hands everything on as it came."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from baosong.store.settings import PROJECT
from baosong_local import install

LISTS = ("requirements.txt", "requirements-local.txt")
INSTALLED = (*LISTS, "pyproject.toml")


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project in a folder with spaces whose programs only say that they were called."""
    project = tmp_path / "项目 with spaces"
    project.mkdir()
    shutil.copy(PROJECT / "baosong", project)
    for name in (*INSTALLED, "requirements-dev.txt"):
        (project / name).write_text(name, encoding="utf-8")
    script(project / ".venv/bin/python", '#!/bin/sh\necho "$PWD|$0|${PYTHONPATH-}|$*"\n')
    script(project / "include/baosong_local/install.py", "import sys\nprint('install', *sys.argv[2:])\n")
    return project


def mark(project: Path) -> None:
    (project / ".venv/.installed").mkdir(exist_ok=True)
    for name in INSTALLED:
        shutil.copy(project / name, project / ".venv/.installed")


def call(program: Path, *args: str, path: str | None = None, cwd: Path | None = None) -> tuple[int, str]:
    env = {**os.environ, "PATH": path or f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([program, *args], env=env, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_installed_project_starts_at_once_from_anywhere(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And finds its own packages, whatever another project has told the shell."""
    mark(project)
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    assert call(project / "baosong", "check", "a b", cwd=tmp_path) == (
        0,
        f"{tmp_path}|{project / '.venv/bin/python'}||-m baosong_local check a b\n",
    )


def test_compiled_code_is_kept_in_the_venv(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or each process would compile its libraries anew, which takes longer than most of them live."""
    mark(project)
    script(project / ".venv/bin/python", '#!/bin/sh\necho "${PYTHONDONTWRITEBYTECODE-kept}"\n')
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert call(project / "baosong", "status") == (0, "kept\n")


def test_a_link_to_the_launcher_finds_the_project(project: Path, tmp_path: Path) -> None:
    mark(project)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "baosong").symlink_to(f"../{project.name}/baosong")
    assert f"|{project / '.venv/bin/python'}|" in call(tmp_path / "bin" / "baosong")[1]


@pytest.mark.parametrize("changed", INSTALLED)
def test_what_has_changed_is_installed_first(project: Path, changed: str) -> None:
    mark(project)
    (project / changed).write_text("changed", encoding="utf-8")
    assert call(project / "baosong", "status")[1].splitlines()[0] == f"install {' '.join(LISTS)}"


def test_the_tests_need_more(project: Path) -> None:
    mark(project)
    assert call(project / "baosong", "test")[1].splitlines()[0] == f"install {' '.join(LISTS)} requirements-dev.txt"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a bare `.venv`, which may use what this one has installed."""
    checkout = tmp_path / "项目 with spaces"
    for package in ("include/baosong", "plugins/baosong_airflow"):
        (checkout / package).mkdir(parents=True)
        (checkout / package / "__init__.py").write_text("", encoding="utf-8")
    for name in ("pyproject.toml", "requirements-build.txt", "include/campaigns"):
        (checkout / name).symlink_to(PROJECT / name)
    venv.create(checkout / ".venv", symlinks=True)
    (checkout / ".venv/.installed").mkdir()
    shutil.copy(PROJECT / "requirements-build.txt", checkout / ".venv/.installed")
    return checkout


def test_a_moved_checkout_runs_its_own_code_in_every_locale(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editable install names the place it was made at, which may be gone, or still hold another version."""
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", sysconfig.get_path("purelib"))  # pip and the build back-end
        install.install(checkout, [])
    moved = checkout.rename(checkout.with_name("搬走了"))
    program = "import os, baosong, baosong_airflow as a; print([os.fsencode(m.__file__) for m in (baosong, a)])"
    own = [moved / "include/baosong/__init__.py", moved / "plugins/baosong_airflow/__init__.py"]
    for locale in ("C.UTF-8", "C"):
        env = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
        done = subprocess.run([moved / ".venv/bin/python", "-c", program], env=env, capture_output=True, check=True)
        assert done.stdout.decode().strip() == str([os.fsencode(path) for path in own])


def test_a_python_that_is_too_new_is_named_in_one_line(project: Path, tmp_path: Path) -> None:
    for name in ("python3", "python"):
        script(tmp_path / "bin" / name, '#!/bin/sh\ncase "$2" in *platform*) echo 3.13.1 ;; *) exit 1 ;; esac\n')
    for tool in ("dirname", "cmp", "readlink", "sh"):
        found = shutil.which(tool)
        assert found
        (tmp_path / "bin" / tool).symlink_to(found)
    code, said = call(project / "baosong", "status", path=str(tmp_path / "bin"))
    assert code == 2
    assert said == "需要 Python 3.11 或 3.12（尚不支持 3.13 及以上），本机的 Python 是：3.13.1。\n"


@pytest.mark.xdist_group("together")
def test_groups_of_tests_stay_together(request: pytest.FixtureRequest) -> None:
    """pytest-xdist knows a group by the end of its tests' names: where a new pytest undoes it, each worker does all."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith("@together")


def test_no_test_is_named_by_a_file(request: pytest.FixtureRequest) -> None:
    """The workers would find different names wherever the file holds the time it was made at."""
    assert [
        item.name[:60] for item in request.session.items if "PK\\x03\\x04" in item.name or len(item.name) > 1500
    ] == []
