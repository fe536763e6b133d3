"""The report, asked for on the command line."""

from __future__ import annotations

from typing import Any

from baosong.store.settings import Settings
from cli_help import call
from waiting import until


def test_report_is_refused_with_the_names_of_who_is_missing_unless_interim(settings: Settings, services: Any) -> None:
    env = {
        "BAOSONG_HOME": str(settings.home),
        "BAOSONG_S3_ENDPOINT": settings.s3.endpoint,
        "BAOSONG_S3_ACCESS_KEY": settings.s3.access_key,
        "BAOSONG_S3_SECRET_KEY": settings.s3.secret_key,
        "BAOSONG_LEDGER_URL": settings.ledger_url,
        **{f"BAOSONG_BUCKET_{name.upper()}": bucket for name, bucket in settings.s3.buckets.items()},
    }
    refused = call("report", "2023", **env)
    assert refused.returncode == 2
    assert "尚有 14 个地州市未报齐：乌鲁木齐市" in refused.stderr
    written = call("report", "2023", "--interim", **env)
    assert written.returncode == 0, written.stderr
    until(lambda: list(services.storage.list("reports", "2023/interim/")), what="the interim report")
