"""### 汇总报告

**做什么**：一个活动的全部地州市都交齐五项材料后，写出全区终稿（汇总总结报告、汇总表、网页版、
全部数据和与前一版相比的变化），存入报告桶 `活动/final/vN/`。

**何时运行**：收到该活动全部地州市的“交齐”分区事件时自动运行一次；界面上可以看到已收到哪些、还缺哪些。
第一步先向台账核实，确实交齐才往下走，否则跳过。内容与上一版相同时不产生新版本。

**变红怎么办**：日志说“报告模板有误”的，按提示的段落修改模板；其他请看任务日志，排除存储或数据库故障后清除（Clear）失败的任务即可重跑，重跑是安全的。
即使不处理，每日 02:00 的“夜间汇总”也会补上。
"""

from __future__ import annotations

from airflow.sdk import DAG, PartitionedAssetTimetable, RollupMapper, WaitForAll, task

from baosong_airflow import tasks
from baosong_airflow.assets import PREFECTURE_COMPLETE
from baosong_airflow.partitions import AllPrefectures, CampaignOf

ONCE_ALL_HAVE_SUBMITTED = RollupMapper(upstream_mapper=CampaignOf(), window=AllPrefectures(), wait_policy=WaitForAll())

with DAG(
    "province_report",
    dag_display_name="汇总报告",
    description="全部地州市交齐后写出全区终稿",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=PREFECTURE_COMPLETE, default_partition_mapper=ONCE_ALL_HAVE_SUBMITTED),
    tags={"报送", "汇总"},
    **tasks.DAG_ARGS,
):
    confirm_complete = task(tasks.confirm_complete_task, task_id="confirm_complete", task_display_name="向台账核实")
    write_report = task(tasks.write_report_task, task_id="write_report", task_display_name="写出终稿")
    write_report(confirm_complete())
