"""What the DAGs wire: each task opens the desk and calls one function of the domain.

The domain is imported inside the functions, so that reading a DAG file stays cheap. A bad file never makes a task fail:
whatever is raised here means an ill system, and every task may be repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import pendulum

from baosong_airflow import illness
from baosong_airflow.assets import PREFECTURE_COMPLETE

if TYPE_CHECKING:
    from baosong.workdesk import Desk

log = logging.getLogger(__name__)

Work = dict[str, Any]

OWNER = "科技厅"
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 5,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=60),
    "execution_timeout": timedelta(minutes=10),
    "multiple_outputs": False,
    "on_retry_callback": illness.tell,
    "on_failure_callback": illness.tell,
    "weight_rule": "upstream",  # what is nearly answered goes first: a receipt does not wait for everybody's checks
}
DAG_ARGS: dict[str, Any] = {
    "start_date": pendulum.datetime(2023, 1, 1, tz="Asia/Shanghai"),
    "catchup": False,
    "max_active_runs": 1,  # each run handles all there is, so a second one beside it could only get in its way
    "is_paused_upon_creation": False,
    "default_args": DEFAULT_ARGS,
}
RELEASE, REFUSE = "放行", "退回"
MOST_PREFECTURES_A_RUN = 1000  # Airflow refuses to map over more than 1024; the next run takes the rest


@lru_cache(maxsize=2)
def open_desk(patience: float = 60.0) -> Desk:
    """Return this process's desk, on which an absence of store or ledger is borne for so many seconds."""
    from baosong.workdesk import Desk
    from baosong_airflow.connection import load_settings

    return Desk.open(load_settings(), patience)


def find_new_task() -> list[Work]:
    """List the intake, record what has arrived, and return one piece of work a prefecture."""
    from baosong import review

    return review.find_new(open_desk())[:MOST_PREFECTURES_A_RUN]


def check_task(work: Work, kinds: list[str]) -> None:
    """Check the prefecture's new files of these kinds; the findings go to the ledger."""
    from baosong import review

    with _no_retry_of_bugs():
        _tell("checked", review.check(open_desk(), work["campaign"], work["prefecture"], kinds))


@contextmanager
def _no_retry_of_bugs() -> Iterator[None]:
    """Fail at once where waiting cannot help: a parser that breaks on a file would break on it again.

    A run holds up everybody's next one, so it must not spend its retries on that.
    """
    from airflow.sdk.exceptions import AirflowFailException
    from sqlalchemy.exc import SQLAlchemyError

    from baosong.storage import StorageError

    try:
        yield
    except (StorageError, SQLAlchemyError, OSError):
        raise
    except Exception as bug:
        raise AirflowFailException(f"程序错误：{type(bug).__name__}: {bug}") from bug


def file_away_task(work: Work) -> None:
    """Put the checked files into archive or quarantine and record their verdicts."""
    from baosong import review

    _tell("filed", review.file_away(open_desk(), work["campaign"], work["prefecture"]))


def reply_task(work: Work) -> None:
    """Write the receipt, then take the answered files out of the intake."""
    from baosong import review

    _tell("replied", review.reply(open_desk(), work["campaign"], work["prefecture"]))


def _tell(what: str, result: Any) -> None:
    """Log a result rather than return it: an XCom that nobody reads costs each task a round trip."""
    log.info("%s: %s", what, result)


def find_complete_task() -> list[list[str]]:
    """Return the partitions of all prefectures that have become complete, as one batch or none.

    Never an empty batch: an announcement without a partition would be an event too, of which Airflow complains.
    """
    from baosong import review

    _tell("swept", review.sweep_intake(open_desk()))  # here, as nobody's receipt waits for it
    keys = review.newly_complete(open_desk())
    return [keys] if keys else []


def announce_task(keys: list[str], *, outlet_events: Any) -> None:
    """Emit one event a partition."""
    outlet_events[PREFECTURE_COMPLETE].add_partitions(keys)


def mark_announced_task(keys: list[str]) -> None:
    """Remember that these were announced. It follows the announcement: twice does no harm, never would."""
    from baosong import review

    review.mark_announced(open_desk(), keys)


def confirm_complete_task(*, dag_run: Any) -> str:
    """Return the campaign of the run's partition if the ledger, too, says that it is complete; else skip."""
    from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

    campaign_id = dag_run.partition_key
    if not campaign_id:
        raise AirflowFailException("手动触发时请填写分区键，即活动编号，例如 2023。")
    if not _is_complete(open_desk(), campaign_id):
        raise AirflowSkipException(f"活动 {campaign_id} 尚未交齐，不生成终稿。")
    return campaign_id


def write_report_task(campaign_id: str) -> dict[str, Any]:
    """Write the campaign's final report; the same inputs as the last version's make no new one."""
    return _write_report(campaign_id, "final")


def decide_held_task(*, params: Any, dag_run: Any) -> None:
    """Record what an operator has filled in about a held file; the intake, which this rings, does the rest."""
    from airflow.sdk.exceptions import AirflowFailException

    from baosong import acts
    from baosong.findings import Kind

    who = dag_run.triggering_user_name or "Airflow"
    number, reason, kind = params["number"], params["reason"], params["deliverable"]
    try:
        if params["decision"] == RELEASE:
            acts.release(open_desk(), number, who, reason, Kind(kind) if kind else None)
        else:
            acts.refuse(open_desk(), number, who, reason)
    except acts.ActRefused as wrong:  # waiting mends no form
        raise AirflowFailException(str(wrong)) from wrong


def opened_campaigns_task() -> list[str]:
    """Return the campaigns that prefectures can submit to."""
    from baosong.opening import opened

    return opened(open_desk())


def consolidate_task(campaign_id: str) -> dict[str, Any]:
    """Write tonight's edition: the final one if all is there, so that a lost roll-up is made good, else the interim."""
    return _write_report(campaign_id, "final" if _is_complete(open_desk(), campaign_id) else "interim")


def verify_task() -> None:
    """Read tonight's share of what is kept; fail, without another try, if anything there is not as it was."""
    from airflow.sdk.exceptions import AirflowFailException

    from baosong import custody

    found = custody.verify(open_desk(), None, custody.due(datetime.now(UTC)), lambda *_: None)
    _tell("verified", f"{found.read} of {found.total}")
    for place, faults in found.faults.items():
        log.error("%s：%s", place, "；".join(faults))
    if found.faults:
        raise AirflowFailException(f"归档、隔离或汇总中有 {len(found.faults)} 项与登记不符，逐项见上。")


def tidy_task(campaign_id: str) -> dict[str, int]:
    """Remove from quarantine what nobody needs any more; held and unanswered files stay."""
    from baosong import housekeeping

    return housekeeping.tidy(open_desk(), campaign_id, datetime.now(UTC))


def _write_report(campaign_id: str, edition: Literal["final", "interim"]) -> dict[str, Any]:
    from airflow.sdk.exceptions import AirflowFailException

    from baosong.report import TemplateRefused, write_report
    from baosong.report.pdf import put_pdf

    try:
        written = write_report(open_desk(), campaign_id, edition, datetime.now(UTC))
        put_pdf(open_desk().storage, written["prefix"])
        return written
    except TemplateRefused as wrong:  # waiting mends no template
        raise AirflowFailException(str(wrong)) from wrong


def _is_complete(desk: Desk, campaign_id: str) -> bool:
    campaign = desk.campaigns.get(campaign_id)
    return set(desk.ledger.complete_prefectures(campaign)) >= {p.code for p in campaign.prefectures}
