"""The ledger's schema, taken up and down by Alembic; its import takes a third of a second, and few commands need it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

if TYPE_CHECKING:
    from alembic.config import Config

_MIGRATING = 0x62616F736F6E67  # a lock number of our own: two processes that migrate at once take turns


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Take the schema up to a revision within the connection's transaction; processes that do so at once take turns."""
    from alembic import command

    command.upgrade(_locked(connection), revision)


def downgrade(connection: Connection, revision: str = "base") -> None:
    """Take the schema down to a revision, likewise."""
    from alembic import command

    command.downgrade(_locked(connection), revision)


def is_known(revision: str) -> bool:
    """Return whether this version's schema was ever at a revision."""
    from alembic.script import ScriptDirectory

    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _locked(connection: Connection) -> Config:
    connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
    config = _config()
    config.attributes["connection"] = connection
    return config


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "schema").replace("%", "%%"))
    return config
