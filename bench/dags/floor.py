"""The floor under drop -> receipt: the smallest shape that could answer: one task that lists, and one that answers.

Its trigger is that of the DAG `intake`.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, AssetWatcher, CronTriggerTimetable, task

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
        from baosong.store.settings import Settings
        from baosong.store.storage import Storage

        return Storage(Settings.load().s3)

    @task
    def find_new():
        """Return all that lies there."""
        return [stored.key for stored in _storage().list("intake")]

    @task
    def reply(keys):
        """Answer each file and take it away."""
        store = _storage()
        for key in keys:
            store.put("outbox", f"{key}.answer", b"")
            store.remove("intake", key)

    reply(find_new())
