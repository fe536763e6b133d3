"""The floor under drop -> receipt: the shape and the trigger of the DAG `intake`, with nothing in its tasks.

Only its first task looks at the intake, and only its last one writes an answer and takes the files away, without
which there would be nothing to measure.
"""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    AssetWatcher,
    CronTriggerTimetable,
    TriggerRule,
    task,
    task_group,
)

from baosong_airflow.trigger import IntakeTrigger

BELL = Asset("floor", uri="baosong://floor", watchers=[AssetWatcher("bucket", IntakeTrigger(poll_seconds=1.0))])

with DAG(
    "floor",
    schedule=AssetOrTimeSchedule(assets=[BELL], timetable=CronTriggerTimetable("*/5 * * * *", timezone="UTC")),
    start_date=pendulum.datetime(2023, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
):

    def _storage():
        from baosong.store.s3 import Storage
        from baosong.store.settings import Settings

        return Storage(Settings.load().s3)

    @task
    def find_new():
        """Return one piece of work for all that lies there."""
        keys = [stored.key for stored in _storage().list("intake")]
        return [{"name": "floor", "keys": keys}] if keys else []

    @task
    def nothing(work):
        """Do nothing, as each check would."""

    @task
    def reply(work):
        """Answer each file and take it away."""
        store = _storage()
        for key in work["keys"]:
            store.put("outbox", f"{key}.answer", b"")
            store.remove("intake", key)

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def announce():
        """Announce nothing."""

    settled = EmptyOperator(task_id="settled", trigger_rule=TriggerRule.NONE_FAILED)

    @task_group
    def prefecture(work):
        """Three checks, one filing, one reply."""
        checks = [nothing.override(task_id=f"check_{n}")(work) for n in range(3)]
        checks >> nothing.override(task_id="archive")(work) >> reply(work) >> settled

    prefecture.expand(work=find_new()) >> announce() >> settled
