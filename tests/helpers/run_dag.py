"""Run DAGs with `dag.test()` in a process of its own, which Airflow's configuration can have to itself.

Reads one JSON request a line, {"dag": id, "env": {...}, "ill": task id or null, "lost": task id or null,
"conf": {...}}, and answers each with one line that begins with RESULT: the run's state and that of every task. An ill
task fails as it would if its system were down; a lost one ends before what is called on its success.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

RESULT = "RESULT "


def fail(*_: Any, **__: Any) -> None:
    """Stand in for a task whose system is down."""
    raise OSError("injected: the system is ill")


def run(dag_id: str, ill: str | None, lost: str | None, conf: dict[str, Any]) -> dict[str, Any]:
    """Run a DAG once on the metadata database and the stores that the environment names."""
    from airflow.dag_processing.dagbag import DagBag

    from baosong_airflow import tasks

    tasks.open_services.cache_clear()
    dag = DagBag(os.environ["AIRFLOW__CORE__DAGS_FOLDER"]).dags[dag_id]
    if ill:
        task = dag.get_task(ill)
        task.python_callable, task.retries = fail, 0
    if lost:
        dag.get_task(lost).on_success_callback = []
    done = dag.test(run_conf=conf)
    tis = done.get_task_instances()
    states = [{"task": t.task_id, "index": t.map_index, "state": t.state, "name": t.rendered_map_index} for t in tis]
    return {"state": done.state, "tasks": states}


def main() -> None:
    """Answer requests until nobody asks any more."""
    for line in sys.stdin:
        request = json.loads(line)
        os.environ.update(request["env"])
        print(
            RESULT
            + json.dumps(run(request["dag"], request["ill"], request["lost"], request["conf"]), ensure_ascii=False),
            flush=True,
        )


if __name__ == "__main__":
    main()
