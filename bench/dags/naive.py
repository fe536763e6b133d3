"""The DAG that one would write first: a sensor that looks every 30 s, and a task for each file."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

PREFIX = "naive/"

with DAG(
    "naive",
    schedule="@continuous",
    start_date=pendulum.datetime(2023, 1, 1),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
):

    def _storage():
        from baosong.store.settings import Settings
        from baosong.store.storage import Storage

        return Storage(Settings.load().s3)

    @task.sensor(poke_interval=30, mode="reschedule")
    def wait_for_files():
        """Return whether anything lies there."""
        return any(_storage().list("intake", PREFIX))

    @task
    def list_files():
        """Return the keys of all that lies there."""
        return [stored.key for stored in _storage().list("intake", PREFIX)]

    @task
    def check_file(key):
        """Check one file, copy it to the archive, write its answer and take it away."""
        from baosong.campaign import Campaigns
        from baosong.store.settings import campaign_dirs
        from baosong.validation.check import check

        store = _storage()
        campaign = Campaigns(campaign_dirs()).get(key.split("/")[1])
        prefecture = campaign.prefecture(key.split("/")[2].split("-")[0])
        source = store.source("intake", store.head("intake", key))
        checked = check(source, None, campaign, prefecture)
        store.put("archive", key, source.read())
        store.put("outbox", f"{key}.answer", repr(checked.findings).encode())
        store.remove("intake", key)

    files = list_files()
    wait_for_files() >> files
    check_file.expand(key=files)
