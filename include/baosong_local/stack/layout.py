"""Where the state of one embedded stack lies. Everything is below its home folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from baosong_local.stack import private

# The supervisor's exit code where another one runs in the same home.
ALREADY_RUNS = 3
COMPONENTS = ("postgres", "objectstore", "objectstore-custody", "api-server", "scheduler", "dag-processor", "triggerer")


@dataclass(frozen=True, slots=True)
class Layout:
    """The files and folders below `home`."""

    home: Path

    @property
    def lock(self) -> Path:
        """Return the file that the guardian keeps locked as long as anything runs; it holds the guardian's pid."""
        return self.home / "stack.lock"

    @property
    def state(self) -> Path:
        """Return the file in which the supervisor says how its components are."""
        return self.home / "state.json"

    @property
    def settings(self) -> Path:
        """Return the file that tells everyone else where the running stack is; it exists while the stack is up."""
        return self.home / "stack.json"

    @property
    def secrets(self) -> Path:
        """Return the file of the generated secrets."""
        return self.home / "secrets.json"

    @property
    def logs(self) -> Path:
        """Return the folder of the components' logs."""
        return self.home / "logs"

    @property
    def airflow(self) -> Path:
        """Return Airflow's home."""
        return self.home / "airflow"

    @property
    def postgres(self) -> Path:
        """Return the folder of the database cluster."""
        return self.home / "postgres"

    @property
    def objectstore(self) -> Path:
        """Return the folder of the object store."""
        return self.home / "objectstore"

    @property
    def copies(self) -> Path:
        """Return the folder of the pipeline's local copies."""
        return self.home / "tmp"

    @property
    def credentials(self) -> Path:
        """Return the folder with one file of keys a prefecture."""
        return self.home / "credentials"

    def log(self, component: str) -> Path:
        """Return a component's log."""
        return self.logs / f"{component}.log"

    def make(self) -> None:
        """Make the folders; nobody else may look into them."""
        self.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.logs, self.airflow, self.credentials):
            folder.mkdir(exist_ok=True, mode=0o700)
        for folder in (self.postgres, self.objectstore):
            folder.mkdir(exist_ok=True)
        private.let_pass(self.postgres / "data")
