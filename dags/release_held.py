"""### 人工审核

**做什么**：对一个“待人工审核”的文件作出结论：放行（接收、归档、计入汇总）或退回。序号和原因见报送看板的“需要跟进”。
填写序号、结论和理由后，本流程记下结论、理由和审核人，随即触发“收件”：文件从隔离区复制到归档区并逐字节核对，登记，
另发回执；该地州市由此交齐的，照常发布。没有认出是哪一项材料的文件，放行时须指明。
带有密级标志的文件只能退回。结论不能更改；退回后可请报送方重新报送。

**何时运行**：只在人工触发时运行（右上角“触发”，填写表单）。重复提交同样的内容不会重复办理。

序号填错、文件已有结论、缺少材料类别等，不会变红：任务的返回值（XCom）和日志写明“没有办理”和原因，改正后重新触发即可。
在看板上办理更方便：打开地州市的页面，点该文件的“放行或退回”。

**变红怎么办**：变红说明存储或数据库有故障，排除后清除（Clear）失败的任务重跑，重跑是安全的。
"""

from __future__ import annotations

from airflow.sdk import DAG, Param, task

from baosong_airflow import tasks
from baosong_airflow.assets import INTAKE, INTAKE_LARGE

DELIVERABLES = {"report": "总结报告", "statistics": "统计表", "photo": "照片", "press": "媒体报道", "video": "视频"}
FORM = {
    "number": Param(None, type="integer", minimum=1, title="序号", description="看板上待审核文件的序号"),
    "decision": Param(tasks.RELEASE, type="string", enum=[tasks.RELEASE, tasks.REFUSE], title="结论"),
    "reason": Param(None, type="string", minLength=1, maxLength=500, title="理由", description="写进回执和台账"),
    "deliverable": Param(
        None,
        type=["null", "string"],
        enum=[None, *DELIVERABLES],
        values_display=DELIVERABLES,
        title="材料类别",
        description="只在文件没有认出是哪一项材料时填写",
    ),
}

with DAG(
    "release_held",
    dag_display_name="人工审核",
    description="放行或退回一个待人工审核的文件",
    doc_md=__doc__,
    schedule=None,
    params=FORM,
    tags={"报送", "收件"},
    **tasks.DAG_ARGS,
):
    decide = task(
        tasks.decide_held_task, task_id="decide", task_display_name="记录结论", outlets=[INTAKE, INTAKE_LARGE]
    )
    decide()
