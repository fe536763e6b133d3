"""Check the components' health in a thread of its own, so that a slow answer does not delay the supervisor."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import urllib3

from baosong_local.stack.component import Component

# Seconds between two rounds: when every component is healthy, and otherwise.
_HEALTHY_PAUSE, _PAUSE = 1.0, 0.2
# The names of components in Airflow's health answer.
_HEARTS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}


class HealthWatch:
    """Sets `healthy` on components, again and again, until stopped."""

    def __init__(self, components: Sequence[Component], probes: dict[str, Callable[[], bool]], ui_port: int) -> None:
        self._components = {c.name: c for c in components}
        self._probes = probes
        self._url = f"http://127.0.0.1:{ui_port}/api/v2/monitor/health"
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=5))
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, after the request in progress."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._stopped.wait(_HEALTHY_PAUSE if all(c.healthy for c in self._components.values()) else _PAUSE):
            for name, probe in self._probes.items():
                self._components[name].healthy = self._components[name].alive and probe()
            if "api-server" in self._components:
                self._check_airflow()

    def _check_airflow(self) -> None:
        answer = self._ask()
        self._components["api-server"].healthy = answer is not None
        for name, heart in _HEARTS.items():
            self._components[name].healthy = self._components[name].alive and self._beats(answer, heart, name)

    def _ask(self) -> dict[str, Any] | None:
        try:
            response = self._http.request("GET", self._url)
            found: Any = response.json() if response.status == 200 else None
        except (urllib3.exceptions.HTTPError, OSError, ValueError):
            return None
        return found if isinstance(found, dict) and found.get("metadatabase", {}).get("status") == "healthy" else None

    def _beats(self, answer: dict[str, Any] | None, heart: str, name: str) -> bool:
        """Return whether a heartbeat is fresh and from this process: that of its predecessor stays for a while."""
        reported = (answer or {}).get(heart) or {}
        beat = reported.get(f"latest_{heart}_heartbeat")
        if reported.get("status") != "healthy" or not beat:
            return False
        age = time.time() - datetime.fromisoformat(beat).timestamp()
        return age < time.monotonic() - self._components[name].started_at + 1
