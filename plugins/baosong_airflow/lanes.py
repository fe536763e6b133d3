"""What both lanes of the intake have in common: find what is new, receive it, announce who is complete."""

from __future__ import annotations

from typing import Any, Literal

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import CronTriggerTimetable, TriggerRule, task

from baosong_airflow import tasks
from baosong_airflow.assets import PREFECTURE_COMPLETE

SWEEP = CronTriggerTimetable("*/5 * * * *", timezone="Asia/Shanghai")


def wire(lane: Literal["quick", "large"], receive: Any, **options: Any) -> None:
    """Wire the tasks of a lane in the DAG that is being defined; `options` are those of `receive`."""
    find_new = task(tasks.find_new_task, task_id="find_new", task_display_name="清点新文件")
    receive = task(
        receive,
        task_id="receive",
        task_display_name="校验、归档、答复",
        map_index_template="{{ task.op_kwargs['work']['name'] }}",
        **options,
    )
    announce = task(
        tasks.announce_task,
        task_id="announce",
        task_display_name="发布已交齐",
        pool="announce",
        outlets=[PREFECTURE_COMPLETE],
        on_success_callback=tasks.record_announced,
        trigger_rule=TriggerRule.ALL_DONE,  # one failed prefecture must not silence the others
    )
    settled = EmptyOperator(task_id="settled", task_display_name="收尾", trigger_rule=TriggerRule.NONE_FAILED)
    received = receive.expand(work=find_new(lane))
    received >> announce() >> settled
    received >> settled
