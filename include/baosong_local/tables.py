"""What the commands of a checkout show on a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from baosong_local.stack import ComponentState, StackInfo


def show_stack(console: Console, info: StackInfo) -> None:
    """Print where the running stack is; the operator's password only where it was made just now."""
    lines = [f"Airflow 界面  {info.ui_url}", f"对象存储      {info.s3_endpoint}"]
    if info.password:
        lines.append(f"操作员        {info.user}  密码 {info.password}（只显示这一次）")
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_components(console: Console, components: list[ComponentState]) -> None:
    """Print the state of the stack's components."""
    table = Table("服务", "状态", "进程", "重启次数", "说明")
    for part in components:
        state = Text("正常", "green") if part.healthy else Text("异常", "red")
        table.add_row(part.name, state, str(part.pid or ""), str(part.restarts), Text(part.detail))
    console.print(table)


def show_figures(console: Console, name: str, figures: dict[str, Any]) -> None:
    """Print a benchmark's figures; lists of single measurements stay in the JSON."""
    table = Table("项目", "数值", title=name)
    for title, value in figures.items():
        if not isinstance(value, list):
            table.add_row(title, f"{value:.3f}" if isinstance(value, float) else str(value))
    console.print(table)
