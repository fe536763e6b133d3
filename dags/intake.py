"""### 收件

**做什么**：逐个地州市处理收件桶中的新文件：校验统计表、照片、文档和压缩包，归档（或隔离），出具回执，再把已答复的文件移出收件桶。
64 MB 以上的文件，以及一个地州市同时报来的过多文件，由“收件（大文件）”处理，这里的不必等它们。
某地州市五项材料交齐时，发布分区事件“活动|地州市代码”，全部交齐后自动触发“汇总报告”。

**何时运行**：收件桶一有新文件，监视器立即触发；另外每 5 分钟例行清点一次。每次运行都以桶中实际内容为准，
事件丢失、重复或迟到只影响快慢，不影响结果。同一地州市的文件同一时间只由一次运行处理。

**变红怎么办**：材料不合格不会变红，只会写进回执。变红说明系统有问题（存储、数据库或程序）。任务会自动重试；
重试用尽后请看该任务的日志，排除故障后不必补跑，下一次运行会接着处理。
"""

from __future__ import annotations

from airflow.sdk import DAG, AssetOrTimeSchedule

from baosong_airflow import lanes, tasks
from baosong_airflow.assets import INTAKE

with DAG(
    "intake",
    dag_display_name="收件",
    description="逐个地州市校验、归档新到的文件并出具回执",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(assets=[INTAKE], timetable=lanes.SWEEP),
    tags={"报送", "收件"},
    **{**tasks.DAG_ARGS, "max_active_runs": 3},  # a slow answer to one prefecture is not to keep the others waiting
):
    lanes.wire("quick", tasks.receive_task)
