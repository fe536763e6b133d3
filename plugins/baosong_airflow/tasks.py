"""The tasks that the DAGs wire: each opens the services and calls one function of the domain.

The domain is imported inside the functions, so that reading a DAG file stays cheap. A bad file never makes a task fail:
whatever is raised here means that the system is broken, and every task may be repeated.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Literal

import pendulum

from baosong_airflow import outage
from baosong_airflow.assets import PREFECTURE_COMPLETE

if TYPE_CHECKING:
    from baosong.ledger import Ledger
    from baosong.ledger.services import Services

log = logging.getLogger(__name__)

Work = dict[str, Any]
RETRY_TIMEOUT = 60.0  # seconds that a task waits for an absent store or ledger


def task_failed(context: Any) -> None:
    """Log what is unavailable, and alarm the operators: Airflow's callback for a task whose retries are used up."""
    from baosong_airflow import alarms

    outage.log_outage(context)
    alarms.task_failed(context, partial(open_services, 5.0))


OWNER = "科技厅"
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 5,
    "retry_delay": timedelta(seconds=5),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(seconds=60),
    "execution_timeout": timedelta(minutes=10),
    "multiple_outputs": False,
    "on_retry_callback": outage.log_outage,
    "on_failure_callback": task_failed,
    "weight_rule": "upstream",  # nearly answered files go first: a receipt does not wait for everybody's checks
}
DAG_ARGS: dict[str, Any] = {
    "start_date": pendulum.datetime(2023, 1, 1, tz="Asia/Shanghai"),
    "catchup": False,
    "max_active_runs": 1,
    "is_paused_upon_creation": False,
    "default_args": DEFAULT_ARGS,
}
RELEASE, REFUSE = "放行", "退回"
CLOSE, WAIT = "结束收报", "继续等待"
MOST_MAPPED = 1000  # Airflow refuses to map over more than 1024; a later run takes the rest


@lru_cache(maxsize=2)
def ledger_of(url: str, retry_timeout: float) -> Ledger:
    """Return this process's ledger, or the one that it was forked with, which knows its statements already."""
    from baosong.ledger import Ledger

    return Ledger(url, retry_timeout)


@lru_cache(maxsize=2)
def open_services(retry_timeout: float = RETRY_TIMEOUT) -> Services:
    """Return this process's services; an absent store or ledger is waited for `retry_timeout` seconds."""
    from baosong.ledger.services import Services
    from baosong_airflow.connection import load_settings

    return Services.open(load_settings(), retry_timeout, ledger_of)


def find_new_task(lane: Literal["quick", "large"], *, dag_run: Any) -> list[Work]:
    """List the intake, record what has arrived, and return what this run is to do.

    A run for a drop that an earlier one has found too ends here. The regular ones go on: they announce whom a run that
    broke off has not announced.
    """
    from airflow.sdk.exceptions import DownstreamTasksSkipped

    from baosong.pipeline.discover import find_new

    found = find_new(open_services(), lane, dag_run.run_id)[:MOST_MAPPED]
    if not found and dag_run.run_type == "asset_triggered":
        raise DownstreamTasksSkipped(tasks=["receive", "announce", "settled"])
    return found


def receive_task(work: Work, *, dag_run: Any) -> None:
    """Check, archive and answer the files of a piece of work."""
    from baosong.pipeline.process import process
    from baosong_airflow import alarms

    with _no_retry_of_bugs():
        alarms.look_at_belts(open_services(), datetime.now(UTC))
        process(open_services(), work, dag_run.run_id)


def receive_large_task(work: Work, *, dag_run: Any) -> None:
    """Do the same, but yield the processor to whatever is quick."""
    os.nice(10)
    receive_task(work, dag_run=dag_run)


@contextmanager
def _no_retry_of_bugs() -> Iterator[None]:
    """Fail at once where waiting cannot help: a parser that breaks on a file would break on it again."""
    from airflow.sdk.exceptions import AirflowFailException
    from sqlalchemy.exc import SQLAlchemyError

    from baosong.store.storage import StorageError

    try:
        yield
    except (StorageError, SQLAlchemyError, OSError):
        raise
    except Exception as bug:
        raise AirflowFailException(f"程序错误：{type(bug).__name__}: {bug}") from bug


def _log_result(what: str, result: Any) -> None:
    """Log a result rather than return it: an XCom that nobody reads costs each task a round trip."""
    log.info("%s: %s", what, result)


def announce_task(*, dag_run: Any, outlet_events: Any) -> None:
    """Emit one event per prefecture that has become complete; skip, which emits none, if there is none.

    The run ends here, so what its failed tasks have left is given up to the next one first.

    Its pool has one slot: a second run at the same time would announce what this one has not recorded yet.
    """
    from airflow.sdk.exceptions import AirflowSkipException

    from baosong.pipeline.completeness import newly_complete
    from baosong.pipeline.leftovers import remove_leftovers

    open_services().ledger.release_run(dag_run.run_id)
    _log_result("swept", remove_leftovers(open_services()))  # here, as nobody's receipt waits for it
    keys = newly_complete(open_services())
    if not keys:
        raise AirflowSkipException("没有新交齐的地州市。")
    outlet_events[PREFECTURE_COMPLETE].add_partitions(keys)


def record_announced(context: Any) -> None:
    """Record what was announced, once Airflow has the events: announcing again does no harm, never to would."""
    from baosong.pipeline.completeness import mark_announced

    keys = context["outlet_events"][PREFECTURE_COMPLETE].partition_keys
    mark_announced(open_services(), sorted(keys))


def confirm_complete_task(*, dag_run: Any) -> str:
    """Return the campaign of the run's partition if the ledger, too, says that it is complete; else skip."""
    from airflow.sdk.exceptions import AirflowFailException

    campaign_id = dag_run.partition_key
    if not campaign_id:
        raise AirflowFailException("手动触发时请填写分区键，即活动编号，例如 2023。")
    _confirm_complete(campaign_id)
    return str(campaign_id)


def _confirm_complete(campaign_id: str) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    from baosong.pipeline.completeness import is_complete

    if not is_complete(open_services(), campaign_id):
        raise AirflowSkipException(f"活动 {campaign_id} 尚未交齐，不生成终稿。")


def write_report_task(campaign_id: str) -> dict[str, Any]:
    """Write the campaign's final report; the same inputs as the last version's make no new one.

    Skipped where a file was withdrawn meanwhile: a final report without a prefecture needs somebody's approval.
    """
    _confirm_complete(campaign_id)
    return _write_report(campaign_id, "final")


def decide_held_task(*, params: Any, dag_run: Any) -> str:
    """Record an operator's decision on a held file; the intake DAG does the rest, started by this task's event.

    Returns the answer in words, also where the form cannot be carried out: that is no fault of the system.
    """
    from baosong.pipeline import manual_review
    from baosong.rules.findings import Kind

    who = dag_run.triggering_user_name or "Airflow"
    number, reason, kind = params["number"], params["reason"], params["deliverable"]
    try:
        if params["decision"] == RELEASE:
            manual_review.release(open_services(), number, who, reason, Kind(kind) if kind else None)
        else:
            manual_review.refuse(open_services(), number, who, reason)
    except manual_review.ReviewRefused as wrong:
        log.warning("没有办理：%s", wrong)
        return f"没有办理：{wrong}"
    return f"第 {number} 号文件的结论已记下：{params['decision']}。"


def opened_campaigns_task() -> list[str]:
    """Return the campaigns that prefectures can submit to."""
    from baosong.pipeline.open_campaign import opened

    return opened(open_services())


def consolidate_task(campaign_id: str) -> dict[str, Any]:
    """Write tonight's edition: the final one where it is due, which makes up for a lost roll-up, else the interim."""
    from baosong.pipeline.closing import edition_due
    from baosong.pipeline.open_campaign import renew_status_pages

    renew_status_pages(open_services(), campaign_id)
    return _write_report(campaign_id, edition_due(open_services(), campaign_id))


def closing_questions_task(*, dag_run: Any) -> list[dict[str, str]]:
    """Return what this run is to ask about campaigns that are over and not complete."""
    from baosong.pipeline import closing

    return closing.questions(open_services(), dag_run.run_id, datetime.now(UTC))


def close_task(campaign_id: str, day: str, answer: dict[str, Any]) -> None:
    """Do as a person answered, or wait on where nobody did."""
    from baosong.pipeline import closing

    user, close = answer["responded_by_user"], answer["chosen_options"] == [CLOSE]
    who, reason = (user["name"], answer["params_input"].get("reason") or "") if user else (None, "到时没有答复")
    with _no_retry_of_templates():
        done = closing.decide(
            open_services(), campaign_id, date.fromisoformat(day), close, who, reason, datetime.now(UTC)
        )
    _log_result(campaign_id, done)


def verify_task() -> None:
    """Read tonight's share of the stored objects; fail, without a retry, if any of them is not as it was."""
    from airflow.sdk.exceptions import AirflowFailException

    from baosong.preservation import fixity

    found = fixity.verify(open_services(), None, fixity.due(datetime.now(UTC)), lambda *_: None)
    _log_result("verified", f"{found.read} of {found.total}")
    for place, faults in found.faults.items():
        log.error("%s：%s", place, "；".join(faults))
    if found.faults:
        raise AirflowFailException(f"归档、隔离或汇总中有 {len(found.faults)} 项与登记不符，逐项见上。")


def remind_task() -> None:
    """Decide today's reminders; each is one message, however often this runs on its day."""
    from baosong.pipeline.reminders import remind_all

    _log_result("new reminders", remind_all(open_services(), datetime.now(UTC)))


def send_messages_task(*, asset_state_store: Any) -> None:
    """Look whether operators must be alarmed, and send the messages that wait.

    A mail server that is away makes them wait, not this task fail.
    """
    from baosong.pipeline.notify import send_due
    from baosong_airflow import alarms
    from baosong_airflow.channels import lines

    services = open_services()
    try:
        alarms.look(services, asset_state_store, datetime.now(UTC))
    finally:
        _log_result("messages", send_due(services, lines(services.settings.home)))


def tidy_task(campaign_id: str) -> dict[str, int]:
    """Remove the files from quarantine that nobody needs any more; held and unanswered ones stay."""
    from baosong.preservation import retention

    return retention.apply_retention(open_services(), campaign_id, datetime.now(UTC))


def _write_report(campaign_id: str, edition: Literal["final", "interim"]) -> dict[str, Any]:
    from baosong.pipeline.publish import publish_report

    with _no_retry_of_templates():
        return publish_report(open_services(), campaign_id, edition, datetime.now(UTC))


@contextmanager
def _no_retry_of_templates() -> Iterator[None]:
    from airflow.sdk.exceptions import AirflowFailException

    from baosong.report.files import TemplateRefused

    try:
        yield
    except TemplateRefused as wrong:  # a retry would not correct the template
        raise AirflowFailException(str(wrong)) from wrong
