"""### 保管核对

**做什么**：每夜清点归档桶和隔离桶：缺失、多出、大小不符的，少了记录（`.json`）的，日志缺页的，都会发现；报告桶里各版全区汇总的文件及其副本
有缺失的也会发现。并逐字节读出最久没有读过的一部分，与登记的 sha256 比对。
每个文件至少每季度读一遍，上次有问题的每夜都读。读到哪里随时记入台账，中断后下一夜接着读。

**何时运行**：每天 03:30（北京时间）。也可以随时手动触发，或用命令 `./baosong verify` 立即全部核对。

**变红怎么办**：变红说明保管的文件有损坏、缺失或被改动，不是材料不合格。任务日志和看板逐项列出在哪里、怎么了。
请立即停止对存储的其他操作，查明原因，按运行指南从备份或存储的旧版本恢复；
全区汇总的文件可用 `./baosong verify --mend` 据副本恢复。恢复后再次触发，全部完好即变绿。
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task

from baosong_airflow import tasks

with DAG(
    "fixity",
    dag_display_name="保管核对",
    description="每夜核对归档、隔离的文件和全区汇总是否完好",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("30 3 * * *", timezone="Asia/Shanghai"),
    tags={"报送", "保管"},
    **tasks.DAG_ARGS,
):
    verify = task(
        tasks.verify_task,
        task_id="verify",
        task_display_name="核对",
        execution_timeout=timedelta(hours=8),
    )
    verify()
