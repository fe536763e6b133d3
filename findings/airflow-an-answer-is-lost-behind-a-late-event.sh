#!/usr/bin/env bash
# apache-airflow 3.3.2 with apache-airflow-providers-standard 1.21.0, `HITLOperator`: an answer that comes before the
# scheduler has handled the end of the process that asked is taken with 200 and may be lost. The answer sets the waiting task back to
# `scheduled`; the scheduler queues it, then reads the executor's late "success" of the process that asked, finds the
# task `queued`, takes that for an accident, and the task is `up_for_retry`. The retry asks again, and deletes the answer
# with who gave it and when: nothing tells that there was one. A scheduler that is held up for as long as a person needs
# is enough; here it is stopped while the task asks.
#
# Seen (2026-11-30; in four of five runs at the first question, so up to eight are asked):
#   answered: 200, yes
#   after it: try 2 awaiting_input, answer received: False, chosen: []
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet apache-airflow==3.3.2 apache-airflow-providers-standard==1.21.0 requests==2.34.2
mkdir "$folder/dags"
cat > "$folder/dags/ask.py" <<'PYTHON'
from datetime import timedelta

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import dag


@dag(schedule=None, is_paused_upon_creation=False)
def question():
    HITLOperator(
        task_id="ask", subject="?", options=["yes", "no"], retries=3, retry_delay=timedelta(seconds=1)
    )


question()
PYTHON
export AIRFLOW_HOME=$folder/airflow AIRFLOW__CORE__DAGS_FOLDER=$folder/dags AIRFLOW__CORE__LOAD_EXAMPLES=false
export AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS=true PATH=$folder/venv/bin:$PATH
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import os
import signal
import socket
import subprocess
import time
from importlib.metadata import version

import requests

print("apache-airflow", version("apache-airflow"), "standard provider", version("apache-airflow-providers-standard"))
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = str(probe.getsockname()[1])
url = f"http://127.0.0.1:{port}"
os.environ |= {
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
    "AIRFLOW__API__BASE_URL": url,
    "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
}
log = open(os.environ["AIRFLOW_HOME"] + ".log", "w")


def start(*words):
    return subprocess.Popen(["airflow", *words], stdout=log, stderr=log, start_new_session=True)


def until(found, what, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := found():
                return value
        except (requests.ConnectionError, KeyError, IndexError):
            pass
        time.sleep(0.05)
    raise SystemExit(f"not seen in {seconds} s: {what}")


subprocess.run(["airflow", "db", "migrate"], stdout=log, stderr=log, check=True)
running = [start("api-server", "--port", port), start("dag-processor")]
try:
    headers = until(lambda: {"Authorization": "Bearer " + requests.get(f"{url}/auth/token").json()["access_token"]}, "API")

    def api(method, path, **body):
        return requests.request(method, f"{url}/api/v2{path}", headers=headers, **({"json": body} if body else {}))

    until(lambda: api("GET", "/dags/question").ok, "the DAG")
    scheduler = start("scheduler")
    running.append(scheduler)
    def asked_and_answered():
        """Return what became of a question that was answered while the scheduler stood still."""
        run = until(lambda: api("POST", "/dags/question/dagRuns", logical_date=None).json()["dag_run_id"], "a run")
        path = f"/dags/question/dagRuns/{run}/taskInstances/ask"

        def task():
            return api("GET", path).json()

        until(lambda: task()["state"] in ("running", "awaiting_input"), "the task")
        os.kill(scheduler.pid, signal.SIGSTOP)  # alone: the process that asks goes on
        until(lambda: task()["state"] == "awaiting_input", "the question")
        answer = api("PATCH", f"{path}/-1/hitlDetails", chosen_options=["yes"], params_input={})
        print(f"answered: {answer.status_code}, {', '.join(answer.json().get('chosen_options', []))}")
        os.kill(scheduler.pid, signal.SIGCONT)
        until(lambda: task()["state"] in ("success", "failed") or task()["try_number"] == 2, "what follows")
        until(lambda: task()["state"] in ("success", "failed", "awaiting_input"), "its end")
        now, asked = task(), api("GET", f"{path}/-1/hitlDetails").json()
        chosen = asked.get("chosen_options") or []
        print(f"after it: try {now['try_number']} {now['state']}, answer received: {asked['response_received']}, chosen: {chosen}")
        return now["try_number"], now["state"], asked["response_received"], chosen

    lost = (2, "awaiting_input", False, [])
    assert any(asked_and_answered() == lost for _ in range(8)), "the behaviour has changed"
finally:
    for process in running:
        os.killpg(process.pid, signal.SIGCONT)
        os.killpg(process.pid, signal.SIGTERM)
    for process in running:
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
PYTHON
