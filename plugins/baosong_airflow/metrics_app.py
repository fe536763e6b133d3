"""The ledger's counts for Prometheus, or for an OpenTelemetry collector that scrapes it: asked anew at each scrape.

Airflow's own metrics tell of tasks and schedulers; what was sent, judged and answered stands in the ledger, which no
killed process can let miss a count.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0
from sqlalchemy.exc import DBAPIError

from baosong.ledger.metrics import BUCKETS, Counts, Taken
from baosong.ledger.services import Services
from baosong.pipeline.open_campaign import opened_campaigns
from baosong.store.settings import metrics_token
from baosong.store.storage import StorageError
from baosong_airflow import board_health
from baosong_airflow.board_answers import unavailable
from baosong_airflow.board_lookup import services

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
app.add_exception_handler(DBAPIError, unavailable)


@app.get("/")
def metrics(authorization: Annotated[str, Header()] = "") -> Response:
    """Return all metrics to who knows `BAOSONG_METRICS_TOKEN`; without such a token there are none."""
    expected = metrics_token()
    if not expected:
        raise HTTPException(404, "没有设置 BAOSONG_METRICS_TOKEN，不提供指标。")
    if not secrets.compare_digest(authorization.encode(), f"Bearer {expected}".encode()):
        raise HTTPException(401, "令牌不对。", {"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(Collector(services(), datetime.now(UTC)))
    return Response(
        generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_1_0_0, headers={"Cache-Control": "no-store"}
    )


class Collector:
    """What a registry asks for metrics."""

    def __init__(self, services: Services, now: datetime) -> None:
        self._services, self._now = services, now

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics as they are now."""
        counts = self._services.ledger.counts()
        yield from _of_files(counts)
        yield _seconds(counts.taken)
        yield from self._of_campaigns()
        yield from self._of_the_queue()
        yield from self._of_the_watchers()
        told = [((channel, state), number) for channel, state, number in counts.messages]
        yield _gauge("baosong_messages", "Messages by channel and what became of them", ("channel", "state"), told)
        faults = [((bucket,), number) for bucket, number in counts.faults]
        yield _gauge("baosong_fixity_faults", "Objects that were not intact when last read", ("bucket",), faults)

    def _of_campaigns(self) -> Iterator[Metric]:
        try:
            campaigns = [*opened_campaigns(self._services)]
        except StorageError:  # what the ledger knows is told all the same
            yield _gauge("baosong_store_up", "Whether the object store answers", (), [((), 0)])
            return
        yield _gauge("baosong_store_up", "Whether the object store answers", (), [((), 1)])
        complete = [((c.id,), len(self._services.ledger.complete_prefectures(c))) for c in campaigns]
        expected = [((c.id,), len(c.prefectures)) for c in campaigns]
        yield _gauge("baosong_prefectures", "Prefectures that are to submit", ("campaign",), expected)
        yield _gauge("baosong_complete_prefectures", "Prefectures that have submitted all", ("campaign",), complete)

    def _of_the_queue(self) -> Iterator[Metric]:
        since = self._services.ledger.oldest_queued()
        ages = [((lane,), (self._now - at).total_seconds()) for lane, at in sorted(since.items())]
        yield _gauge("baosong_oldest_unanswered_seconds", "Age of the oldest file without a receipt", ("lane",), ages)

    def _of_the_watchers(self) -> Iterator[Metric]:
        looks = board_health.watchers(self._now)
        silent = [((name,), seconds) for name, (seconds, _) in looks.items()]
        yield _gauge(
            "baosong_watcher_silent_seconds", "Since a watcher last looked at the intake", ("watcher",), silent
        )
        refused = [((name,), int(failed)) for name, (_, failed) in looks.items()]
        yield _gauge("baosong_watcher_failing", "Whether the store refused that look", ("watcher",), refused)


def _of_files(counts: Counts) -> Iterator[Metric]:
    labels = ("campaign", "kind", "state")
    of = [((f.campaign, f.kind, f.state), f) for f in counts.files]
    yield _gauge("baosong_files", "Files received, by what became of them", labels, [(k, f.files) for k, f in of])
    yield _gauge("baosong_files_bytes", "Their bytes", labels, [(k, f.size) for k, f in of])
    yield _gauge("baosong_late_files", "Those that came after the deadline", labels, [(k, f.late) for k, f in of])
    found = [((campaign, rule, severity), number) for campaign, rule, severity, number in counts.findings]
    yield _gauge("baosong_findings", "Findings of the checks", ("campaign", "rule", "severity"), found)
    receipts = CounterMetricFamily("baosong_receipts", "Receipts issued", labels=["campaign"])
    editions = CounterMetricFamily("baosong_editions", "Reports written", labels=["campaign", "edition"])
    for campaign, number in counts.receipts:
        receipts.add_metric([campaign], number)
    for campaign, edition, number in counts.editions:
        editions.add_metric([campaign, edition], number)
    yield from (receipts, editions)


def _seconds(taken: Iterable[Taken]) -> Metric:
    family = HistogramMetricFamily("baosong_stage_seconds", "Seconds that a file took", labels=["campaign", "stage"])
    bounds = [*(str(float(bound)) for bound in BUCKETS), "+Inf"]
    stages: dict[tuple[str, str], list[Taken]] = defaultdict(list)
    for each in taken:
        stages[each.campaign, each.stage].append(each)
    for labels, of_stage in stages.items():
        upto = [sum(t.files for t in of_stage if t.bucket <= place) for place in range(len(bounds))]
        family.add_metric(labels, [*zip(bounds, upto, strict=True)], sum(t.seconds for t in of_stage))
    return family


def _gauge(name: str, what: str, labels: Iterable[str], samples: Iterable[tuple[Iterable[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, what, labels=[*labels])
    for values, number in samples:
        family.add_metric([*values], number)
    return family
