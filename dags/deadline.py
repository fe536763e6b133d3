"""### 截止后收报

**做什么**：活动截止后，仍有地州市没有报齐的，把名单（哪个地州市、缺什么）列在 Airflow 的“待处理操作”里，请人决定：
“结束收报”——写出终稿，写明缺报的地州市，台账、看板和状态页记下谁批准、何时、为什么；
“继续等待”——第二天再问。全部报齐的、已经结束收报的、未报齐的单位里有延长了截止时间而没有到期的活动不问；每个活动每天只问一次。
结束以后到的文件照常校验、归档，列为迟报；全部报齐后另出新版终稿。
结束以后又获延长的，按新的截止时间催报，报齐当夜另出新版终稿，写明仍然缺报的。

**何时运行**：每天 09:00（北京时间）。也可以随时手动触发，当天已经问过的不会再问。等人答复时不占用工作进程；
23 小时没有答复的，按继续等待办理。

**变红怎么办**：请看任务日志，排除存储或数据库故障后清除（Clear）失败的任务即可重跑，重跑是安全的。
结论已经记下而终稿没有写成的，每日 02:00 的“夜间汇总”也会补上。
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, task, task_group

from baosong_airflow import tasks

REASON = Param("截止时间已过，不再等待", type="string", maxLength=500, title="理由", description="记入台账和看板")


@task_group(group_id="closing", group_display_name="是否结束收报")
def closing(campaign_id: str, day: str, subject: str, body: str) -> None:
    """Ask about one campaign, and do as is answered."""
    ask = HITLOperator(
        task_id="ask",
        task_display_name="请人决定",
        subject=subject,
        body=body,
        options=[tasks.CLOSE, tasks.WAIT],
        defaults=tasks.WAIT,
        params={"reason": REASON},
        response_timeout=timedelta(hours=23),  # so that the next day's question finds none that is open
        map_index_template="{{ task.subject }}",
    )
    close = task(
        tasks.close_task,
        task_id="close",
        task_display_name="照办",
        map_index_template="{{ task.op_kwargs['campaign_id'] }}",
    )
    close(campaign_id=campaign_id, day=day, answer=ask.output)


with DAG(
    "deadline",
    dag_display_name="截止后收报",
    description="截止后仍未报齐的，请人决定结束收报还是继续等待",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 9 * * *", timezone="Asia/Shanghai"),
    tags={"报送", "汇总"},
    **tasks.DAG_ARGS
    | {"max_active_runs": 3},  # a question that waits must not keep another campaign's from being asked
):
    questions = task(tasks.closing_questions_task, task_id="questions", task_display_name="列出未报齐的")
    closing.expand_kwargs(questions())
