"""A machine whose kernel refuses the sandbox's belts: it is said, and where they are required nothing is opened."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from baosong.store.settings import SettingsError, strict_sandbox
from sandbox_help import kernel_without

INCLUDE = Path(__file__).parents[3] / "include"
LISTED = "from baosong.validation.sandbox.run import missing_belts; print(*missing_belts())"
OPENED = """
import io
from baosong.store.source import Source
from baosong.validation import inspection
from baosong.validation.sandbox import client
try:
    client.run(inspection.words, Source("a.txt", 3, lambda: io.BytesIO(b"abc")), "txt")
    print("opened")
except client.SandboxUnavailable as refused:
    print(refused)
"""


def on_a_machine_without(what: str, code: str, **env: str) -> str:
    given = os.environ | {"PYTHONPATH": str(INCLUDE)} | env
    whole = kernel_without(what) + code
    return subprocess.run(
        [sys.executable, "-c", whole], env=given, capture_output=True, check=True, text=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("what", "said"), [("landlock", "Landlock"), ("seccomp", "seccomp"), ("(landlock + seccomp)", "Landlock seccomp")]
)
def test_what_the_kernel_refuses_is_named(what: str, said: str) -> None:
    assert on_a_machine_without(what, LISTED) == said


def test_files_are_opened_there_unless_that_was_forbidden() -> None:
    assert on_a_machine_without("landlock", OPENED) == "opened"


def test_where_the_belts_are_required_nothing_is_opened_without_them() -> None:
    said = on_a_machine_without("landlock", OPENED, BAOSONG_SANDBOX="strict")
    assert said == "这台机器不提供 Landlock，而设置要求（BAOSONG_SANDBOX=strict）没有它们就不打开文件"


def test_a_setting_that_means_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAOSONG_SANDBOX", "ja")
    with pytest.raises(SettingsError, match="只能是 strict"):
        strict_sandbox()
