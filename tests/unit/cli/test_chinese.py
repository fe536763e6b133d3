"""The command line speaks Chinese, Typer's own words too: help, and what is said of a wrong call."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

import pytest
import typer

from baosong.cli.chinese import run
from baosong.cli.main import app as production
from baosong_local.cli import app as checkout

# What is English by its nature: commands, options, places for values and their types, keys, ids of kinds, proper names.
NAMES = re.compile(
    r"--?[a-z][\w-]*|<[^>]*>|\b(?:report|statistics|photo|press|video)\b|list\[Path|\b[A-Z_…]{2,}\b|\./?baosong[\w ./-]*|\bbaosong\b|'\w+'|\bhttps?://\S+|"
    r"BagIt|Airflow|JSON|PDF|Ctrl-C|pytest|viewer|operator|admin|scheduler|latency|"
    r"component|sha256|changed|unit|rotate|SQL|rebuild-ledger|init-env|\.env|xlsx|name|key revoke"
)


@pytest.fixture(params=["production", "checkout"])
def app(request: pytest.FixtureRequest) -> typer.Typer:
    return {"production": production, "checkout": checkout}[request.param]


def commands(app: typer.Typer) -> Iterator[list[str]]:
    """Yield the words that lead to each command and group."""
    yield []
    root = typer.main.get_command(app)
    for name, command in getattr(root, "commands", {}).items():
        yield [name]
        yield from ([name, inner] for inner in getattr(command, "commands", {}))


def call(app: typer.Typer, *words: str, patch: pytest.MonkeyPatch) -> int:
    patch.setattr(sys, "argv", ["baosong", *words])
    patch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        run(app)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_every_help_is_chinese_and_has_no_option_that_only_denies(
    app: typer.Typer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for words in commands(app):
        assert call(app, *words, "--help", patch=monkeypatch) == 0
        told = capsys.readouterr().out
        assert "用法：" in told
        assert "显示这份说明" in told
        assert "--no-" not in told
        known = {word for path in commands(app) for word in (*path, " ".join(path))}
        left = [w for w in re.findall(r"[A-Za-z]{3,}(?: [A-Za-z]{2,})*", NAMES.sub(" ", told)) if not {w} <= known]
        assert left == [], words


WRONG = [
    (["open"], "缺少参数 CAMPAIGN。"),
    (["nosuch"], "没有命令“nosuch”。"),
    (["key", "nosuch"], "没有命令“nosuch”。"),
    (["report", "2023", "--bogus"], "没有选项 --bogus。"),
    (["report", "2023", "--interi"], "没有选项 --interi。 相近的有：--interim。"),
    (["check", "/no/such/file"], "FILE… 的值不对：“/no/such/file”不存在。"),
    (["check", "/"], "FILE… 的值不对：“/”是文件夹，不是文件。"),
    (["check", "/", "--as", "foo"], "的值不对：“"),
    (["release", "x", "--reason", "a"], "ID 的值不对：应为整数。"),
    (["release", "1"], "缺少选项 --reason。"),
    (["release", "1", "--reason"], "选项 --reason 后面要写值。"),
    (["held", "--by=x", "y"], "没有选项 --by。"),
    (["report", "2023", "--interim=x"], "选项 --interim 后面不能写值。"),
    (["report", "2023", "2024"], "多出了参数：2024。"),
]


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=[" ".join(words) for words, _ in WRONG])
def test_a_wrong_call_is_told_in_chinese_and_ends_with_2(
    words: list[str], expected: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(production, *words, patch=monkeypatch) == 2

    told = capsys.readouterr().err
    assert expected in told
    assert "--help。" in told
    assert not re.search(r"[A-Z][a-z]+ [a-z]+ ", told), "no sentence of Typer's is left"


def test_a_call_without_a_command_shows_the_help(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(production, patch=monkeypatch) == 2
    assert "用法：baosong" in capsys.readouterr().out
