"""Import this before Airflow: it points Airflow to a home of its own and to this project's DAGs and plugins."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from baosong.store.settings import Settings

PROJECT = Path(__file__).resolve().parents[2]


def environment(home: Path | str) -> dict[str, str]:
    """Return the environment of an Airflow process that knows this project and nothing else."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__API_AUTH__JWT_SECRET": "tests-only-" * 8,
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    }


def baosong_environment(settings: Settings) -> dict[str, str]:
    """Return the `BAOSONG_*` environment that stands for these settings."""
    s3 = settings.s3
    return {
        "BAOSONG_HOME": str(settings.home),
        "BAOSONG_S3_ENDPOINT": s3.endpoint,
        "BAOSONG_S3_CUSTODY_ENDPOINT": s3.internal_endpoint,
        "BAOSONG_S3_ACCESS_KEY": s3.access_key,
        "BAOSONG_S3_SECRET_KEY": s3.secret_key,
        "BAOSONG_S3_SECURE": "true" if s3.secure else "false",
        "BAOSONG_S3_REGION": s3.region,
        "BAOSONG_LEDGER_URL": settings.ledger_url,
        "BAOSONG_CAMPAIGNS": os.pathsep.join(map(str, settings.campaign_dirs)),
        **{f"BAOSONG_BUCKET_{name.upper()}": bucket for name, bucket in s3.buckets.items()},
    }


_HOME = tempfile.mkdtemp(prefix="baosong-airflow-")
atexit.register(shutil.rmtree, _HOME, ignore_errors=True)
os.environ.update(environment(_HOME))
