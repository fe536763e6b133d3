"""### 催报

**做什么**：到了活动文件 `reminders` 规定的日子（截止前、当天、截止后各几天）和时刻，给没有报齐的地州市各写一条催报，
写明还缺哪几项、还有几天，发到活动文件 `contacts` 里的邮箱；同时给值班人员一份名单。每个地州市每天一条，
由“发送消息”发出。

**何时运行**：每天 07:00 至 20:30（北京时间）每半小时看一次；没有到时刻、当天已经写过的什么也不做。
当天停机的，恢复后补上。

**变红怎么办**：请看任务日志，排除数据库或存储故障即可；半小时后自动再看，不会重复催报。
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from baosong_airflow import tasks

with DAG(
    "reminders",
    dag_display_name="催报",
    description="到了规定的日子，提醒没有报齐的地州市还缺什么",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("0,30 7-20 * * *", timezone="Asia/Shanghai"),
    tags={"报送", "消息"},
    **tasks.DAG_ARGS,
):
    remind = task(tasks.remind_task, task_id="remind", task_display_name="写催报")
    remind()
