"""### 发送消息

**做什么**：把等待发送的消息（回执通知、催报、报警）发出去。邮件按连接 `baosong_smtp` 发送，没有设置的存为
`messages` 文件夹里的 .eml 文件；群机器人（企业微信、钉钉、飞书等）按连接 `baosong_apprise` 发送，没有设置的不发。
每条只发一次，任务重跑、中断都不会重发；邮件服务器不通的逐次拉长间隔重试，三天后不再发。收件、回执和汇总都不等它。

发之前先看收件监视和磁盘：监视器没有声音、磁盘快满，就写一条报警给值班人员，同一原因每天一条。任务失败的报警由各任务自己写。

**何时运行**：每 2 分钟一次。发到哪里、发出没有，见报送看板的“消息”。

**变红怎么办**：邮件服务器不通不会变红。变红说明数据库或程序有问题，下一次运行会接着发，不必补跑。
"""

from __future__ import annotations

from airflow.sdk import DAG, CronTriggerTimetable, task

from baosong_airflow import tasks
from baosong_airflow.assets import INTAKE, INTAKE_LARGE

with DAG(
    "messages",
    dag_display_name="发送消息",
    description="发出回执通知、催报和报警，每条一次",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/2 * * * *", timezone="Asia/Shanghai"),
    tags={"报送", "消息"},
    **tasks.DAG_ARGS,
):
    send = task(
        tasks.send_messages_task,
        task_id="send",
        task_display_name="发出",
        inlets=[INTAKE, INTAKE_LARGE],  # whose watchers' notes it reads
        queue="messages",  # in production of the one worker that reaches mail servers; a single machine knows no queues
        weight_rule="absolute",  # the last of all that waits for a worker
        priority_weight=1,
    )
    send()
