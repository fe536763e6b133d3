"""### 收件

**做什么**：逐个地州市处理收件桶中的全部新文件：校验统计表、影像、文档和压缩包，归档（或隔离），出具回执，再把已答复的文件移出收件桶。
某地州市五项材料交齐时，发布分区事件“活动|地州市代码”，全部交齐后自动触发“汇总报告”。

**何时运行**：收件桶一有新文件，监视器立即触发；另外每 5 分钟例行清点一次。每次运行都以桶中实际内容为准，
事件丢失、重复或迟到只影响快慢，不影响结果。

**变红怎么办**：材料不合格不会变红，只会写进回执。变红说明系统有问题（存储、数据库或程序）。任务会自动重试；
重试用尽后请看该任务的日志，排除故障后不必补跑，下一次运行会接着处理。
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, TriggerRule, task, task_group

from baosong_airflow import tasks
from baosong_airflow.assets import INTAKE, PREFECTURE_COMPLETE

SWEEP = CronTriggerTimetable("*/5 * * * *", timezone="Asia/Shanghai")
OF_PREFECTURE = {"map_index_template": "{{ task.op_kwargs['work']['name'] }}"}
OF_BATCH = {"map_index_template": "{{ task.op_kwargs['keys'] | length }} 个地州市"}
LONG = {"execution_timeout": timedelta(hours=2)}  # the largest video is read, written and read back, or unpacked

with DAG(
    "intake",
    dag_display_name="收件",
    description="逐个地州市校验、归档新到的文件并出具回执",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(assets=[INTAKE], timetable=SWEEP),
    tags={"报送", "收件"},
    **tasks.DAG_ARGS,
):
    find_new = task(tasks.find_new_task, task_id="find_new", task_display_name="清点新文件")
    sheets = task(tasks.check_task, task_id="check_statistics", task_display_name="校验统计表", pool="sheets")
    media = task(tasks.check_task, task_id="check_media", task_display_name="校验照片与视频", pool="media")
    papers = task(tasks.check_task, task_id="check_documents", task_display_name="校验文档", **LONG)
    archive = task(
        tasks.archive_task,
        task_id="archive",
        task_display_name="归档",
        **LONG,
        trigger_rule=TriggerRule.ALL_DONE_MIN_ONE_SUCCESS,  # one failed check must not hold up what the others checked
    )
    reply = task(tasks.reply_task, task_id="reply", task_display_name="出具回执")
    find_complete = task(
        tasks.find_complete_task,
        task_id="find_complete",
        task_display_name="清点已交齐",
        trigger_rule=TriggerRule.ALL_DONE,  # one failed prefecture must not silence the others
    )
    announce = task(
        tasks.announce_task, task_id="announce", task_display_name="发布已交齐", outlets=[PREFECTURE_COMPLETE]
    )
    mark_announced = task(tasks.mark_announced_task, task_id="mark_announced", task_display_name="记录已发布")
    settled = EmptyOperator(task_id="settled", task_display_name="收尾", trigger_rule=TriggerRule.NONE_FAILED)

    @task_group(group_display_name="地州市", default_args=OF_PREFECTURE)
    def prefecture(work: tasks.Work) -> None:
        """Check one prefecture's new files, archive them and answer."""
        checks = [
            sheets(work=work, kinds=["statistics"]),
            media(work=work, kinds=["photo", "video"]),
            papers(work=work, kinds=["report", "press"]),
        ]
        checks >> archive(work=work) >> reply(work=work) >> settled
        checks >> settled

    @task_group(group_display_name="发布", default_args=OF_BATCH)
    def announcement(keys: list[str]) -> None:
        """Publish which prefectures have become complete, for the report."""
        announce(keys=keys) >> mark_announced(keys=keys) >> settled

    complete = find_complete()
    prefecture.expand(work=find_new()) >> complete >> settled
    announcement.expand(keys=complete)
