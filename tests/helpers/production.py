"""The stack of docker-compose.yaml, run from the file itself without Docker, and what tests ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from dotenv import dotenv_values

import compose_file
import images
from baosong.ledger.services import Services
from baosong.store.settings import BUCKETS, PROJECT, S3Settings, Settings
from baosong_local import env_file
from containers import Container, Networks

WORKER = "airflow-worker"
MOST_WORKERS = 4


class Production:
    """All services of the file, each a container; workers bear numbers, as `--scale` makes as many as one likes."""

    def __init__(self, folder: Path, tree: Path = PROJECT) -> None:
        self.folder, self.volumes = folder, folder / "volumes"
        env_file.complete(folder / ".env")
        assert list(env_file.problems(folder / ".env")) == []
        self.told = {name: value or "" for name, value in dotenv_values(folder / ".env", interpolate=False).items()}
        self.told |= {file.name.upper(): file.read_text("utf-8") for file in (folder / env_file.SECRETS).iterdir()}
        self.services = compose_file.read(tree / "docker-compose.yaml", folder / ".env")
        members = {name: service for name, service in self.services.items() if name != WORKER}
        members |= {f"{WORKER}-{number + 1}": self.services[WORKER] for number in range(MOST_WORKERS)}
        self.networks = Networks(members, folder)
        self.image = images.baosong(tree, folder / "first")
        self.tree = tree
        self.containers: dict[str, Container] = {}
        base = f"http://{self.networks.address('airflow-api-server')}:8080"
        each_anew = httpx.Limits(max_keepalive_connections=0)  # the server is started anew now and then
        self._client = httpx.Client(base_url=base, timeout=60, limits=each_anew, trust_env=False)

    def up(self, workers: int = 1) -> None:
        """Start all services, each when what it needs is there, and wait until all are healthy."""
        for name in self.services:
            for container in self.of(name, workers):
                self._start(container)
        for container in list(self.containers.values()):
            self._await(container)

    def of(self, service: str, workers: int = 1) -> list[str]:
        """Return the names of a service's containers."""
        return [f"{service}-{n + 1}" for n in range(workers)] if service == WORKER else [service]

    def start(self, name: str) -> Container:
        """Start one container, new or ended, on the newest image, and return it; it is not healthy yet."""
        service = self.services[WORKER if name.startswith(WORKER) else name]
        container = Container(
            name, service, images.of(service.image, self.image), self.networks, self.folder, self.volumes, self.tree
        )
        container.start()
        self.containers[name] = container
        return container

    def restart(self, name: str) -> None:
        """Do as `docker compose restart`; what ends without it starts anew, as it does with `unless-stopped`."""
        self.containers[name].stop()
        self.start(name).await_health()
        for other, container in list(self.containers.items()):
            if container.service.check is not None and not container.is_running():
                self.start(other).await_health()

    def _start(self, name: str) -> None:
        if name in self.containers:
            return
        service = self.services[WORKER if name.startswith(WORKER) else name]
        for needed, condition in service.needs.items():
            self._start(needed)
            if condition != "service_started":
                self._await(needed)
        self.start(name)

    def _await(self, name: str | Container) -> None:
        container = self.containers[name] if isinstance(name, str) else name
        if container.service.check is None:
            container.await_end()
        else:
            container.await_health()

    def worker(self) -> Container:
        """Return a worker that runs."""
        return self.workers()[0]

    def workers(self) -> list[Container]:
        """Return the workers that run."""
        return [c for name, c in self.containers.items() if name.startswith(WORKER) and c.is_running()]

    def version(self) -> str:
        """Return what the API server's process says that it runs."""
        told = "import importlib.metadata as m; print(m.version('baosong'))"
        return self.containers["airflow-api-server"].run("python", "-c", told).strip()

    def roll_to(self, tree: Path) -> None:
        """Bring all of our services to another version, as `docker compose up -d` does with a new image."""
        self.tree, self.image = tree, images.baosong(tree, self.folder / tree.parent.name)
        for name, container in list(self.containers.items()):
            if container.service.image.startswith("baosong:"):
                if container.is_running():
                    container.stop()
                self.start(name)
                self._await(name)

    def open_services(self) -> Services:
        """Return the stack's store and ledger as its own services see them, from outside."""
        told = self.told
        s3 = S3Settings(
            f"{self.networks.address('s3')}:9000",
            told["BAOSONG_S3_ACCESS_KEY"],
            told["BAOSONG_S3_SECRET_KEY"],
            False,
            "us-east-1",
            {name: name for name in BUCKETS},
        )
        postgres = self.networks.address("postgres")
        url = f"postgresql+psycopg2://ledger:{told['LEDGER_DB_PASSWORD']}@{postgres}/ledger"
        folders = [self.tree / "include" / "campaigns", self.volumes / "home" / "campaigns"]
        return Services.open(Settings(self.volumes / "home", s3, url, folders))

    def redis(self, *words: str) -> list[str]:
        """Ask Redis something; return the lines of its answer."""
        command = 'REDISCLI_AUTH=$(cat /run/secrets/redis_password) exec redis-cli "$@"'
        return self.containers["redis"].run("sh", "-c", command, "sh", *words).splitlines()

    def api(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Ask Airflow as the first administrator would; AssertionError unless it agrees."""
        if "Authorization" not in self._client.headers:
            who = {"username": "operator", "password": self.told["OPERATOR_PASSWORD"]}
            token = self._client.post("/auth/token", json=who)
            assert token.is_success, token.text
            self._client.headers["Authorization"] = f"Bearer {token.json()['access_token']}"
        answer = self._client.request(method, f"/api/v2{path}", **more)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def without_sign_in(self, path: str) -> dict[str, Any]:
        """Ask the API server as somebody whom it does not know."""
        answer = httpx.get(self._client.base_url.join(path), timeout=30, trust_env=False)
        assert answer.is_success, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def down(self) -> None:
        """End all services, the last first."""
        self._client.close()
        for container in reversed(self.containers.values()):
            container.kill()
