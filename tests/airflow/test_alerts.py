"""The alert rules as Prometheus itself reads them: each fires at its fault, and none while all is well."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from baosong.store.settings import PROJECT

RULES = PROJECT / "docs" / "monitoring" / "alerts.yaml"
# A day of samples, one a minute, of what each rule looks at: all well, and the fault.
WELL = {
    'up{job="baosong"}': "1x1500",
    "baosong_store_up": "1x1500",
    'baosong_watcher_silent_seconds{watcher="intake"}': "30x1500",
    'baosong_watcher_failing{watcher="intake"}': "0x1500",
    'baosong_oldest_unanswered_seconds{lane="quick"}': "20x1500",
    'baosong_oldest_unanswered_seconds{lane="large"}': "3600x1500",
    'baosong_files{campaign="2023",kind="photo",state="held"}': "0x1500",
    'baosong_fixity_faults{bucket="archive"}': "0x1500",
    'baosong_messages{channel="mail",state="waiting"}': "0x1500",
}
FAULTS = {
    "BaosongDown": ('up{job="baosong"}', "0x1500", {"job": "baosong"}),
    "BaosongStoreDown": ("baosong_store_up", "0x1500", {}),
    "BaosongWatcherDead": ('baosong_watcher_silent_seconds{watcher="intake"}', "30+60x1500", {}),
    "BaosongWatcherRefused": ('baosong_watcher_failing{watcher="intake"}', "1x1500", {}),
    "BaosongSmallFileWaits": ('baosong_oldest_unanswered_seconds{lane="quick"}', "601x1500", {"lane": "quick"}),
    "BaosongFilmWaits": ('baosong_oldest_unanswered_seconds{lane="large"}', "21601x1500", {"lane": "large"}),
    "BaosongHeld": (
        'baosong_files{campaign="2023",kind="photo",state="held"}',
        "1x1500",
        {"campaign": "2023"},
    ),
    "BaosongFixity": ('baosong_fixity_faults{bucket="archive"}', "1x1500", {}),
    "BaosongMessagesStuck": ('baosong_messages{channel="mail",state="waiting"}', "1x1500", {}),
}
ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
}


def scenario(series: dict[str, str], expected: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What promtool is to see after a day; what is not expected must not fire."""
    fire = {
        name: [
            {
                "exp_labels": {**ALERTS[name]["labels"], **expected[name]},
                "exp_annotations": ALERTS[name]["annotations"],
            }
        ]
        for name in expected
    }
    return {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": "24h30m", "alertname": name, "exp_alerts": fire.get(name, [])} for name in ALERTS
        ],
    }


@pytest.mark.debian("promtool", "prometheus")
def test_each_rule_fires_at_its_fault_alone_and_none_while_all_is_well(tmp_path: Path) -> None:
    assert FAULTS.keys() == ALERTS.keys()
    never_looked = {name: values for name, values in WELL.items() if "watcher" not in name}
    tests = [
        scenario(WELL, {}),
        scenario(never_looked, {"BaosongWatcherDead": {}}),
        *(scenario({**WELL, name: values}, {alert: more}) for alert, (name, values, more) in FAULTS.items()),
    ]
    told = tmp_path / "alerts_test.yaml"
    told.write_text(json.dumps({"rule_files": [str(RULES)], "tests": tests}), encoding="utf-8")

    checked = subprocess.run(["promtool", "check", "rules", str(RULES)], capture_output=True, text=True, check=False)
    tested = subprocess.run(["promtool", "test", "rules", str(told)], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stderr) == (0, "")
    assert (tested.returncode, tested.stdout + tested.stderr) == (0, f"Unit Testing:  {told}\n  SUCCESS\n\n")
