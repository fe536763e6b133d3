"""What the DAGs wait for: something new in the intake, and prefectures that have become complete."""

from __future__ import annotations

from airflow.sdk import Asset, AssetWatcher

from baosong_airflow.trigger import IntakeTrigger

INTAKE = Asset("intake", uri="baosong://intake", group="baosong", watchers=[AssetWatcher("bucket", IntakeTrigger())])
INTAKE_LARGE = Asset(
    "intake_large",
    uri="baosong://intake_large",
    group="baosong",
    watchers=[AssetWatcher("bucket", IntakeTrigger(lane="large"))],
)
PREFECTURE_COMPLETE = Asset("prefecture_complete", uri="baosong://prefecture_complete", group="baosong")
