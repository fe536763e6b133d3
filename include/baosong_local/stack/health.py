"""Ask the components how they are, beside the supervisor's own work so that a slow answer delays nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import urllib3

from baosong_local.stack.component import Component

# Seconds between two rounds: once all is well, and before.
_CALM, _EAGER = 1.0, 0.2
# How Airflow's health answer calls the processes whose heartbeat it knows.
_HEARTS = {"scheduler": "scheduler", "triggerer": "triggerer", "dag-processor": "dag_processor"}


class HealthWatch:
    """Sets `healthy` on components, again and again, until stopped."""

    def __init__(self, components: Sequence[Component], probes: dict[str, Callable[[], bool]], ui_port: int) -> None:
        self._components = {c.name: c for c in components}
        self._probes = probes
        self._url = f"http://127.0.0.1:{ui_port}/api/v2/monitor/health"
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=5))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, within the time of one question."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _run(self) -> None:
        while not self._over.wait(_CALM if all(c.healthy for c in self._components.values()) else _EAGER):
            for name, probe in self._probes.items():
                self._components[name].healthy = self._components[name].alive and probe()
            if "api-server" in self._components:
                self._look_at_airflow()

    def _look_at_airflow(self) -> None:
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
        """Return whether a heart beats, and began to after this process was born: the last one's beat lingers."""
        said = (answer or {}).get(heart) or {}
        beat = said.get(f"latest_{heart}_heartbeat")
        if said.get("status") != "healthy" or not beat:
            return False
        age = time.time() - datetime.fromisoformat(beat).timestamp()
        return age < time.monotonic() - self._components[name].born + 1
