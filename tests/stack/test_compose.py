"""The production stack as a file: it meets the specification, needs its secrets told, and names only what exists."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import airflow_home
from baosong.store import accounts

ROOT = airflow_home.PROJECT
SPECIFICATION = json.loads((ROOT / "tests/helpers/data/compose-spec.json").read_text(encoding="utf-8"))
TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name in SERVICES if name.startswith("airflow-"))
LONG_RUNNING = sorted(name for name in SERVICES if name != "airflow-init")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|FERNET|ACCESS_KEY|PASS\b|TOKEN", re.I)
VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?P<how>:\?|:-)?(?P<rest>[^{}]*)\}")


def interpolate(part: Any, env: dict[str, str]) -> Any:
    """Fill in variables in every text of the parsed file, as compose does; KeyError for a required one not given."""
    if isinstance(part, dict):
        return {key: interpolate(value, env) for key, value in part.items()}
    if isinstance(part, list):
        return [interpolate(value, env) for value in part]
    if not isinstance(part, str):
        return part
    return VARIABLE.sub(lambda m: env.get(m["name"], m["rest"]) if m["how"] == ":-" else env[m["name"]], part)


def filled_in() -> dict[str, Any]:
    """The file with a made-up value for all that must be told."""
    return interpolate(COMPOSE, dict.fromkeys(variables(":?"), "s" * 64))


def variables(how: str) -> set[str]:
    return {m["name"] for m in VARIABLE.finditer(TEXT) if m["how"] == how}


def airflow_commands() -> dict[str, set[str]]:
    """The command line of the installed Airflow: groups with their subcommands, plain commands with none."""
    from airflow.cli.cli_parser import ALL_COMMANDS_DICT

    return {
        name: {sub.name for sub in getattr(command, "subcommands", ())} for name, command in ALL_COMMANDS_DICT.items()
    }


def lines_of(service: dict[str, Any]) -> list[list[str]]:
    """The commands that a service runs: its own, or those of its shell script."""
    command = service["command"]
    if command[0] == "env":
        command = [word for word in command[1:] if "=" not in word]
    if command[:2] != ["sh", "-ec"]:
        return [command]
    script = command[2].replace("\\\n", " ")
    return [shlex.split(line) for line in script.splitlines() if line.strip()]


def test_the_file_meets_the_compose_specification_as_it_stands_and_with_its_variables_filled_in() -> None:
    checker = jsonschema.Draft202012Validator(SPECIFICATION)
    for document in (COMPOSE, filled_in()):
        assert [f"{e.json_path}: {e.message}" for e in checker.iter_errors(document)] == []


def test_a_misspelt_key_would_be_noticed() -> None:
    wrong = {"services": {"s3": {"image": "x", "helthcheck": {}}}}
    with pytest.raises(jsonschema.ValidationError, match="helthcheck"):
        jsonschema.validate(wrong, SPECIFICATION)


def test_the_parts_are_those_of_the_design() -> None:
    assert set(SERVICES) == {
        "postgres", "redis", "s3", "airflow-init", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor",
        "airflow-triggerer", "airflow-worker",
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_is_built_here_or_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    if name in OURS:
        assert service["build"] == "."
    else:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", service["image"]), service["image"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_runs_as_root_or_keeps_privileges_or_eats_the_machine(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_what_runs_for_ever_is_watched_and_restarted(name: str) -> None:
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")


@pytest.mark.parametrize("name", OURS)
def test_airflow_waits_for_healthy_services_and_a_finished_init(name: str) -> None:
    needs = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
    expected = dict.fromkeys(("postgres", "redis", "s3"), "service_healthy")
    if name != "airflow-init":
        expected["airflow-init"] = "service_completed_successfully"
    assert needs == expected


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists_in_the_installed_airflow(name: str) -> None:
    known = airflow_commands()
    known["celery"] = {"worker"}  # of the Celery provider, which only the image has
    calls = lines_of(SERVICES[name])
    check = SERVICES[name].get("healthcheck", {}).get("test", [])
    calls += [check[1:]] if check[1:2] == ["airflow"] else []
    for program, *rest in calls:
        if program == "airflow":
            assert rest[0] in known
            assert not known[rest[0]] or rest[1] in known[rest[0]]
        else:
            assert program in ("python", "umask")


def test_python_in_the_init_service_compiles_and_names_what_the_domain_has() -> None:
    from baosong.ledger import Ledger
    from baosong.ledger.services import Services
    from baosong.store.s3 import Storage

    snippets = [call[2] for call in lines_of(SERVICES["airflow-init"]) if call[:2] == ["python", "-c"]]
    assert len(snippets) == 2
    for snippet in snippets:
        compile(snippet, "docker-compose.yaml", "exec")
    opened = next(s for s in snippets if "Services" in s)
    assert set(re.findall(r"\bd\.(\w+)\.(\w+)\(", opened)) == {("ledger", "migrate"), ("storage", "ensure_buckets")}
    assert Services.__dataclass_fields__.keys() >= {"ledger", "storage"}
    assert callable(Ledger.migrate)
    assert callable(Storage.ensure_buckets)


def test_the_first_start_makes_an_administrator_and_no_later_one_undoes_a_change(tmp_path: Path) -> None:
    """Its password stands in no log: what a container prints is kept, and goes wherever logs are sent."""
    (program,) = [call[2] for call in lines_of(SERVICES["airflow-init"]) if "accounts.begin" in str(call)]
    file = tmp_path / "auth" / "accounts.json"
    env = {**os.environ, "OPERATOR_PASSWORD": "the operators own", "BAOSONG_ACCOUNTS": str(file)}

    first, again = (
        subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
        for env in (env, env | {"OPERATOR_PASSWORD": "another"})
    )

    assert accounts.authenticated(file, "operator", "the operators own")
    assert first + again == ""


def test_the_pools_are_those_of_the_embedded_stack_and_all_that_the_dags_draw_from() -> None:
    from baosong_local.stack.airflow import POOLS

    used = {m for path in (ROOT / "dags").glob("*.py") for m in re.findall(r"pool=\"(\w+)\"", path.read_text("utf-8"))}
    calls = lines_of(interpolate(SERVICES["airflow-init"], dict.fromkeys(variables(":?"), "x")))
    made = {call[3]: (int(call[4]), call[5]) for call in calls if call[:3] == ["airflow", "pools", "set"]}
    assert made == POOLS
    assert used <= made.keys()


def test_workers_fork_from_a_parent_that_has_imported_what_is_slow_to_import() -> None:
    set_by_command = dict(word.split("=") for word in SERVICES["airflow-worker"]["command"] if "=" in word)
    folder = ROOT / set_by_command["PYTHONPATH"].removeprefix("/opt/baosong/")
    assert (folder / "airflow_local_settings.py").is_file()
    assert "PYTHONPATH" not in (ROOT / "Dockerfile").read_text(encoding="utf-8")  # our packages are installed


@pytest.mark.parametrize("name", OURS)
def test_every_baosong_variable_is_one_that_the_settings_read(name: str) -> None:
    settings = (ROOT / "include/baosong/store/settings.py").read_text(encoding="utf-8")
    ours = {variable for variable in SERVICES[name]["environment"] if variable.startswith("BAOSONG_")}
    assert ours
    assert [v for v in ours if f'"{v}"' not in settings] == []


def test_the_settings_are_complete_for_the_domain() -> None:
    from baosong.store.settings import Settings

    settings = Settings.load(filled_in()["services"]["airflow-worker"]["environment"])
    assert settings.s3.endpoint == "s3:9000"
    assert settings.s3.secure is False
    assert settings.ledger_url.endswith("@postgres/ledger")


def test_every_airflow_option_exists() -> None:
    from airflow.configuration import conf

    known = {section: set(options["options"]) for section, options in conf.configuration_description.items()}
    for variable in SERVICES["airflow-worker"]["environment"]:
        if variable.startswith("AIRFLOW__"):
            _, section, option = variable.lower().split("__")
            assert section.startswith("celery") or option in known[section], variable


def test_every_database_url_names_its_driver() -> None:
    """SQLAlchemy 2.1 takes another one than we install where none is named."""
    urls = re.findall(r"postgresql\S*?://", TEXT)
    assert len(urls) == 3
    assert set(urls) == {"postgresql+psycopg2://"}


def test_all_airflow_services_share_one_configuration() -> None:
    shared = COMPOSE["x-airflow-environment"]
    for name in OURS:
        assert shared.items() <= SERVICES[name]["environment"].items()


def test_every_secret_must_be_told_and_none_has_a_default() -> None:
    assert not [name for name in variables(":-") if SECRET_NAME.search(name)]
    for service in SERVICES.values():
        for variable, value in service.get("environment", {}).items():
            if SECRET_NAME.search(variable) and not str(value).startswith("/"):
                assert ":?" in value or variable.endswith("_USERS"), variable
    for url in re.findall(r"://[^/\s]*@", TEXT):
        assert re.fullmatch(r"://\w*:\$\{\w+:\?[^{}]*\}@", url), url


def test_a_missing_secret_stops_the_start() -> None:
    required = variables(":?")
    assert len(required) == 10
    for missing in sorted(required):
        with pytest.raises(KeyError, match=missing):
            interpolate(COMPOSE, dict.fromkeys(required - {missing}, "x"))


def test_only_the_ui_and_the_store_are_published_and_on_loopback_until_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"airflow-api-server", "s3"}
    assert all(re.match(r"\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}:", port) for p in published.values() for port in p)
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert {name for name in SERVICES if SERVICES[name]["networks"] == ["back"]} == {"postgres", "redis"}


def test_state_lives_in_named_volumes_that_are_declared() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    named = {source for source, *_ in mounts if not source.startswith(".")}
    assert named == set(COMPOSE["volumes"])
    bound = {(source, options[0]) for source, _, *options in mounts if source.startswith(".")}
    assert bound == {("./include/campaigns", "ro")}
    assert (ROOT / "include/campaigns").is_dir()


def test_workers_can_be_scaled() -> None:
    assert not any("container_name" in service for service in SERVICES.values())
    assert "ports" not in SERVICES["airflow-worker"]


def test_the_image_copies_what_exists_runs_unprivileged_and_carries_no_secret() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line[:1].isupper()]
    assert {rest.split()[0] for step, rest in steps if step == "FROM"} == {"python:3.11-slim-bookworm"}
    user = next(rest for step, rest in steps if step == "USER")
    assert {service["user"] for name, service in SERVICES.items() if name in OURS} == {user}
    copied = [rest.split()[:-1] for step, rest in steps if step == "COPY" and not rest.startswith("--from")]
    assert all((ROOT / source).exists() for sources in copied for source in sources)
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    sources = {source for sources in copied for source in sources}
    assert {next(a for a in allowed if source == a or source.startswith(f"{a}/")) for source in sources} == allowed
    assert "include/baosong_local" not in text
    assert not [rest for step, rest in steps if step in ("ENV", "ARG") and SECRET_NAME.search(rest)]
    installs = re.findall(r"pip (?:install|wheel)[^&\n]*", text.replace("\\\n", " "))
    assert len(installs) == 4
    assert [c for c in installs if "--no-deps" not in c or ("--require-hashes" in c) == ("--no-index" in c)] == []
    assert [c for c in installs if "pip wheel" in c and "--no-build-isolation" not in c] == []


def pins(name: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text(encoding="utf-8"), re.M))


def test_the_image_holds_the_very_versions_that_the_tests_run_on() -> None:
    here, image = pins("requirements.txt"), pins("requirements-production.txt")
    assert {name: image.get(name) for name in here} == here
    assert "apache-airflow-providers-celery" in image
    text = (ROOT / "requirements-production.txt").read_text(encoding="utf-8")
    assert text.count("--hash=sha256:") >= len(image)


def test_the_image_holds_nothing_that_only_the_embedded_stack_needs() -> None:
    """But for psutil and python-dotenv, which Airflow and what it brings need as well."""
    listed = (ROOT / "requirements-local.in").read_text(encoding="utf-8").split("\n")
    only_here = {line for line in listed if line and not line.startswith(("#", "-"))} - {"psutil", "python-dotenv"}
    assert only_here
    assert not only_here & pins("requirements-production.txt").keys()


def test_what_the_image_takes_from_source_has_no_wheel() -> None:
    """And nothing else has none: a package that loses its last wheel stops the build of the image, not this suite."""
    lock = (ROOT / "requirements-production.txt").read_text(encoding="utf-8")
    single = re.findall(r"^([\w.-]+)==\S+ \\\n    --hash=\S+\n", lock, re.M)
    assert single == re.findall(r"--no-binary (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
