"""The command line as an operator calls it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys


def call(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BAOSONG_", "AIRFLOW_"))}
    env = {**kept, "COLUMNS": "200", **env}
    argv = [sys.executable, "-W", "error", "-m", "baosong_local", *words]
    return subprocess.run(argv, env=env, text=True, capture_output=True, check=False, timeout=120)
