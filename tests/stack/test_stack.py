"""The embedded stack: nothing outlives it, whatever is killed; what dies comes back; ports and secrets are kept."""

from __future__ import annotations

import grp
import json
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest

from baosong.campaign import Campaign, Campaigns
from baosong.receipts.send_page import PAGE
from baosong.store.settings import campaign_dirs
from baosong.store.storage import Storage, StorageError
from baosong_local import stack
from baosong_local.stack import campaigns, file_modes, grants, layout, lifecycle, orphans, pages, secrets
from baosong_local.stack import component as component_module
from baosong_local.stack.component import Component
from baosong_local.stack.postgres import Postgres, _installation
from baosong_local.stack.process import Program, stop
from baosong_local.stack.running import running_settings
from servers import run
from waiting import free_port, until

pytestmark = pytest.mark.xdist_group("stack")

# A folder too deep for a Unix socket, with all that breaks careless quoting.
DEEP = "很深的 文件夹,'\"" + "x" * 90


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as somebody else")


@pytest.fixture(scope="module")
def used_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that was up before, so that each test's own start is quick."""
    home = tmp_path_factory.mktemp("stack") / DEEP
    stack.up(home, airflow=False)
    stack.down(home)
    return home


@pytest.fixture
def home(used_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BAOSONG_S3_PORT", str(free_port()))
    monkeypatch.setenv("BAOSONG_S3_CUSTODY_PORT", str(free_port()))
    monkeypatch.setenv("BAOSONG_HOME", str(used_home))
    yield used_home
    stack.down(used_home)


@pytest.fixture
def running(home: Path) -> Path:
    stack.up(home, airflow=False)
    return home


def processes(home: Path) -> list[psutil.Process]:
    """Return the living processes that work in a home."""
    return [process for process in psutil.process_iter() if _lives_in(process, home)]


def _lives_in(process: psutil.Process, home: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(home) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:  # not ours to ask, or gone meanwhile
        return False


def reaper(home: Path) -> int:
    return int((home / "stack.lock").read_text())


def supervisor(home: Path) -> int:
    (child,) = psutil.Process(reaper(home)).children()
    return child.pid


def endpoint(home: Path) -> tuple[str, int]:
    host, _, port = json.loads((home / "stack.json").read_text())["BAOSONG_S3_ENDPOINT"].partition(":")
    return host, int(port)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return list(cursor.fetchall())


def refuses(address: tuple[str, int]) -> bool:
    with socket.socket() as s:
        return s.connect_ex(address) != 0


def is_over(home: Path, address: tuple[str, int]) -> bool:
    """Return whether nothing of it is left: a process that is killed loses its folder before its locks and ports."""
    return not processes(home) and refuses(address) and not stack.is_running(home)


class TestNothingOutlivesTheStack:
    @pytest.mark.parametrize(
        "victims",
        [(supervisor,), (reaper,), (reaper, supervisor)],
        ids=["supervisor", "reaper", "both"],
    )
    def test_after_sigkill_no_process_and_no_port_is_left(
        self, running: Path, victims: tuple[Callable[[Path], int], ...]
    ) -> None:
        address = endpoint(running)
        assert len(processes(running)) > 5
        for pid in [find(running) for find in victims]:
            os.kill(pid, signal.SIGKILL)
        until(lambda: is_over(running, address), 20, "the end of every process")
        assert not any(c.healthy for c in stack.status(running))
        stack.up(running, airflow=False)
        assert all(c.healthy for c in stack.status(running))

    def test_down_leaves_nothing_and_can_be_repeated(self, running: Path) -> None:
        address = endpoint(running)
        assert stack.down(running)
        assert processes(running) == []
        assert refuses(address)
        assert not (running / "stack.json").exists()
        assert not Postgres(running / "postgres", running / "log").sockets.exists()
        assert not stack.down(running)

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_a_signal_to_the_reaper_is_a_clean_stop(self, running: Path, number: signal.Signals) -> None:
        address = endpoint(running)
        os.kill(reaper(running), number)
        until(lambda: is_over(running, address), 20, "the end of every process")
        assert json.loads((running / "state.json").read_text())["phase"] == "stopped"

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    def test_in_the_foreground_it_ends_with_the_command(self, home: Path, number: signal.Signals) -> None:
        code = "import sys; from pathlib import Path; from baosong_local import stack; home = Path(sys.argv[1]); "
        code += "stack.up(home, foreground=True, airflow=False); print('up', flush=True); stack.stay(home)"
        with subprocess.Popen(
            [sys.executable, "-c", code, str(home)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as command:
            assert command.stdout is not None
            assert command.stdout.readline() == b"up\n"
            command.send_signal(number)
            command.wait(100)
        until(lambda: not processes(home), 20, "the end of every process")

    def test_what_a_component_has_started_ends_with_it(self, tmp_path: Path) -> None:
        script = "sleep 600 & echo $! > worker; wait"
        component = Component(Program("parent", ["/bin/sh", "-c", script], tmp_path, tmp_path / "log"))
        component.start()
        until(lambda: (tmp_path / "worker").exists() and (tmp_path / "worker").read_text().strip())
        worker = psutil.Process(int((tmp_path / "worker").read_text()))
        assert component.child is not None
        component.child.kill()
        component.child.wait()
        component.supervise()
        until(lambda: not _lives_in(worker, Path("/")))

    def test_a_process_born_later_under_an_old_number_is_spared(self) -> None:
        ours = os.getsid(0)
        found = orphans.of_sessions([ours], until=time.time() - 10**6)()
        assert found == []


class TestWhatDiesComesBack:
    @pytest.mark.parametrize("name", ["postgres", "objectstore", "objectstore-custody"])
    def test_a_killed_component_is_restarted_and_its_data_is_there(self, running: Path, name: str) -> None:
        storage = Storage(running_settings().s3)
        storage.put("archive", f"2023/{name}", b"kept")
        (pid,) = [c.pid for c in stack.status(running) if c.name == name]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

        def is_back() -> bool:
            (found,) = [c for c in stack.status(running) if c.name == name]
            return found.healthy and found.restarts == 1 and found.pid != pid

        until(is_back, 20, f"{name} back")
        assert storage.read("archive", f"2023/{name}") == b"kept"
        assert rows(running_settings().ledger_url, "SELECT count(*) FROM submission") == [(0,)]

    def test_a_component_that_lives_but_never_answers_is_killed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(component_module, "HUNG_AFTER", 0.05)
        component = Component(Program("deaf", ["sleep", "600"], tmp_path, tmp_path / "log", {"PATH": os.defpath}))
        component.start()
        until(lambda: component.supervise() or component.restarts == 1)
        until(lambda: component.supervise() and component.alive)
        component.kill()

    def test_who_waits_for_another_that_is_unhealthy_is_not_killed_for_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(component_module, "HUNG_AFTER", 0.0)
        component = Component(Program("patient", ["sleep", "600"], tmp_path, tmp_path / "log", {"PATH": os.defpath}))
        component.start()
        assert not any(component.supervise(excused=True) for _ in range(20))
        assert component.alive
        component.kill()

    def test_a_start_that_is_refused_is_tried_again(self, tmp_path: Path) -> None:
        program = Program("late", ["sleep", "600"], tmp_path, tmp_path / "full" / "log", {"PATH": os.defpath})
        component = Component(program)
        component.supervise()
        assert (component.alive, component.restarts) == (False, 1)
        (tmp_path / "full").mkdir()  # there is space now
        until(lambda: component.supervise() and component.alive)
        component.kill()

    def test_a_frozen_store_is_not_called_well(self, running: Path) -> None:
        (pid,) = [c.pid for c in stack.status(running) if c.name == "objectstore"]
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            until(lambda: not all(c.healthy for c in stack.status(running)), 20, "a word in the status")
        finally:
            os.kill(pid, signal.SIGCONT)
        until(lambda: all(c.healthy for c in stack.status(running)), 20, "the store's recovery")

    def test_pauses_between_restarts_grow(self, tmp_path: Path) -> None:
        component = Component(Program("mayfly", ["true"], tmp_path, tmp_path / "log", {"PATH": os.defpath}))
        component.start()
        begun = time.monotonic()
        until(lambda: component.supervise() and component.restarts == 2)
        assert time.monotonic() - begun >= 1.0
        component.kill()

    def test_a_half_made_cluster_is_made_again(self, tmp_path: Path) -> None:
        (tmp_path / "data.new").mkdir()
        (tmp_path / "data.new" / "PG_VERSION").write_text("18")
        (tmp_path / "data").mkdir()
        server = Postgres(tmp_path, tmp_path / "log", durable=False)
        server.prepare()
        server.drop_sockets()
        assert (server.data / "global" / "pg_control").exists()
        assert not (tmp_path / "data.new").exists()

    @as_root
    def test_the_servers_run_as_a_user_of_this_installation_that_no_account_has(self) -> None:
        account = file_modes.server_account()
        assert account.uid not in {found.pw_uid for found in pwd.getpwall()} | {0, 65534}
        assert account.gid not in {found.gr_gid for found in grp.getgrall()}

    @as_root
    def test_what_an_earlier_version_ran_as_nobody_goes_on(self, tmp_path: Path) -> None:
        server = Postgres(tmp_path, tmp_path / "log", durable=False)
        server.prepare()
        for path in (*server.data.rglob("*"), server.data):
            os.chown(path, 65534, 65534)

        server.prepare()
        child = run(server.program(), server.is_ready)
        stop(child, server.program().stop)
        server.drop_sockets()
        assert {p.stat().st_uid for p in server.data.rglob("*")} == {file_modes.server_account().uid}

    @as_root
    def test_who_reaches_the_databases_socket_is_not_let_in_for_that(self, tmp_path: Path) -> None:
        """Nobody else enters the folder; where somebody does, the server asks the kernel who they are."""
        server = Postgres(tmp_path, tmp_path / "log", durable=False)
        server.prepare()
        child = run(server.program(), server.is_ready)
        for folder in (server.sockets, *server.sockets.parents):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
        psql = [str(_installation() / "bin" / "psql"), "-h", str(server.sockets), "-U", "postgres", "-c", "SELECT 1"]
        env = {"LC_ALL": "C.UTF-8"}
        stranger = subprocess.run(psql, user=65534, group=65534, env=env, capture_output=True, text=True, check=False)
        ours = subprocess.run(psql, env=env, capture_output=True, text=True, check=False)
        stop(child, server.program().stop)
        server.drop_sockets()
        assert "Peer authentication failed" in stranger.stderr
        assert ours.returncode == 0, ours.stderr

    def test_a_killed_servers_lock_under_a_number_that_lives_again_is_dropped(self, tmp_path: Path) -> None:
        server = Postgres(tmp_path, tmp_path / "log", durable=False)
        (tmp_path / "data").mkdir()
        (tmp_path / "data" / "PG_VERSION").write_text("18")
        (tmp_path / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n")
        server.prepare()
        server.drop_sockets()
        assert not (tmp_path / "data" / "postmaster.pid").exists()

    def test_leftovers_of_killed_uploads_are_cleared_at_the_start(self, home: Path) -> None:
        areas = [home / "objectstore" / "data" / bucket for bucket in ("intake", "archive")]
        for area in areas:
            (area / ".rclone_temp_put_123").write_bytes(b"half")
            (area / "whole").write_bytes(b"whole")
            shutil.chown(area / "whole", area.stat().st_uid)
        stack.up(home, airflow=False)
        for area in areas:
            assert not (area / ".rclone_temp_put_123").exists()
            assert Storage(running_settings().s3).read(area.name, "whole") == b"whole"

    @pytest.mark.parametrize(("killed", "other"), [("objectstore", "archive"), ("objectstore-custody", "intake")])
    def test_an_upload_through_the_other_endpoint_outlives_the_death_of_one(
        self, running: Path, killed: str, other: str
    ) -> None:
        going_on = running / "objectstore" / "data" / other / ".rclone_temp_put_456"
        going_on.write_bytes(b"half")
        (pid,) = [c.pid for c in stack.status(running) if c.name == killed]
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: any(c.name == killed and c.healthy and c.pid != pid for c in stack.status(running)), 20, killed)
        assert going_on.exists()
        going_on.unlink()


class TestPorts:
    def test_a_port_that_was_asked_for_and_is_taken_is_one_clear_line(
        self, used_home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            monkeypatch.setenv("BAOSONG_S3_PORT", str(port))
            with pytest.raises(stack.StackError, match=f"对象存储的端口 {port} 已被占用") as refused:
                stack.up(used_home, airflow=False)
        assert "\n" not in str(refused.value)
        assert not stack.is_running(used_home)
        assert processes(used_home) == []

    def test_the_next_free_port_is_taken_where_none_was_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            usual = taken.getsockname()[1]
            monkeypatch.setitem(layout.WANTED, "BAOSONG_UI_PORT", ("Airflow 界面", usual))
            monkeypatch.setitem(layout.WANTED, "BAOSONG_S3_PORT", ("对象存储", usual))
            monkeypatch.setitem(layout.WANTED, "BAOSONG_S3_CUSTODY_PORT", ("对象存储的留存入口", usual))
            with closing(layout.Ports({})) as chosen:
                first, second, third = (chosen[name] for name in layout.WANTED)
        assert usual < first < second < third

    def test_a_port_whose_server_has_yet_to_listen_is_left_to_its_stack(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Airflow's server takes half a minute: a second stack chose its port, and its own server died."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            usual = free.getsockname()[1]
        for name, (what, _) in layout.WANTED.items():
            monkeypatch.setitem(layout.WANTED, name, (what, usual))
        with closing(layout.Ports({})) as first, closing(layout.Ports({})) as second:
            assert not set(first.values()) & set(second.values())
        with closing(layout.Ports({})) as third:
            assert third == first

    @pytest.mark.parametrize("text", ["0", "65536", "http", "-1", "８０"])
    def test_what_is_no_port_is_refused(self, text: str) -> None:
        with pytest.raises(stack.StackError, match="不是端口号"):
            layout.Ports({"BAOSONG_UI_PORT": text})


class TestSecrets:
    def test_whatever_holds_a_secret_is_its_owners_alone(self, running: Path, campaign: Campaign) -> None:
        stack.open_campaign_areas(running, campaign)
        holders = [running / "secrets.json", running / "stack.json", running / "accounts.json"]
        holders += list((running / "credentials").iterdir()) + list((running / "objectstore" / "keys").iterdir())
        assert len(holders) > 2 * 14 + 3
        assert [p for p in holders if stat.S_IMODE(p.stat().st_mode) & 0o077] == []
        for folder in ("airflow", "logs", "credentials", "objectstore/data", "objectstore/keys"):
            assert stat.S_IMODE((running / folder).stat().st_mode) == 0o700

    def test_the_operators_password_is_given_once(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.json"
        made = secrets.open_secrets(path)
        assert secrets.show_password_once(path) == made.password
        assert secrets.show_password_once(path) is None
        assert secrets.open_secrets(path).password == made.password
        assert len(made.jwt_secret) >= 64

    def test_a_prefecture_keeps_its_key_and_it_opens_its_own_area_only(self, running: Path, campaign: Campaign) -> None:
        first = stack.open_campaign_areas(running, campaign)
        again = stack.open_campaign_areas(running, campaign)
        assert [c.access_key for c in first] == [c.access_key for c in again]
        assert len({c.access_key for c in first}) == len(campaign.prefectures)
        s3 = running_settings().s3
        mine, other = (f"2023/{campaign.prefecture(code).folder}/统计表/x.xlsx" for code in ("6501", "6502"))
        keys = json.loads((running / "credentials" / "6501.json").read_text(encoding="utf-8"))
        assert keys["endpoint"] == s3.endpoint
        urumqi = Storage(s3.as_prefecture(keys["access_key"], keys["secret_key"]), retry_timeout=0.2)
        urumqi.put("intake", mine, b"1")
        with pytest.raises(StorageError):
            urumqi.put("intake", other, b"1")
        assert [s.key for s in Storage(s3).list("intake", "2023/")] == [mine]
        Storage(s3).remove("intake", mine)

    def test_a_new_key_opens_what_the_old_one_did_and_a_revoked_one_nothing(
        self, running: Path, campaign: Campaign
    ) -> None:
        stack.open_campaign_areas(running, campaign)
        pages.write_pages(layout.Layout(running), campaign)
        area = f"2023/{campaign.prefecture('6501').folder}"
        page = running / "credentials" / area / PAGE
        old, new = _pair(running), campaigns.rotate("6501") and _pair(running)
        assert new[0] != old[0]
        assert new[1] in page.read_text(encoding="utf-8")
        assert old[1] not in page.read_text(encoding="utf-8")
        s3 = running_settings().s3
        Storage(s3.as_prefecture(*new), retry_timeout=0.2).put("intake", f"{area}/统计表/x.xlsx", b"1")
        with pytest.raises(StorageError, match="InvalidAccessKeyId"):
            Storage(s3.as_prefecture(*old), retry_timeout=0.2).put("intake", f"{area}/统计表/y.xlsx", b"1")
        assert campaigns.revoke("6501")
        assert not campaigns.revoke("6501")
        assert not page.exists()
        with pytest.raises(StorageError, match="InvalidAccessKeyId"):
            Storage(s3.as_prefecture(*new), retry_timeout=0.2).put("intake", f"{area}/统计表/y.xlsx", b"1")
        assert [s.key for s in Storage(s3).list("intake", area)] == [f"{area}/统计表/x.xlsx"]
        Storage(s3).remove("intake", f"{area}/统计表/x.xlsx")
        assert "6501" not in [c.code for c in stack.open_campaign_areas(running, campaign)]
        assert campaigns.rotate("6501") == [page]  # one that was revoked may be given a new one
        with pytest.raises(stack.StackError, match="没有代码为“9999”的地州市"):
            campaigns.rotate("9999")

    def test_pages_follow_the_store_to_another_address(self, running: Path, campaign: Campaign) -> None:
        stack.open_campaign_areas(running, campaign)
        here = layout.Layout(running)
        pages.write_pages(here, campaign)
        page = here.credentials / "2023" / campaign.prefecture("6502").folder / PAGE
        assert grants.record_endpoint(here, "127.0.0.1:1")
        pages.renew_pages(here, Campaigns(campaign_dirs()))
        assert "connect-src http://127.0.0.1:1;" in page.read_text(encoding="utf-8")
        assert grants.record_endpoint(here, running_settings().s3.endpoint)
        assert not grants.record_endpoint(here, running_settings().s3.endpoint)


def _pair(home: Path) -> tuple[str, str]:
    keys = json.loads((home / "credentials" / "6501.json").read_text(encoding="utf-8"))
    return keys["access_key"], keys["secret_key"]


class TestDisks:
    def test_a_disk_that_is_all_but_full_is_named_by_the_status(
        self, running: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert "disk" not in {c.name for c in stack.status(running)}
        monkeypatch.setattr(lifecycle, "_SCARCE", 1.1)
        (line,) = [c for c in stack.status(running) if c.name == "disk"]
        assert not line.healthy
        assert "磁盘将满" in line.detail

    def test_a_state_that_cannot_be_written_does_not_end_the_supervisor(self, running: Path) -> None:
        state = running / "state.json"
        state.unlink()
        state.mkdir()
        (state / "in the way").touch()  # a file cannot replace this folder
        log = running / "logs" / "supervisor.log"
        until(lambda: "the state cannot be written" in log.read_text(), 20, "a word in the log")
        shutil.rmtree(state)
        until(lambda: all(c.healthy for c in stack.status(running)), 20, "the state")


class TestSecondCalls:
    def test_up_again_finds_the_running_stack(self, running: Path) -> None:
        before = reaper(running)
        stack.up(running, airflow=False)
        assert reaper(running) == before

    def test_the_ledger_is_there_and_its_migration_is_not_repeated(self, running: Path) -> None:
        settings = running_settings()
        assert settings.home == running
        assert rows(settings.ledger_url, "SELECT count(*) FROM submission") == [(0,)]
        log = running / "logs" / "migration.log"
        size = log.stat().st_size if log.exists() else 0
        stack.down(running)
        stack.up(running, airflow=False)
        assert (log.stat().st_size if log.exists() else 0) == size

    def test_status_of_what_never_ran_is_stopped(self, tmp_path: Path) -> None:
        assert {c.state for c in stack.status(tmp_path / "never")} == {"stopped"}
        assert not stack.is_embedded(tmp_path / "never")
        assert not stack.down(tmp_path / "never")
