"""Where one embedded stack lies: its files, all below its home folder, and its TCP ports."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from baosong_local.stack import file_modes
from baosong_local.stack.state import StackError

# The supervisor's exit code when another one already runs in this home.
ALREADY_RUNS = 3
COMPONENTS = ("postgres", "objectstore", "objectstore-custody", "api-server", "scheduler", "dag-processor", "triggerer")
WANTED = {
    "BAOSONG_UI_PORT": ("Airflow 界面", 8080),
    "BAOSONG_S3_PORT": ("对象存储", 9000),
    "BAOSONG_S3_CUSTODY_PORT": ("对象存储的留存入口", 9001),
}
_TRIES = 200


class Layout:
    """The files and folders below `home`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.lock = home / "stack.lock"  # locked by the reaper as long as anything runs; holds the reaper's pid
        self.state = home / "state.json"  # how the components are, by the supervisor
        self.settings = home / "stack.json"  # where the running stack is; exists while it is up
        self.secrets = home / "secrets.json"
        self.accounts = home / "accounts.json"  # who may sign in
        self.logs = home / "logs"
        self.airflow = home / "airflow"
        self.postgres = home / "postgres"
        self.objectstore = home / "objectstore"
        self.copies = home / "tmp"  # the pipeline's local copies
        self.credentials = home / "credentials"  # one file of keys per prefecture

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
        (self.airflow / "airflow.cfg").touch(0o600)  # or Airflow would write all its defaults there and read them again
        file_modes.allow_traversal(self.postgres / "data")


class Ports(dict[str, int]):
    """A free port for each name in WANTED, kept from other stacks of this machine until it is closed.

    Airflow's server listens half a minute after its port was chosen: another stack, started meanwhile, chose the same.
    StackError if one that was asked for is taken or no port.
    """

    def __init__(self, env: Mapping[str, str]) -> None:
        super().__init__()
        self._kept: list[socket.socket] = []
        for name, (what, usual) in WANTED.items():
            asked = env.get(name)
            self[name] = _asked(name, what, asked) if asked else self._next_free(what, usual)

    def close(self) -> None:
        """Let others have them."""
        for kept in self._kept:
            kept.close()

    def _next_free(self, what: str, usual: int) -> int:
        for port in range(usual, usual + _TRIES):
            if port not in self.values() and is_free(port) and (kept := _kept(port)):
                self._kept.append(kept)
                return port
        raise StackError(f"{what}：{usual} 至 {usual + _TRIES - 1} 的端口都被占用。")


def _kept(port: int) -> socket.socket | None:
    """Return what says to other stacks that a port is taken, until it is closed; None where another one says so."""
    kept = socket.socket(socket.AF_UNIX)
    try:
        kept.bind(f"\0baosong-port-{port}")  # a name without a file, which ends with the process
    except OSError:
        kept.close()
        return None
    return kept


def is_free(port: int) -> bool:
    """Return whether nobody listens on this local port."""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: recent connections do not count
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _asked(name: str, what: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 < int(text) < 65536:
        raise StackError(f"{name}={text} 不是端口号（应为 1 至 65535）。")
    if not is_free(int(text)):
        raise StackError(f"{what}的端口 {text} 已被占用（{name}）。请换一个端口，或去掉 {name} 由程序自选。")
    return int(text)
