"""What `./baosong test` runs: the tests by layer, and beside them the static checks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from baosong.store.settings import PROJECT

# Half of the suite waits for other processes, so there is one worker more than cores; more than four would ask for more
# memory than a machine has.
WORKERS = str(min((os.cpu_count() or 1) + 1, 4))
ELSEWHERE = "not stack and not soak and not store and not distributed"
SPREAD = ("-n", WORKERS, "--dist", "loadgroup", "-m", ELSEWHERE)
ALONE = ("-m", "stack and not soak")  # the whole stack is a computer's work already
STATIC = (("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",))
KEYS = "tests/integration/store/test_key_matrix.py"  # on every store that is there, and that the environment names
# In namespaces of its own, so that each service may have a root and a network, and none outlives the tests.
APART = ("unshare", "--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
DISTRIBUTED = ("-m", "distributed", "-p", "no:randomly", "tests/distributed")
IMAGE = "tests/helpers/images.py"
NO_TESTS = 5  # pytest's exit code where nothing was selected

# What lies outside the rooms, or has tests beside those of its room.
_ELSEWHERE = {
    "include/baosong/validation/": ("tests/corpus",),
    "include/baosong/validation/video/": ("tests/media",),
    "include/baosong_local/": ("tests/stack",),
    "plugins/": ("tests/airflow",),
    "dags/": ("tests/airflow",),
    "baosong": ("tests/stack",),
    "Dockerfile": ("tests/stack",),
    "docker-compose.yaml": ("tests/stack",),
}


def run(words: Sequence[str]) -> int:
    """Run the tests that the words ask for and return the exit code; pytest gets the words that are not ours."""
    match words:
        case []:
            return _run_checked([(*SPREAD,), (*ALONE,)])
        case ["unit", *more]:
            return _run_checked([(*SPREAD, "tests/unit", *more)])
        case ["changed", *more]:
            folders = sorted({"tests/unit", *mirrors(changed_files())})
            alone = [(*ALONE, "tests/stack", *more)] if "tests/stack" in folders else []
            return _run_checked([(*SPREAD, *folders, *more), *alone])
        case ["store", *more]:
            return _module("pytest", KEYS, *more)
        case ["distributed", *more]:
            return _run_distributed(more)
        case _:
            return _module("pytest", *words)


def _run_distributed(more: Sequence[str]) -> int:
    """Fetch the image's packages, then test where there is no network; without root each test says what it needs."""
    if os.geteuid():
        return _module("pytest", *DISTRIBUTED, *more)
    fetched = subprocess.run([sys.executable, IMAGE], cwd=PROJECT, check=False).returncode
    return fetched or _module("pytest", *DISTRIBUTED, *more, within=APART)


def mirrors(changed: Iterable[str]) -> set[str]:
    """Return the folders of tests that mirror the rooms of changed files, given by their paths in the project."""
    found: set[str] = set()
    for path in changed:
        match path.split("/"):
            case ["include", "baosong", room, *_]:
                found.add(f"tests/integration/{room}")
            case ["tests", "integration", room, _, *_]:
                found.add(f"tests/integration/{room}")
            case ["tests", ("airflow" | "corpus" | "media" | "stack") as layer, *_]:
                found.add(f"tests/{layer}")
        for beginning, folders in _ELSEWHERE.items():
            if path == beginning or (beginning.endswith("/") and path.startswith(beginning)):
                found.update(folders)
    return {folder for folder in found if (PROJECT / folder).is_dir()}


def changed_files() -> list[str]:
    """Return the files that differ from where this branch left `main`, committed or not, new ones included."""
    left = _git("merge-base", "main", "HEAD") or ["HEAD"]
    return [*_git("diff", "--name-only", left[0]), *_git("ls-files", "--others", "--exclude-standard")]


def _git(*words: str) -> list[str]:
    command = ["git", "-c", "core.quotePath=false", *words]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout.splitlines()


def _run_checked(calls: Sequence[Sequence[str]]) -> int:
    """Run pytest for each call in turn and the static checks beside; return the first exit code that is not 0."""
    with ThreadPoolExecutor(1) as beside:  # one process that nobody waits for: it fills what the tests leave idle
        static = beside.submit(lambda: [_quietly(*check) for check in STATIC])
        codes = [code for call in calls if (code := _module("pytest", *call)) != NO_TESTS]
        for done in static.result():
            sys.stdout.write(done.stdout)
            codes.append(done.returncode)
    return next((code for code in codes if code), 0)


def _module(*words: str, within: Sequence[str] = ()) -> int:
    return subprocess.run([*within, sys.executable, "-m", *words], cwd=PROJECT, check=False).returncode


def _quietly(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a check whose words would run into those of the tests: they are shown at the end."""
    return subprocess.run([sys.executable, "-m", *words], cwd=PROJECT, check=False, stdout=subprocess.PIPE, text=True)
