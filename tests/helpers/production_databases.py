"""A PostgreSQL with the roles and databases that include/production/databases.sql makes, each with its password."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg2

from baosong.store.settings import PROJECT
from baosong_local import env_file
from baosong_local.stack.postgres import Postgres, _installation
from baosong_local.stack.process import stop
from servers import run

SCRIPT = PROJECT / "include" / "production" / "databases.sql"


@dataclass(frozen=True, slots=True)
class Databases:
    """The server and the `.env` beside whose secrets it was made."""

    server: Postgres
    env: Path

    def password(self, secret: str) -> str:
        return (self.env.with_name(env_file.SECRETS) / secret).read_text(encoding="utf-8")

    def apply(self) -> None:
        """Run the script, as at the first start and at each change of a password."""
        text = SCRIPT.read_text(encoding="utf-8").replace("/run/secrets", str(self.env.with_name(env_file.SECRETS)))
        psql = [str(_installation() / "bin" / "psql"), "-h", str(self.server.sockets), "-U", "postgres", "-q", "-X"]
        made = subprocess.run(psql, input=text, capture_output=True, text=True, check=False)
        assert (made.returncode, made.stderr) == (0, "")

    def url(self, role: str, password: str, database: str = "ledger") -> str:
        where = quote(str(self.server.sockets), safe="")
        return f"postgresql+psycopg2://{role}:{password}@/{database}?host={where}"

    def refusal(self, role: str, password: str, database: str, statement: str = "SELECT 1") -> str:
        """Return what PostgreSQL says against it, nothing where it agrees."""
        try:
            connection = psycopg2.connect(self.url(role, password, database).replace("+psycopg2", ""))
            try:
                connection.autocommit = True  # some statements cannot be taken back
                with connection.cursor() as cursor:
                    cursor.execute(statement)
            finally:
                connection.close()
        except psycopg2.Error as refused:
            return str(refused)
        return ""


@contextmanager
def production_databases(folder: Path) -> Iterator[Databases]:
    server = Postgres(folder / "postgres", folder / "postgres.log", durable=False)
    server.prepare()
    hba = server.data / "pg_hba.conf"  # as the image of PostgreSQL has it for all but its own superuser
    rules = hba.read_text(encoding="utf-8").replace("local all all", "local all postgres")
    asked = "local airflow postgres scram-sha-256\n"  # so that its password can be tried, too
    hba.write_text(f"{asked}{rules}local all all scram-sha-256\n", encoding="utf-8")
    child = run(server.program(), server.is_ready)
    try:
        env_file.complete(folder / ".env")
        yield Databases(server, folder / ".env")
    finally:
        stop(child, server.program().stop)
        server.drop_sockets()
