"""### 夜间汇总

**做什么**：为每个已开放的活动写一版报告：未交齐的写当日的中期稿（含未交名单），存入报告桶 `活动/interim/日期/`；
已交齐而终稿缺失或已过时（例如终稿之后又有补报）的、
结束收报后获延长的单位已报齐的，写新一版终稿。内容没有变化时不产生新版本。
各地州市的状态页也重写一遍：截止时间、联系人等在活动文件里改过的，不会一直显示旧的。
另外整理隔离区：退回的文件保存期满（活动文件的 `quarantine.keep_days`）后清除内容，登记和记录保留；
已放行的文件清除隔离区里的副本；待人工审核的和还没有答复的一律不动。

**何时运行**：每天 02:00（北京时间）。也可以随时手动触发。

**变红怎么办**：请看任务日志，排除存储或数据库故障后清除（Clear）失败的任务即可重跑，重跑是安全的；
不处理也可以，第二天夜里会再做一遍。
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from baosong_airflow import tasks

with DAG(
    "nightly_consolidation",
    dag_display_name="夜间汇总",
    description="每天凌晨写中期稿，补上缺失或过时的终稿，并整理隔离区",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0 2 * * *", timezone="Asia/Shanghai"),
    tags={"报送", "汇总"},
    **tasks.DAG_ARGS,
):
    opened_campaigns = task(
        tasks.opened_campaigns_task, task_id="opened_campaigns", task_display_name="列出已开放的活动"
    )
    consolidate = task(
        tasks.consolidate_task,
        task_id="consolidate",
        task_display_name="汇总",
        map_index_template="{{ task.op_kwargs['campaign_id'] }}",
    )
    tidy = task(
        tasks.tidy_task,
        task_id="tidy",
        task_display_name="整理隔离区",
        map_index_template="{{ task.op_kwargs['campaign_id'] }}",
    )
    opened = opened_campaigns()
    consolidate.expand(campaign_id=opened)
    tidy.expand(campaign_id=opened)
