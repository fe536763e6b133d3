"""The launcher: finds a Python that fits, installs only when it must, and hands everything on as it came."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from baosong.store.settings import PROJECT

LISTS = ("requirements.txt", "requirements-dev.txt")


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
    for name in LISTS:
        (project / name).write_text(name, encoding="utf-8")
    script(project / ".venv/bin/python", '#!/bin/sh\necho "$PWD|$PYTHONPATH|$*"\n')
    script(project / "include/baosong_local/install.py", "import sys\nprint('install', *sys.argv[2:])\n")
    return project


def mark(project: Path, *names: str) -> None:
    (project / ".venv/.installed").mkdir(exist_ok=True)
    for name in names:
        shutil.copy(project / name, project / ".venv/.installed")


def call(program: Path, *args: str, path: str | None = None, cwd: Path | None = None) -> tuple[int, str]:
    env = {**os.environ, "PATH": path or f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([program, *args], env=env, cwd=cwd, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_an_installed_project_starts_at_once_from_anywhere(project: Path, tmp_path: Path) -> None:
    mark(project, "requirements.txt")
    assert call(project / "baosong", "check", "a b", cwd=tmp_path) == (
        0,
        f"{tmp_path}|{project / 'include'}|-m baosong_local check a b\n",
    )


def test_compiled_code_is_kept_in_the_venv(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or each process would compile its libraries anew, which takes longer than most of them live."""
    mark(project, "requirements.txt")
    script(project / ".venv/bin/python", '#!/bin/sh\necho "${PYTHONDONTWRITEBYTECODE-kept}"\n')
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    assert call(project / "baosong", "status") == (0, "kept\n")


def test_a_link_to_the_launcher_finds_the_project(project: Path, tmp_path: Path) -> None:
    mark(project, "requirements.txt")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "baosong").symlink_to(f"../{project.name}/baosong")
    assert f"|{project / 'include'}|" in call(tmp_path / "bin" / "baosong")[1]


def test_changed_requirements_are_installed_first(project: Path) -> None:
    mark(project, "requirements.txt")
    (project / "requirements.txt").write_text("changed", encoding="utf-8")
    assert call(project / "baosong", "status")[1].splitlines()[0] == "install requirements.txt"


def test_the_tests_need_more(project: Path) -> None:
    mark(project, "requirements.txt")
    assert call(project / "baosong", "test")[1].splitlines()[0] == "install requirements.txt requirements-dev.txt"


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
