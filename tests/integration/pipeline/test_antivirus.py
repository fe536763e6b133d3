"""Viruses, found by a real clamd with a signature of our own; what it does when it is small, ill or away."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

import document_samples as p
from baosong.ledger.services import Services
from baosong.pipeline import check, discover
from baosong.rules.findings import Checked, Finding, Severity
from baosong.store.settings import Settings, SettingsError
from baosong.store.source import Source
from baosong.validation.common import antivirus
from baosong.validation.common.antivirus import ScannerDown, scan
from intake_run import run
from waiting import free_port, until

AREA = "2023/6501-乌鲁木齐市"
EVIL = b"not a virus, but known as one: " + hashlib.sha256(b"baosong").hexdigest().encode()
STREAM_LIMIT = 3 << 20

needs_clamd = pytest.mark.debian("clamd", "clamav-daemon")


@dataclass
class Clamd:
    """A running clamd: its two addresses, and the process."""

    tcp: str
    unix: str
    process: subprocess.Popen[bytes]


@pytest.fixture(scope="module")
def clamd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clamd]:
    """A clamd that knows one virus, in a folder of its own."""
    folder, port = tmp_path_factory.mktemp("clamd"), free_port()
    (folder / "db").mkdir()
    (folder / "db" / "own.ndb").write_text(f"Baosong.Test:0:*:{EVIL.hex()}\n")
    options = {
        "DatabaseDirectory": folder / "db",
        "LocalSocket": folder / "clamd.socket",
        "TCPSocket": port,
        "TCPAddr": "127.0.0.1",
        "Foreground": "yes",
        "StreamMaxLength": STREAM_LIMIT,
        "MaxFileSize": "1M",
        "AlertExceedsMax": "yes",
        "LogFile": folder / "clamd.log",
        "TemporaryDirectory": folder,
        "User": "root" if os.getuid() == 0 else "",
    }
    config = folder / "clamd.conf"
    config.write_text("".join(f"{name} {value}\n" for name, value in options.items() if value))
    program = shutil.which("clamd") or ""
    with subprocess.Popen([program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        until(lambda: (folder / "clamd.socket").exists() or child.poll() is not None, 40, "clamd")
        assert child.poll() is None, (folder / "clamd.log").read_text()
        yield Clamd(f"127.0.0.1:{port}", f"unix:{folder / 'clamd.socket'}", child)
        child.terminate()


def source(data: bytes) -> Source:
    return Source("x", len(data), lambda: io.BytesIO(data))


def rule(found: Finding | None) -> str | None:
    return found.rule if found else None


@needs_clamd
@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_an_infected_file_is_found_and_a_clean_one_is_clean(clamd: Clamd, way: str) -> None:
    address = getattr(clamd, way)
    assert scan(source(b"harmless"), address) is None
    found = scan(source(b"x" * 4000 + EVIL), address)
    assert found is not None
    assert (found.rule, found.severity, found.observed) == (
        "file.virus",
        Severity.ERROR,
        "Baosong.Test.UNOFFICIAL",
    )


@needs_clamd
def test_a_virus_inside_a_word_document_is_found(clamd: Clamd) -> None:
    assert rule(scan(source(p.paper(EVIL.decode())), clamd.tcp)) == "file.virus"


@needs_clamd
@pytest.mark.parametrize("size", [(1 << 20) + 1, STREAM_LIMIT + 1, 20 << 20, antivirus.LARGEST + 1])
def test_what_is_too_large_for_any_limit_is_not_called_clean(clamd: Clamd, size: int) -> None:
    """Larger than it scans, than it takes, than it waits for, than we send."""
    assert rule(scan(source(os.urandom(size)), clamd.tcp)) == "file.not_scanned"


@pytest.mark.parametrize("address", ["", "clamd:3310", "10.0.0.7:3310", "unix:/run/clamav/clamd.ctl"])
def test_an_address_is_read_from_the_environment(address: str, services: Services) -> None:
    assert settings_with(address, services).clamd == address


@pytest.mark.parametrize("address", ["clamd", "/run/clamd.ctl", "http://clamd:3310", "clamd:port", "unix:clamd"])
def test_a_wrong_address_is_refused_at_once(address: str, services: Services) -> None:
    with pytest.raises(SettingsError, match="BAOSONG_CLAMD"):
        settings_with(address, services)


def settings_with(address: str, services: Services) -> Settings:
    from airflow_home import baosong_environment

    return Settings.load({**baosong_environment(services.settings), "BAOSONG_CLAMD": address})


# --- the whole intake


def with_clamd(services: Services, address: str) -> Services:
    return replace(services, settings=replace(services.settings, clamd=address))


@needs_clamd
def test_an_infected_file_is_rejected_unopened_and_quarantined(
    clamd: Clamd, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    judge: Callable[..., Checked] = check.checks.check
    monkeypatch.setattr(check.checks, "check", lambda s, *more: opened.append(s.name) or judge(s, *more))
    for name, data in (("链接.txt", b"https://news.example.cn/1.html"), ("报道.docx", p.paper(EVIL.decode()))):
        services.storage.put("intake", f"{AREA}/媒体报道/{name}", data)
    run(with_clamd(services, clamd.tcp))
    rows = {row.name: row for row in services.ledger.submissions("2023")}
    assert {name: row.state for name, row in rows.items()} == {"链接.txt": "accepted", "报道.docx": "rejected"}
    assert opened == ["链接.txt"]
    assert [f["rule"] for f in rows["报道.docx"].findings][:1] == ["file.virus"]
    assert [s.key for s in services.storage.list("quarantine") if s.key.endswith(".docx")] == [
        rows["报道.docx"].archive_key
    ]
    assert not list(services.storage.list("intake"))


def test_while_the_scanner_is_away_nothing_is_judged_and_nothing_is_lost(services: Services) -> None:
    key = f"{AREA}/媒体报道/链接.txt"
    services.storage.put("intake", key, b"https://news.example.cn/1.html")
    ill = with_clamd(services, f"127.0.0.1:{free_port()}")
    discover.find_new(ill)
    with pytest.raises(ScannerDown):
        check.check(ill, "2023", "6501")
    (row,) = services.ledger.submissions("2023")
    assert row.state == "received"
    assert services.storage.stat("intake", key)
    run(services)  # it is back
    assert services.ledger.submission(row.id).state == "accepted"


@needs_clamd
def test_the_archive_keeps_that_a_file_was_not_scanned(clamd: Clamd, services: Services) -> None:
    noise = b"".join(b"https://news.example.cn/%d.html\n" % n for n in range(60_000))
    services.storage.put("intake", f"{AREA}/媒体报道/链接.txt", noise)
    run(with_clamd(services, clamd.unix))
    (row,) = services.ledger.submissions("2023")
    assert row.state == "held"
    record = json.loads(services.storage.read("quarantine", f"{row.archive_key}.json"))
    assert "file.not_scanned" in [f["rule"] for f in record["findings"]]
