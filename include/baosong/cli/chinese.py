"""Typer in Chinese: its headings, its own option, and what it says of a wrong call.

Typer has no translations. Its headings are constants to be set; its errors are English sentences, told here by
their beginnings, and stay as they are where a new version words them otherwise.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click.core import Context as _Context

    _Base = TyperCommand
else:
    _Base = object

USAGE = "用法："
Function = TypeVar("Function", bound=Callable[..., Any])
_HEADINGS = {
    "ARGUMENTS_PANEL_TITLE": "参数",
    "OPTIONS_PANEL_TITLE": "选项",
    "COMMANDS_PANEL_TITLE": "命令",
    "REQUIRED_LONG_STRING": "[必填]",
    "DEFAULT_STRING": "[默认：{}]",
    "ENVVAR_STRING": "[环境变量：{}]",
}
_ERRORS = (
    (r"Missing argument '([^']+)'\.", r"缺少参数 \1。"),
    (r"Missing option '([^']+)'\.", r"缺少选项 \1。"),
    (r"No such option: (\S+)", r"没有选项 \1。"),
    (r"\(Possible options: ([^()]{1,300})\)", r"相近的有：\1。"),
    (r"No such command '([^']+)'\.", r"没有命令“\1”。"),
    (r"Did you mean ([^?]{1,300})\?", r"是不是 \1？"),
    (r"Missing command\.", "缺少命令。"),
    (r"Got unexpected extra arguments?(?:\(s\))? \(([^()]{1,300})\)", r"多出了参数：\1。"),
    (r"Option '([^']+)' requires an argument\.", r"选项 \1 后面要写值。"),
    (r"Option '([^']+)' does not take a value\.", r"选项 \1 后面不能写值。"),
    (r"Invalid value for '([^']+)': ", r"\1 的值不对："),
    (r"Value error, ", ""),
    (r"'([^']*)' is not one of ([^.]{1,300})\.", r"“\1”不在 \2 之中。"),
    (r"(?:[Ff]ile|[Pp]ath|[Dd]irectory) '([^']*)' does not exist\.", r"“\1”不存在。"),
    (r"(?:[Ff]ile|[Pp]ath) '([^']*)' is a directory\.", r"“\1”是文件夹，不是文件。"),
    (r"[Dd]irectory '([^']*)' is a file\.", r"“\1”是文件，不是文件夹。"),
    (r"(?:[Ff]ile|[Pp]ath|[Dd]irectory) '([^']*)' is not readable\.", r"“\1”不能读。"),
    (r"Input should be a valid integer.*", "应为整数。"),
)


class _Chinese(_Base):
    """What a command and a group have in common."""

    def get_help_option(self, ctx: _Context) -> Any:
        """Return Typer's own option, explained in Chinese."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = "显示这份说明"
        return option

    def format_usage(self, ctx: _Context, formatter: Any) -> None:
        """Write the line of usage."""
        formatter.write_usage(ctx.command_path, " ".join(self.collect_usage_pieces(ctx)), USAGE)

    def format_help(self, ctx: _Context, formatter: Any) -> None:
        """Write the help below Chinese headings."""
        from typer import rich_utils  # half of what Typer costs, and only help needs it

        for name, text in _HEADINGS.items():
            setattr(rich_utils, name, text)
        super().format_help(ctx, formatter)


class Command(_Chinese, TyperCommand):
    """A command whose help is Chinese."""


class Group(_Chinese, TyperGroup):
    """A group of commands whose help is Chinese."""


class App(typer.Typer):
    """A Typer application whose groups and commands explain themselves in Chinese."""

    def __init__(self, **options: Any) -> None:
        names = {"options_metavar": "[选项]", "subcommand_metavar": "命令 [参数]"}
        super().__init__(**{"cls": Group, "no_args_is_help": True, "add_completion": False, **names, **options})

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Register a command, as Typer does."""
        return super().command(name, **{"cls": Command, "options_metavar": "[选项]", **options})


def run(app: typer.Typer) -> None:
    """Run a command line to its end; a call that Typer refuses ends in its usage, one line and exit code 2."""
    try:
        code = app(prog_name="baosong", standalone_mode=False)
    except ClickException as wrong:
        if type(wrong).__name__ != "NoArgsIsHelpError":  # then the help has been shown
            context: typer.Context | None = getattr(wrong, "ctx", None)
            usage, path = (f"{context.get_usage()}\n", context.command_path) if context else ("", "baosong")
            sys.stderr.write(f"{usage}{told(wrong.format_message())}说明见 {path} --help。\n")
        raise SystemExit(wrong.exit_code) from None
    except typer.Abort:
        sys.stderr.write("已中断。\n")
        raise SystemExit(1) from None
    raise SystemExit(code if isinstance(code, int) else 0)


def told(error: str) -> str:
    """Return what Typer says of a wrong call, in Chinese as far as it is known here."""
    for pattern, text in _ERRORS:
        error = re.sub(pattern, text, error)
    return error
