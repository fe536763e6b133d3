"""What every test shares; whatever starts a service is in tests/helpers/service_fixtures.py."""

from __future__ import annotations

import gc
import shutil
import signal
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from baosong.campaign import Campaign, Campaigns
from baosong.store.settings import PROJECT

WITHOUT_SERVICES = ("unit", "corpus")


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> None:
    """Load what starts services only where tests may use it: its import costs as much as a hundred of the others."""
    if path.parent == Path(__file__).parent and path.name not in WITHOUT_SERVICES:
        parent.config.pluginmanager.import_plugin("service_fixtures")


def pytest_configure(config: pytest.Config) -> None:
    """Give each session a folder of its own: another session shuts the common one to our servers' account."""
    if config.option.basetemp is None:
        config.option.basetemp = tempfile.mkdtemp(prefix="baosong-tests-")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background: our children would ignore it, too
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and never among what was imported: that took a tenth of the processors' time."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Leave nothing behind, unless somebody will want to look for what went wrong."""
    if exitstatus == pytest.ExitCode.OK:
        session.config.add_cleanup(lambda: shutil.rmtree(session.config.option.basetemp, ignore_errors=True))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes minutes and must stay on one worker, so that the workers end together."""
    items.sort(key=lambda item: item.get_closest_marker("xdist_group") is None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a program that is not there, before its fixtures would start it."""
    if mark := item.get_closest_marker("debian"):
        program, packages, font = *mark.args, mark.kwargs.get("font")
        if shutil.which(program) is None or (font and not has_font(font)):
            pytest.skip(f"{program} or its font is not installed (Debian: {packages})")


@cache
def has_font(family: str) -> bool:
    """Return whether a program without our environment, as the product starts LibreOffice, finds a font."""
    if (program := shutil.which("fc-list")) is None:
        return False
    asked = subprocess.run([program, family], env={}, capture_output=True, check=False, timeout=60)
    return bool(asked.stdout)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Keep files out of the names of tests: a zip holds the second it was made in, and workers compare the names."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > 200) else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Import for the whole stack's tests only the files that speak of them: all the others take ten seconds."""
    wanted = config.option.markexpr.partition(" ")[0]
    if wanted not in ("stack", "soak", "distributed") or not collection_path.name.startswith("test_"):
        return None
    return f"mark.{wanted}" not in collection_path.read_text(encoding="utf-8") or None


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    return Campaigns([PROJECT / "include" / "campaigns"]).get("2023")
