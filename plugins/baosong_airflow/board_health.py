"""What Airflow and this machine know of the system's health, for the board; whatever is not known is left out."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from baosong.receipts.board import Fact
from baosong.rules.words import elapsed_text, size_text, time_text
from baosong.validation.sandbox.run import SandboxUnavailable, missing_belts

if TYPE_CHECKING:
    from baosong.store.settings import Settings

SILENT = timedelta(minutes=3)  # the watchers write down that they looked once a minute
FIXITY_LATE = timedelta(days=2)
LITTLE = 0.05  # of the disk
log = logging.getLogger(__name__)


def facts(settings: Settings, now: datetime, zone: ZoneInfo) -> list[Fact]:
    """Return when the intake was last looked at, when the archive was last checked, and the disk's space."""
    return [*_of_airflow(now, zone), *disk(settings), *confinement()]


def confinement(machine: str = "界面所在的机器") -> Iterator[Fact]:
    """Yield which of the sandbox's belts the kernel refuses this process, nothing where it has them all."""
    try:
        missing = missing_belts()
    except SandboxUnavailable as untried:
        yield Fact("沙箱", str(untried), "failed")
        return
    if missing:
        yield Fact("沙箱", f"{machine}不提供 {'、'.join(missing)}，在它上面打开文件时隔离较弱", "failed")


def _of_airflow(now: datetime, zone: ZoneInfo) -> Iterator[Fact]:
    from airflow.utils.session import create_session

    try:
        with create_session() as session:
            looks, run = _looks(session), _last_fixity(session)
    except SQLAlchemyError as failure:
        log.warning("Airflow's database does not tell how the system is: %s", type(failure).__name__)
        return
    yield watching(looks, now)
    yield checked(run, now, zone)


def watchers(now: datetime) -> dict[str, tuple[float, bool]]:
    """Return for each watcher of the intake that ever looked: how many seconds ago, and whether the store refused it.

    Nothing is known while Airflow's database is away.
    """
    from airflow.utils.session import create_session

    try:
        with create_session() as session:
            looks = _looks(session)
    except SQLAlchemyError as failure:
        log.warning("Airflow's database does not tell when the intake was looked at: %s", type(failure).__name__)
        return {}
    return {
        name: ((now - datetime.fromisoformat(notes["last_poll_at"])).total_seconds(), bool(notes.get("last_error")))
        for name, notes in looks.items()
        if "last_poll_at" in notes
    }


def _looks(session: Any) -> dict[str, dict[str, str]]:
    """Return what each watcher of the intake has written down, by its asset's name."""
    from airflow.models.asset import AssetModel
    from airflow.models.asset_state_store import AssetStateStoreModel as Note

    from baosong_airflow.assets import INTAKE, INTAKE_LARGE

    looks: dict[str, dict[str, str]] = {INTAKE.name: {}, INTAKE_LARGE.name: {}}
    wanted = select(AssetModel.name, Note.key, Note.value).join(Note, Note.asset_id == AssetModel.id)
    for name, key, value in session.execute(wanted.where(AssetModel.name.in_(looks))):
        looks[name][key] = json.loads(value)
    return looks


def _last_fixity(session: Any) -> Any:
    from airflow.models.dagrun import DagRun

    runs = select(DagRun.state, DagRun.end_date).where(DagRun.dag_id == "fixity", DagRun.end_date.is_not(None))
    return session.execute(runs.order_by(DagRun.end_date.desc()).limit(1)).first()


def watching(looks: dict[str, dict[str, str]], now: datetime) -> Fact:
    """Say when the intake was last looked at, by the watcher that did it longest ago."""
    times = [datetime.fromisoformat(notes["last_poll_at"]) for notes in looks.values() if "last_poll_at" in notes]
    if len(times) < len(looks):
        return Fact("收件监视", "还没有查看过收件桶", "held")
    ago = now - min(times)
    text = f"{elapsed_text(ago)}前查看过收件桶"
    if any(notes.get("last_error") for notes in looks.values()):
        return Fact("收件监视", f"收件桶列不出来，{text}", "failed")
    return Fact("收件监视", text, "failed" if ago > SILENT else "done")


def checked(run: Any, now: datetime, zone: ZoneInfo) -> Fact:
    """Say how the last fixity run ended."""
    if run is None:
        return Fact("保管核对", "还没有运行过", "held")
    at = time_text(run.end_date, zone)
    if run.state != "success":
        return Fact("保管核对", f"{at} 没有通过", "failed")
    return Fact("保管核对", f"{at} 完好", "held" if now - run.end_date > FIXITY_LATE else "done")


def disk(settings: Settings) -> Iterator[Fact]:
    """Yield how much is free where the store is: known only of a store on this machine."""
    host = settings.s3.endpoint.rpartition(":")[0].strip("[]")
    try:
        here = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return
    if here and settings.home.exists():
        disk = shutil.disk_usage(settings.home)
        look = "failed" if disk.free < LITTLE * disk.total else "done"
        yield Fact("磁盘", f"还有 {size_text(disk.free)}", look)
