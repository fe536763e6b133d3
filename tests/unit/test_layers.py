"""The layers hold: what is a unit test needs no service, and what changed is tested by the folders that mirror it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from baosong_local import test_command

TESTS = Path(__file__).parents[1]


def test_no_unit_test_uses_a_fixture_that_starts_something(request: pytest.FixtureRequest) -> None:
    text = (TESTS / "helpers/service_fixtures.py").read_text(encoding="utf-8")
    starting = set(re.findall(r"^@pytest\.fixture.*\ndef (\w+)", text, re.M))
    assert {"postgres", "store", "services", "clips", "home"} <= starting
    ours = [item for item in request.session.items if TESTS / "unit" in item.path.parents]
    assert ours
    assert [item.nodeid for item in ours if starting & set(getattr(item, "fixturenames", ()))] == []


@pytest.mark.parametrize("layer", ["unit", "corpus"])
def test_no_file_of_a_layer_without_services_speaks_of_one(layer: str) -> None:
    words = ("import servers", "from servers", "from intake_run", "from clips", "imageio_ffmpeg", "baosong_local.stack")
    files = [path for path in (TESTS / layer).rglob("*.py") if path != Path(__file__)]
    assert files
    assert [(path.name, word) for path in files for word in words if word in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize(
    ("changed", "folders"),
    [
        ("include/baosong/ledger/models.py", {"tests/integration/ledger"}),
        ("include/baosong/validation/photo/photo.py", {"tests/corpus"}),
        ("include/baosong/validation/video/video.py", {"tests/corpus", "tests/media"}),
        ("include/baosong/rules/findings.py", set()),
        ("plugins/baosong_airflow/tasks.py", {"tests/airflow"}),
        ("docker-compose.yaml", {"tests/stack"}),
        ("tests/integration/store/test_storage.py", {"tests/integration/store"}),
        ("tests/soak/test_soak_kill.py", set()),
        ("tests/integration/none/test_gone.py", set()),
        ("docs/rules.md", set()),
    ],
)
def test_what_changed_is_tested_by_what_mirrors_it(changed: str, folders: set[str]) -> None:
    assert test_command.mirrors([changed]) == folders


def test_every_room_with_integration_tests_is_a_room() -> None:
    rooms = {path.name for path in (TESTS.parent / "include/baosong").iterdir() if path.is_dir()}
    mirrored = {path.name for layer in ("unit", "integration") for path in (TESTS / layer).iterdir() if path.is_dir()}
    assert mirrored - {"__pycache__"} <= rooms
