"""Twenty demonstrations in turn on one stack: each holds, and its region's report is written by exactly one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak import WholeStack, baosong, ended, finished_runs

DEMOS = 20
pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]


def test_the_report_is_written_once_for_each_of_twenty_demos(tmp_path: Path) -> None:
    home = tmp_path / "home"
    try:
        for number in range(1, DEMOS + 1):
            assert "演示通过" in ended(baosong(home, "demo", "--small"), 400)
            runs = [(run["state"], run["run_type"]) for run in finished_runs(WholeStack(home), "province_report")]
            assert runs == [("success", "asset_triggered")] * number
    finally:
        ended(baosong(home, "down"), 120)
