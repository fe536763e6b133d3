"""How Airflow's four processes are started: all configuration is in environment variables."""

from __future__ import annotations

import importlib.metadata
import json
import os
import sys
from collections.abc import Mapping

from baosong.store.settings import PROJECT
from baosong_local.stack.layout import Layout
from baosong_local.stack.postgres import Postgres
from baosong_local.stack.process import Program
from baosong_local.stack.secrets import Secrets

ZONE = "Asia/Shanghai"
WORKERS = 4
# How Airflow's database calls the lives of the components that have one there.
JOBS = {"scheduler": "SchedulerJob", "triggerer": "TriggererJob", "dag-processor": "DagProcessorJob"}
POOLS = {
    "large": (2, "大文件的校验、归档和答复，读写量大"),
    "announce": (1, "发布已交齐，一次一个，请勿改大"),
}
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "USER", "LOGNAME")


def version() -> str:
    """Return the installed Airflow's version."""
    return importlib.metadata.version("apache-airflow")


def programs(layout: Layout, ui_port: int, env: Mapping[str, str]) -> list[Program]:
    """Return the four processes, in the order of their start."""
    preloaded = {**env, "PYTHONPATH": str(PROJECT / "plugins" / "preload")}  # the one that airflow_local_settings is on
    return [
        _program(layout, "api-server", ["--host", "127.0.0.1", "--port", str(ui_port), "--workers", "1"], env),
        _program(layout, "scheduler", ["--skip-serve-logs"], preloaded),
        _program(layout, "dag-processor", [], env),
        _program(layout, "triggerer", ["--skip-serve-logs"], env),
    ]


def migration(layout: Layout, env: Mapping[str, str]) -> Program:
    """Return the program that brings Airflow's database up to date and ends."""
    return Program("migration", [*_airflow(), "db", "migrate"], layout.airflow, layout.log("migration"), env)


def environment(
    layout: Layout, postgres: Postgres, secrets: Secrets, ui_port: int, domain: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of every Airflow process; `domain` are our own BAOSONG_* variables."""
    settings = {
        **_database(postgres),
        **_security(layout, secrets),
        **_core(ui_port),
        **_pace(),
    }
    return {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **{f"AIRFLOW__{section}__{name}": value for (section, name), value in settings.items()},
        **domain,
        "AIRFLOW_HOME": str(layout.airflow),
        "AIRFLOW_CONFIG": str(layout.airflow / "airflow.cfg"),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "NO_PROXY": "*",
        "OPENBLAS_NUM_THREADS": "1",
    }


def _database(postgres: Postgres) -> dict[tuple[str, str], str]:
    return {
        ("DATABASE", "SQL_ALCHEMY_CONN"): postgres.url("airflow"),
        ("DATABASE", "SQL_ALCHEMY_CONN_ASYNC"): postgres.url("airflow", "asyncpg"),
        ("DATABASE", "CHECK_MIGRATIONS"): "False",  # the supervisor has seen to it
    }


def _security(layout: Layout, secrets: Secrets) -> dict[tuple[str, str], str]:
    return {
        ("CORE", "FERNET_KEY"): secrets.fernet_key,
        ("API_AUTH", "JWT_SECRET"): secrets.jwt_secret,
        ("API", "SECRET_KEY"): secrets.api_secret,
        ("CORE", "AUTH_MANAGER"): "baosong_airflow.sign_in.AccountsAuthManager",
        ("API", "ENABLE_SWAGGER_UI"): "False",
    }


def _core(ui_port: int) -> dict[tuple[str, str], str]:
    url = f"http://127.0.0.1:{ui_port}"
    folders = [str(PROJECT / "dags"), *filter(None, os.environ.get("BAOSONG_EXTRA_DAGS", "").split(os.pathsep))]
    bundles = [
        {
            "name": "dags-folder" if number == 0 else f"extra-{number}",
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": folder, "refresh_interval": 5},
        }
        for number, folder in enumerate(folders)
    ]
    return {
        ("CORE", "DAGS_FOLDER"): str(PROJECT / "dags"),
        ("CORE", "PLUGINS_FOLDER"): str(PROJECT / "plugins"),
        ("CORE", "LOAD_EXAMPLES"): "False",
        ("CORE", "DAGS_ARE_PAUSED_AT_CREATION"): "False",
        ("CORE", "DEFAULT_TIMEZONE"): ZONE,
        ("CORE", "EXECUTOR"): "LocalExecutor",
        ("CORE", "PARALLELISM"): str(WORKERS),
        ("CORE", "MP_START_METHOD"): "fork",
        ("CORE", "HOSTNAME_CALLABLE"): "socket.gethostname",  # no question to a name server
        ("CORE", "EXECUTION_API_SERVER_URL"): f"{url}/execution/",
        ("API", "BASE_URL"): url,
        ("API", "INSTANCE_NAME"): "报送",
        ("DAG_PROCESSOR", "DAG_BUNDLE_CONFIG_LIST"): json.dumps(bundles),
    }


def _pace() -> dict[tuple[str, str], str]:
    """Return the settings that make a drop answered within seconds, and what dies noticed within a minute."""
    return {
        ("SCHEDULER", "SCHEDULER_IDLE_SLEEP_TIME"): "0.4",
        ("SCHEDULER", "SCHEDULER_HEALTH_CHECK_THRESHOLD"): "20",
        ("SCHEDULER", "ORPHANED_TASKS_CHECK_INTERVAL"): "15",
        ("SCHEDULER", "TASK_INSTANCE_HEARTBEAT_TIMEOUT"): "60",
        ("SCHEDULER", "TASK_QUEUED_TIMEOUT"): "120",
        ("SCHEDULER", "TASK_QUEUED_TIMEOUT_CHECK_INTERVAL"): "15",
        ("SCHEDULER", "MAX_TIS_PER_QUERY"): "64",
        ("CORE", "MIN_SERIALIZED_DAG_UPDATE_INTERVAL"): "5",
        ("DAG_PROCESSOR", "REFRESH_INTERVAL"): "5",
        ("DAG_PROCESSOR", "BUNDLE_REFRESH_CHECK_INTERVAL"): "1",
        ("DAG_PROCESSOR", "MIN_FILE_PROCESS_INTERVAL"): "60",
        ("DAG_PROCESSOR", "PRINT_STATS_INTERVAL"): "0",
        ("LOGGING", "UVICORN_LOGGING_LEVEL"): "WARNING",
        # A task's supervisor may miss the task's end and then keeps its worker until the next heartbeat.
        ("WORKERS", "MIN_HEARTBEAT_INTERVAL"): "1",
    }


def _program(layout: Layout, component: str, options: list[str], env: Mapping[str, str]) -> Program:
    argv = [*_airflow(), component, *options]
    retry_timeout = 20.0 if component == "scheduler" else 6.0  # it waits for its running tasks
    return Program(component, argv, layout.airflow, layout.log(component), env, retry_timeout=retry_timeout)


def _airflow() -> list[str]:
    return [sys.executable, "-m", "airflow"]
