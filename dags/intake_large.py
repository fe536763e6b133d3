"""### 收件（大文件）

**做什么**：处理收件桶中 64 MB 以上的文件（多为视频），以及一个地州市同时报来的过多文件：校验、归档（或隔离）、
出具回执，再把已答复的移出收件桶。大文件要整个读一遍、写一遍、再读回核对，所以单独处理，不耽误“收件”。每个大文件一个任务，
同时处理几个由资源池 `large` 的槽数决定，各地州市轮流。

**何时运行**：收件桶一有大文件，监视器立即触发；另外每 5 分钟例行清点一次。
前一次运行还没有结束时，新到的大文件由下一次运行同时处理。

**变红怎么办**：材料不合格不会变红，只会写进回执。变红说明系统有问题（存储、数据库或程序）。任务会自动重试；
重试用尽后请看该任务的日志，排除故障后不必补跑，下一次运行会接着处理。运行被人为删除的，它的文件最迟两小时后由别的运行接着处理。
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, AssetOrTimeSchedule

from baosong_airflow import lanes, tasks
from baosong_airflow.assets import INTAKE_LARGE

with DAG(
    "intake_large",
    dag_display_name="收件（大文件）",
    description="校验、归档大文件并出具回执，不耽误其他材料",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(assets=[INTAKE_LARGE], timetable=lanes.SWEEP),
    tags={"报送", "收件"},
    **{**tasks.DAG_ARGS, "max_active_runs": 4},  # a film that comes later need not wait for all films of a run
):
    lanes.wire(
        "large",
        tasks.receive_large_task,
        pool="large",
        queue="large",  # in production of workers that do nothing else; a single machine knows no queues
        execution_timeout=timedelta(hours=2),  # the largest video is read, written and read back
    )
