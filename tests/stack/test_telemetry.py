"""Airflow's own metrics and traces reach a collector once the one variable says so, and nothing is sent until then."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import airflow_home
import compose_file
from baosong_local import env_file

PROGRAM = """
from airflow import settings
settings.initialize()
from airflow.observability.metrics import stats_utils
from airflow._shared.observability.metrics import stats
stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
stats.incr("scheduler_heartbeat")
from opentelemetry import metrics, trace
with trace.get_tracer("airflow").start_as_current_span("a task"):
    pass
for provider in (metrics.get_meter_provider(), trace.get_tracer_provider()):
    getattr(provider, "shutdown", lambda: None)()
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A receiver of OTLP over HTTP: its address, and what came by path."""
    came: list[tuple[str, bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            came.append((self.path, gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", came
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("on", [True, False])
def test_metrics_and_traces_arrive_where_the_variable_says_so_and_nowhere_otherwise(
    on: bool, collector: tuple[str, list[tuple[str, bytes]]], tmp_path: Path
) -> None:
    address, came = collector
    told = f"BAOSONG_S3_ACCESS_KEY=pipeline\nOTEL_EXPORTER_OTLP_ENDPOINT={address}\n" + "OTEL_ON=true\n" * on
    (tmp_path / ".env").write_text(told, encoding="utf-8")
    for name in env_file.secret_files():
        (tmp_path / "secrets").mkdir(exist_ok=True)
        (tmp_path / "secrets" / name).write_text("x", encoding="utf-8")
    service = compose_file.read(airflow_home.PROJECT / "docker-compose.yaml", tmp_path / ".env")["airflow-scheduler"]
    otel = {name: value for name, value in service.environment.items() if "OTEL" in name}
    env = {**os.environ, **airflow_home.environment(tmp_path / "airflow"), **otel}

    subprocess.run([sys.executable, "-c", PROGRAM], env=env, check=True, capture_output=True, timeout=120)

    metrics = [ExportMetricsServiceRequest.FromString(body) for path, body in came if path == "/v1/metrics"]
    traces = [ExportTraceServiceRequest.FromString(body) for path, body in came if path == "/v1/traces"]
    scopes = [scope for told in metrics for part in told.resource_metrics for scope in part.scope_metrics]
    names = {metric.name for scope in scopes for metric in scope.metrics}
    scopes = [scope for told in traces for part in told.resource_spans for scope in part.scope_spans]
    spans = {span.name for scope in scopes for span in scope.spans}
    assert ("airflow.scheduler_heartbeat" in names, "a task" in spans) == (on, on), came
