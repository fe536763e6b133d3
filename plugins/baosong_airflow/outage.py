"""Outages in the operators' language: which service is unavailable, for task logs and for the board."""

from __future__ import annotations

import errno
import logging
from typing import Any

log = logging.getLogger(__name__)


def describe(error: BaseException) -> str:
    """Return one Chinese sentence that names what is unavailable, empty where the error is no outage."""
    from sqlalchemy.exc import DBAPIError

    from baosong.store.storage import StorageError
    from baosong.validation.sandbox.run import SandboxUnavailable

    full = "No space left" in str(error) or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if isinstance(error, DBAPIError):
        return "数据库所在的磁盘已满，请腾出空间。" if full else "台账数据库暂时无法访问。"
    if isinstance(error, StorageError):
        return f"对象存储暂时无法访问，或其磁盘已满：{error}"
    if isinstance(error, SandboxUnavailable):
        return f"打开文件的沙箱不能用：{error}。"
    if isinstance(error, OSError):
        return "本机磁盘已满，请腾出空间。" if full else f"本机读写失败：{error.strerror or type(error).__name__}。"
    return ""


def log_outage(context: Any) -> None:
    """Log what is unavailable and what will happen next: Airflow's callback for failed tasks and for retries."""
    error = context.get("exception")
    if isinstance(error, BaseException) and (outage := describe(error)):
        log.error("%s恢复后系统会自动接着处理，材料不会丢失，不必清除任务。", outage)
