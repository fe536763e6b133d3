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
from airflow.configuration import conf

import airflow_home
from baosong.store import accounts

ROOT = airflow_home.PROJECT
SPECIFICATION = json.loads((ROOT / "tests/helpers/data/compose-spec.json").read_text(encoding="utf-8"))
TEXT = (ROOT / "docker-compose.yaml").read_text(encoding="utf-8")
DATABASES = (ROOT / "include/production/databases.sql").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name in SERVICES if name.startswith("airflow-"))
LONG_RUNNING = sorted(name for name in SERVICES if name != "airflow-init")
SECRET_NAME = re.compile(r"PASSWORD|SECRET|FERNET|ACCESS_KEY|PASS\b|TOKEN", re.I)
WORKERS = {"airflow-worker", "airflow-large-files", "airflow-messenger"}
# Who holds which secret. Whoever adds one says in docs/security.md what it is for.
HOLDERS = {
    "postgres_password": {"postgres"},
    "airflow_db_password": {
        "postgres", "airflow-init", "airflow-api-server", "airflow-scheduler", "airflow-dag-processor",
        "airflow-triggerer",
    },
    "celery_db_password": {"postgres", "airflow-scheduler", *WORKERS},
    "ledger_owner_db_password": {"postgres", "airflow-init"},
    "ledger_db_password": {"postgres", "airflow-api-server", "airflow-dag-processor", *WORKERS},
    "redis_password": {"redis", "airflow-scheduler", *WORKERS},
    "s3_identities": {"s3"},
    "baosong_s3_secret_key": {
        "airflow-init", "airflow-api-server", "airflow-triggerer", *(WORKERS - {"airflow-messenger"}),
    },
    "airflow_fernet_key": {"airflow-api-server", "airflow-dag-processor", "airflow-triggerer"},
    "airflow_jwt_secret": {"airflow-api-server", "airflow-scheduler"},
    "airflow_api_secret_key": {"airflow-api-server"},
    "operator_password": {"airflow-init"},
    "baosong_metrics_token": {"airflow-api-server"},
}  # fmt: skip
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


def filled_in(value: str = "s" * 64) -> dict[str, Any]:
    """The file with a made-up value for all that must be told."""
    return interpolate(COMPOSE, dict.fromkeys(variables(":?"), value))


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
        "airflow-triggerer", *WORKERS,
    }  # fmt: skip


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_an_image_is_built_here_or_pinned_to_a_version(name: str) -> None:
    service = SERVICES[name]
    if name in OURS:
        assert service["build"]["context"] == "."
    else:
        assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", service["image"]), service["image"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_runs_as_root_or_keeps_privileges_or_eats_the_machine(name: str) -> None:
    service = SERVICES[name]
    assert service["user"].split(":")[0] not in ("", "0", "root")
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert 0 < service["pids_limit"] <= 2048
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_can_write_but_to_its_volumes_and_to_memory(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    memory = {mount.partition(":")[0] for mount in service.get("tmpfs", [])}
    needed = {"postgres": {"/tmp", "/var/run/postgresql"}, "redis": set(), "s3": {"/tmp"}}
    assert memory == needed.get(name, {"/tmp", "/opt/airflow"})


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_holds_just_the_secrets_that_it_needs(name: str) -> None:
    assert set(SERVICES[name]["secrets"]) == {secret for secret, holders in HOLDERS.items() if name in holders}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_each_service_is_told_to_read_each_secret_that_it_holds_and_no_other(name: str) -> None:
    """PostgreSQL also by the statements of its first start."""
    service = SERVICES[name]
    told = [*service["command"], *service.get("environment", {}).values()] if name != "postgres" else []
    told += [DATABASES, service.get("environment", {})] if name == "postgres" else []
    assert set(re.findall(r"/run/secrets/(\w+)", str(told))) == set(service["secrets"])


def test_no_environment_holds_a_secret() -> None:
    for name, service in filled_in(value="sesame")["services"].items():
        for variable, value in service.get("environment", {}).items():
            assert "sesame" not in str(value) or variable == "BAOSONG_S3_ACCESS_KEY", (name, variable)


def test_the_secrets_are_files_and_so_is_what_is_configured() -> None:
    """Compose cannot bring texts of its own, or of the environment, into a container that is read-only."""
    assert COMPOSE["secrets"] == {name: {"file": f"./secrets/{name}"} for name in HOLDERS}
    assert [(ROOT / config["file"]).is_file() for config in COMPOSE["configs"].values()] == [True]
    assert subprocess.run(["git", "check-ignore", "-q", "secrets/x"], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("name", OURS)
def test_airflow_takes_each_secret_by_a_command_and_each_command_gives_what_it_should(
    name: str, tmp_path: Path
) -> None:
    """A command is heard for options that Airflow calls sensitive, and for no other."""
    sent: dict[str, str] = {}
    for variable, command in SERVICES[name]["environment"].items():
        if variable.endswith("_CMD"):
            section, option = variable.removesuffix("_CMD").lower().split("__")[1:]
            assert section == "celery" or (section, option) in conf.sensitive_config_values, variable
            argv = shlex.split(command.replace("/run/secrets", str(tmp_path)))
            for secret in HOLDERS:
                (tmp_path / secret).write_text(f"<{secret}>", encoding="utf-8")
            sent[option] = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    expected = {
        "sql_alchemy_conn": "postgresql+psycopg2://airflow:<airflow_db_password>@postgres/airflow",
        "broker_url": "redis://:<redis_password>@redis:6379/0",
        "result_backend": "db+postgresql+psycopg2://celery:<celery_db_password>@postgres/celery",
        "fernet_key": "<airflow_fernet_key>",
        "jwt_secret": "<airflow_jwt_secret>",
        "secret_key": "<airflow_api_secret_key>",
    }
    assert sent == {option: expected[option] for option in sent}


def test_who_opens_files_reaches_nothing_outside_and_who_sends_messages_opens_none() -> None:
    outside = {name: set(SERVICES[name]["networks"]) - {"back"} for name in SERVICES}
    assert {name: more for name, more in outside.items() if more} == {
        "airflow-api-server": {"front"},
        "s3": {"front"},
        "airflow-messenger": {"out"},
    }
    queues = {
        m for path in (ROOT / "dags").glob("*.py") for m in re.findall(r"queue=\"(\w+)\"", path.read_text("utf-8"))
    }
    assert queues == {"messages", "large"}
    assert queue_of("airflow-messenger") == "messages"


def test_each_queue_has_workers_of_its_own_so_that_no_film_takes_the_place_of_a_sheet() -> None:
    assert {name: queue_of(name) for name in WORKERS} == {
        "airflow-worker": "",
        "airflow-large-files": "large",
        "airflow-messenger": "messages",
    }
    differ = {
        part for part, told in SERVICES["airflow-worker"].items() if SERVICES["airflow-large-files"][part] != told
    }
    assert differ == {"command"}


def queue_of(name: str) -> str:
    command = SERVICES[name]["command"]
    return command[command.index("--queues") + 1] if "--queues" in command else ""


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
    from baosong.store.storage import Storage

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
    file, secret = tmp_path / "auth" / "accounts.json", tmp_path / "operator_password"
    command = [sys.executable, "-c", program.replace("/run/secrets", str(tmp_path))]
    env, said = {**os.environ, "BAOSONG_ACCOUNTS": str(file)}, ""
    for password in ("the operators own", "another"):
        secret.write_text(password, encoding="utf-8")
        said += subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout

    assert accounts.authenticated(file, "operator", "the operators own")
    assert said == ""


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


def test_the_settings_are_complete_for_the_domain(tmp_path: Path) -> None:
    from baosong.store.settings import Settings

    told = filled_in()["services"]["airflow-worker"]["environment"]
    for name in ("ledger_db_password", "baosong_s3_secret_key"):
        (tmp_path / name).write_text(f"<{name}>", encoding="utf-8")
    settings = Settings.load({name: value.replace("/run/secrets", str(tmp_path)) for name, value in told.items()})
    assert settings.s3.endpoint == "s3:9000"
    assert settings.s3.secure is False
    assert settings.s3.secret_key == "<baosong_s3_secret_key>"
    assert settings.ledger_url == "postgresql+psycopg2://ledger:%3Cledger_db_password%3E@postgres/ledger"


def test_a_service_without_the_stores_key_writes_to_the_ledger_and_is_refused_the_store(tmp_path: Path) -> None:
    from baosong.store.settings import Settings, SettingsError
    from baosong.store.storage import Storage

    told = filled_in()["services"]["airflow-messenger"]["environment"]
    (tmp_path / "ledger_db_password").write_text("pass", encoding="utf-8")
    settings = Settings.load({name: value.replace("/run/secrets", str(tmp_path)) for name, value in told.items()})
    assert settings.ledger_url == "postgresql+psycopg2://ledger:pass@postgres/ledger"
    with pytest.raises(SettingsError, match="缺少设置 BAOSONG_S3_SECRET_KEY"):
        Storage(settings.s3).stat("intake", "x")


def test_every_airflow_option_exists() -> None:
    from airflow.configuration import conf

    known = {section: set(options["options"]) for section, options in conf.configuration_description.items()}
    for variable in {variable for name in OURS for variable in SERVICES[name]["environment"]}:
        if variable.startswith("AIRFLOW__"):
            _, section, option = variable.removesuffix("_CMD").lower().split("__")
            assert section.startswith("celery") or option in known[section], variable


def test_every_database_url_names_its_driver() -> None:
    """SQLAlchemy 2.1 takes another one than we install where none is named."""
    urls = re.findall(r"postgresql\S*?://", TEXT)
    assert len(urls) == 4
    assert set(urls) == {"postgresql+psycopg2://"}


def test_all_airflow_services_share_one_configuration_but_for_who_makes_the_ledgers_tables() -> None:
    shared = COMPOSE["x-airflow-environment"].items()
    own = {name: dict(shared - SERVICES[name]["environment"].items()) for name in OURS}
    assert {name: list(differs) for name, differs in own.items() if differs} == {"airflow-init": ["BAOSONG_LEDGER_URL"]}
    assert "//ledger_owner@" in SERVICES["airflow-init"]["environment"]["BAOSONG_LEDGER_URL"]


def test_a_start_before_init_env_is_stopped_and_no_secret_has_a_default() -> None:
    """A secret's file that is not there stops compose by itself."""
    assert not [name for name in variables(":-") if SECRET_NAME.search(name)]
    required = variables(":?")
    assert required == {"BAOSONG_S3_ACCESS_KEY"}
    for missing in sorted(required):
        with pytest.raises(KeyError, match=missing):
            interpolate(COMPOSE, dict.fromkeys(required - {missing}, "x"))


def test_only_the_ui_and_the_store_are_published_and_on_loopback_until_told_otherwise() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert set(published) == {"airflow-api-server", "s3"}
    assert all(re.match(r"\$\{PUBLISH_ADDRESS:-127\.0\.0\.1\}:", port) for p in published.values() for port in p)
    assert COMPOSE["networks"]["back"]["internal"] is True


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
    assert {rest.split()[0] for step, rest in steps if step == "FROM"} == {"python:3.11-slim-bookworm", "packages"}
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
    assert len(installs) == 5
    # A stage that installs from an index takes the one that .env names; an empty one is pip's own.
    stages = re.split(r"^FROM ", text, flags=re.M)
    assert [s.count("ARG PIP_INDEX_URL\n") for s in stages] == [int("--require-hashes" in s) for s in stages]
    assert [name for name in OURS if list(SERVICES[name]["build"]["args"]) != ["PIP_INDEX_URL"]] == []
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


def test_the_image_lists_what_was_installed_by_a_program_that_it_does_not_hold() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    (target,) = re.findall(r"cyclonedx-py environment /opt/venv .*--output-file (\S+)", text)
    assert f"COPY --from=sbom {target} /opt/baosong/sbom.cdx.json\n" in text.rpartition("\nFROM ")[2]
    assert "cyclonedx-bom" in pins("requirements-sbom.txt")
    assert "cyclonedx-bom" not in pins("requirements-production.txt")


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
