"""Containers without Docker: bubblewrap makes each one's root, the kernel its network, and nothing outlives the test.

All of it happens in namespaces that `./baosong test distributed` has made for the whole session: when that ends,
however it ends, its processes, networks and mounts are gone with it.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from compose_file import Service, Text
from images import Image

USERS = {"root": 0, "postgres": 999, "redis": 998, "seaweed": 1000, "airflow": 10001}
_ETC = ("ssl", "ld.so.cache", "nsswitch.conf", "mime.types", "services", "fonts", "alternatives")


def alone() -> bool:
    """Return whether this process has networks of its own, in which nothing is yet but loopback."""
    return os.geteuid() == 0 and [name for _, name in socket.if_nameindex()] == ["lo"]


def ip(*words: str) -> None:
    """Tell the kernel something about its networks."""
    subprocess.run(["ip", *words], check=True)


class Networks:
    """The networks of a compose file as bridges, to which this process belongs as well, and who is where on them."""

    def __init__(self, members: dict[str, Service], folder: Path) -> None:
        self._members, self._folder = members, folder
        self._numbers = {name: number for number, name in enumerate(members, start=10)}
        self._names = sorted({network for service in members.values() for network in service.networks})
        # What `ip netns` keeps are mounts below /run, which is the machine's.
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        ip("link", "set", "lo", "up")
        for network in self._names:
            ip("link", "add", self._bridge(network), "type", "bridge")
            ip("address", "add", f"{self._prefix(network)}.1/24", "dev", self._bridge(network))
            ip("link", "set", self._bridge(network), "up")

    def plug(self, name: str) -> None:
        """Give a container a network namespace with a cable to each of its networks, unless it has one."""
        if Path(f"/run/netns/{name}").exists():
            return
        ip("netns", "add", name)
        ip("-n", name, "link", "set", "lo", "up")
        for network in self._members[name].networks:
            cable, inside = self._cable(name, network), f"eth{self._names.index(network)}"
            ip("link", "add", cable, "type", "veth", "peer", "name", inside, "netns", name)
            ip("-n", name, "address", "add", f"{self.address(name, network)}/24", "dev", inside)
            ip("-n", name, "link", "set", inside, "up")
            ip("link", "set", cable, "master", self._bridge(network), "up")

    def cut(self, name: str, *, off: bool = True) -> None:
        """Pull a container's cables, or put them in again."""
        for network in self._members[name].networks:
            ip("link", "set", self._cable(name, network), "down" if off else "up")

    def address(self, name: str, network: str = "") -> str:
        """Return where a container is: on a network, or on any."""
        return f"{self._prefix(network or self._members[name].networks[0])}.{self._numbers[name]}"

    def hosts(self, name: str) -> Path:
        """Write the names that a container can resolve: those of its networks, of services and of their containers."""
        lines = ["127.0.0.1 localhost"]
        for other, service in self._members.items():
            if shared := [n for n in service.networks if n in self._members[name].networks]:
                names = dict.fromkeys((other, service.name))
                lines.append(f"{self.address(other, shared[0])} {' '.join(names)}")
        file = self._folder / f"{name}.hosts"
        file.write_text("\n".join([*lines, ""]))
        return file

    def _prefix(self, network: str) -> str:
        return f"10.88.{self._names.index(network) + 1}"

    def _bridge(self, network: str) -> str:
        return f"br{self._names.index(network)}"

    def _cable(self, name: str, network: str) -> str:
        return f"v{self._numbers[name]}.{self._names.index(network)}"


@dataclass
class Container:
    """A service that runs, or ran, in a root and on networks of its own; it may be stopped and started again."""

    name: str
    service: Service
    image: Image
    networks: Networks
    folder: Path
    volumes: Path
    project: Path
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    was_healthy: bool = False

    @property
    def log(self) -> Path:
        """Return the file with all that it says."""
        return self.folder / f"{self.name}.log"

    @property
    def environment(self) -> dict[str, str]:
        """Return its environment as its image and docker-compose.yaml make it."""
        home = self.image.environment.get("AIRFLOW_HOME", "/")
        return {**self.image.environment, "HOSTNAME": self.name, "HOME": home, **self.service.environment}

    def start(self) -> None:
        """Start it; it is not ready yet."""
        self.networks.plug(self.name)
        root = ["nsenter", f"--net=/run/netns/{self.name}", "bwrap", *self._root(), "--"]
        argv = [*root, *self._as_user(), *self.image.begin, *(self.service.command or [])]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                argv, env=self.environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, *command: str, given: str = "", seconds: float = 300, check: bool = True) -> str:
        """Run a command in it, as `docker compose exec` does, and return what it printed."""
        inside = [f"--target={self._first().pid}", "--mount", "--uts", "--ipc", "--net", "--pid"]
        argv = ["nsenter", *inside, *self._as_user(), "env", "-C", self.image.workdir, *command]
        done = subprocess.run(
            argv, env=self.environment, input=given, capture_output=True, text=True, timeout=seconds, check=False
        )
        assert not check or done.returncode == 0, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def is_healthy(self) -> bool:
        """Return what its health check says, run as it stands."""
        assert self.service.check is not None
        try:
            self.run(*self.service.check)
        except (AssertionError, IndexError) as failed:  # the latter where it has no process yet
            with self.log.with_suffix(".health").open("a") as log:
                log.write(f"{failed}\n")
            return False
        return True

    def await_health(self, seconds: float = 300) -> None:
        """Wait until its health check passes; AssertionError if it ends, or is not healthy in time."""
        assert self.process is not None
        for _ in range(int(seconds)):  # a check takes as long as it takes: more than a second, most of them
            if self.is_healthy():
                self.was_healthy = True
                return
            with suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"{self.name} ended with {self.process.wait(1)}: {self.tail()}")
        raise AssertionError(f"{self.name} is not healthy: {self.tail()}")

    def await_end(self, seconds: float = 300) -> None:
        """Wait until it has ended well, as one does that only prepares something."""
        assert self.process is not None
        assert self.process.wait(seconds) == 0, f"{self.name}: {self.tail()}"

    def stop(self, seconds: float = 300) -> None:
        """Ask it to end and wait; by force if it does not."""
        assert self.process is not None
        how = signal.SIGINT if self.service.name == "postgres" else signal.SIGTERM  # as its image says
        with suppress(psutil.Error, IndexError):
            self._main().send_signal(how)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Kill all of it at once, as a power cut would."""
        assert self.process is not None
        with suppress(psutil.Error, IndexError):
            self._first().kill()  # the first of a namespace takes all others with it
        self.process.wait(30)

    def is_running(self) -> bool:
        """Return whether it has been started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def freeze(self) -> None:
        """Stop all of its processes where they are."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let its processes go on."""
        self._signal(signal.SIGCONT)

    def hang(self) -> None:
        """Let a worker's main process go on alone: it fetches tasks and gives them to processes that stand still."""
        self.freeze()
        self._main().resume()

    def hold(self, pids: set[int]) -> int:
        """Stop tasks of a worker by their processes' numbers inside, as if they took long; return how many stand still.

        The processes that watch over them go on. While a file is in a sandbox, whose time is limited, none is stopped.
        """
        tasks = [task for slot in self._main().children() for task in slot.children()]
        return sum(_is_held(task) for task in tasks if _number_inside(task) in pids)

    def _main(self) -> psutil.Process:
        return self._first().children()[0]

    def _signal(self, how: signal.Signals) -> None:
        for process in self._first().children(recursive=True):
            with suppress(psutil.Error):
                process.send_signal(how)

    def tail(self) -> str:
        """Return the last of what it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-3000:]

    def _first(self) -> psutil.Process:
        """Return the first process of its namespace, which only waits for the others."""
        assert self.process is not None
        return psutil.Process(self.process.pid).children()[0]

    def _as_user(self) -> list[str]:
        uid, _, gid = self.service.user.partition(":")
        number = USERS.get(uid, uid)
        ids = [f"--reuid={number}", f"--regid={USERS.get(gid, gid) if gid else number}", "--clear-groups"]
        return ["setpriv", *ids, "--no-new-privs", "--inh-caps=-all", "--bounding-set=-all", "--"]

    def _root(self) -> list[str]:
        base = ["--unshare-uts", "--hostname", self.name, "--unshare-pid", "--unshare-ipc", "--die-with-parent"]
        base += ["--proc", "/proc", "--dev", "/dev", *_in_memory("/dev/shm")]
        base += ["--ro-bind", "/usr", "/usr"]
        for name in ("bin", "lib", "lib64", "sbin"):
            base += ["--symlink", f"usr/{name}", f"/{name}"]
        base += [*_parents("/var/run"), "--symlink", "../run", "/var/run"]
        if sys.base_prefix != "/usr":
            base += _bound({sys.base_prefix: Path(sys.base_prefix)}, read_only=True)
        base += _bound({f"/etc/{name}": Path("/etc", name) for name in _ETC}, read_only=True)
        base += _bound({"/etc/passwd": self._users(), "/etc/hosts": self.networks.hosts(self.name)}, read_only=True)
        base += _bound(self.image.folders, read_only=True)
        base += [word for folder in self._scratch() for word in _in_memory(folder)]
        base += self._mounts()
        last = ["--remount-ro", "/"] if self.service.read_only else []
        return [*base, *last, "--chdir", self.image.workdir]

    def _scratch(self) -> list[str]:
        """Return what is in memory: what the file says, and what users may write to in a root that is not read-only."""
        free = [] if self.service.read_only else ["/tmp", "/var/tmp", *self.image.own]
        told = [folder.replace("/var/run/", "/run/") for folder in self.service.scratch]
        mounted = {mount.target for mount in self.service.mounts}
        return sorted({*free, *told} - mounted)

    def _mounts(self) -> list[str]:
        words = []
        for mount in sorted(self.service.mounts, key=lambda mount: mount.target.count("/")):
            here = self.project / mount.source if mount.source.startswith(".") else self._volume(mount.source)
            words += _bound({mount.target: here}, read_only=mount.read_only)
        for number, text in enumerate(self.service.texts):
            words += _bound({text.target: self._file(f"{self.name}.{number}", text)}, read_only=True)
        return words

    def _volume(self, name: str) -> Path:
        """Return a named volume's folder; a new one belongs to whom it is first given, as the images arrange it."""
        folder = self.volumes / name
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o750)
            uid = self.service.user.partition(":")[0]
            number = int(USERS.get(uid, uid))
            os.chown(folder, number, number)
        return folder

    def _file(self, name: str, text: Text) -> Path:
        file = self.folder / name
        file.write_text(text.content, encoding="utf-8")
        os.chown(file, *map(int, text.owner.split(":")))
        file.chmod(text.mode)
        return file

    def _users(self) -> Path:
        file = self.folder / "passwd"
        file.write_text("".join(f"{name}:x:{uid}:{uid}::/:/bin/sh\n" for name, uid in USERS.items()))
        return file


def _is_held(task: psutil.Process) -> bool:
    with suppress(psutil.Error):
        task.suspend()
        if not any(server.children() for server in task.children()):
            return True
        task.resume()
    return False


def _number_inside(process: psutil.Process) -> int:
    with suppress(OSError):
        told = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
        return int(told.partition("NSpid:")[2].splitlines()[0].split()[-1])
    return 0


def _bound(what: dict[str, Path], *, read_only: bool) -> list[str]:
    how = "--ro-bind" if read_only else "--bind"
    seen = {target: path for target, path in what.items() if path.exists()}
    return [word for target, path in seen.items() for word in (*_parents(target), how, str(path), target)]


def _in_memory(folder: str) -> list[str]:
    return [*_parents(folder), "--perms", "1777", "--tmpfs", folder]


def _parents(target: str) -> list[str]:
    """Return what makes the folders above: bubblewrap by itself would shut them to all but root."""
    above = [str(parent) for parent in reversed(Path(target).parents[:-1])]
    return [word for folder in above for word in ("--perms", "0755", "--dir", folder)]
