"""Alarms to operators: a failed task, a silent watcher, a full disk; each once per cause and day.

They are rows of the ledger like all messages. Where the ledger is away there is nothing to write them in: what watches
the stack from outside must notice that.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from baosong_airflow import board_health, outage
from baosong_airflow.assets import INTAKE, INTAKE_LARGE

if TYPE_CHECKING:
    from baosong.ledger.services import Services

ZONE = ZoneInfo("Asia/Shanghai")
log = logging.getLogger(__name__)


def raise_alarm(services: Services, event: str, cause: str, what: str, now: datetime) -> bool:
    """Decide an alarm about the system as a whole; return whether today's is new."""
    from baosong.pipeline.discover import usable_campaigns
    from baosong.receipts.messages import system_alarm

    campaigns = list(usable_campaigns(services).values())
    return services.ledger.notify(system_alarm(campaigns, event, cause, what, now.astimezone(ZONE))) > 0


def look(services: Services, notes: Any, now: datetime) -> None:
    """Raise an alarm for what the board would show red of the watchers and of the disk.

    `notes` are the watchers' asset state stores as a task gets them.
    """
    looks = {asset.name: _noted(notes[asset]) for asset in (INTAKE, INTAKE_LARGE)}
    for fact in (board_health.watching(looks, now), *board_health.disk(services.settings)):
        if fact.look == "failed":
            raise_alarm(services, "health", fact.name, f"{fact.name}：{fact.text}", now)


def look_at_belts(services: Services, now: datetime) -> None:
    """Raise an alarm where this worker's kernel refuses the sandbox's belts: the board tries its own machine alone."""
    host = socket.gethostname()
    for fact in board_health.confinement(f"工作进程所在的机器 {host} "):
        raise_alarm(services, "health", f"{fact.name} {host}", f"{fact.name}：{fact.text}", now)


def _noted(store: Any) -> dict[str, str]:
    found = {key: store.get(key) for key in ("last_poll_at", "last_error")}
    return {key: str(value) for key, value in found.items() if value}


def task_failed(context: Any, opener: Callable[[], Services]) -> None:
    """Raise an alarm for a task whose retries are used up; whatever befalls it, it never raises an error."""
    try:
        ti = context["task_instance"]
        names = (_name(context, "dag", ti.dag_id), _name(context, "task", ti.task_id))
        what = f"任务失败：{' / '.join(names)}，{reason(context.get('exception'))}"
        raise_alarm(opener(), "failed", f"{ti.dag_id}.{ti.task_id}", what, datetime.now(ZONE))
    except Exception:
        log.warning("no alarm can be raised", exc_info=True)


def _name(context: Any, what: str, otherwise: str) -> str:
    return str(getattr(context.get(what), f"{what}_display_name", otherwise))


def reason(error: BaseException | None) -> str:
    """Say in words why a task failed, without what somebody's file or a key may have put into the error's text."""
    from airflow.sdk.exceptions import AirflowFailException

    if error is None:
        return "进程中断或超时"
    if told := outage.describe(error):
        return told.partition("：")[0].rstrip("。")
    if isinstance(error, AirflowFailException):  # our own words, but for what a bug says of itself
        return str(error).partition(": ")[0].rstrip("。")
    return f"程序错误：{type(error).__name__}"
