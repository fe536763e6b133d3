"""The documents tell the truth: links resolve, commands and options exist, and figures are those of the campaign."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from baosong.campaign import Campaign, load_campaign
from documents import CONFIGURATION, DOCUMENTS, ROOT, calls_of, text_of

GUIDE = (ROOT / "docs/prefectures.md").read_text(encoding="utf-8")
OPERATORS = (ROOT / "docs/operators.md").read_text(encoding="utf-8")
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HOST = re.compile(r"(?<![\w/.@-])(?:[a-z0-9-]+\.)+(?:io|org|com|net|dev|cn)(?![\w-])|https?://[^\s)`，。、）]+", re.I)
OUR_HOSTS = {"https://airflow.apache.org/", "https://地址:端口", "https://baosong.example", "https://s3.example"}
TEST = re.compile(r"^ *(?:class|(?:async )?def) ([Tt]est_?\w+)", re.M)
DAYS = re.compile(r"(\d{4})年(\d{1,2})月(\d{1,2})日")


@pytest.fixture(scope="module")
def notice() -> Campaign:
    return load_campaign(ROOT / "include/campaigns/2023.yaml")


def commands() -> dict[str, Any]:
    """The command line's commands by name."""
    from baosong_local.cli import app

    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]  # a group, as it has commands


def table_of(text: str, first_heading: str) -> list[list[str]]:
    """The rows of all tables whose first heading is this one, without code marks."""
    tables = re.findall(rf"^\| {first_heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.M)
    assert tables, first_heading
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for t in tables for row in t.splitlines()]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_every_relative_link_resolves(document: Path) -> None:
    targets = [target for target in LINK.findall(text_of(document)) if not target.startswith(("http", "mailto:", "#"))]
    assert [t for t in targets if not (document.parent / t.partition("#")[0]).exists()] == []


def test_the_guides_can_be_found_from_the_readme() -> None:
    linked = {target.partition("#")[0] for target in LINK.findall(text_of(ROOT / "README.md"))}
    assert {f"docs/{d.name}" for d in DOCUMENTS if d.parent.name == "docs"} <= linked


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_every_command_and_option_named_exists(document: Path) -> None:
    known = commands()
    for name, *rest in calls_of(text_of(document)):
        assert name in known, name
        if name == "test":  # its words are pytest's: tests/integration/cli asks it
            continue
        command = known[name]
        if rest and rest[0] in getattr(command, "commands", {}):
            command = command.commands[rest[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in rest if word.startswith("-")} <= options, (name, rest)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: d.name)
def test_every_test_that_is_named_stands_where_it_is_said_to(document: Path) -> None:
    tests = {str(p.relative_to(ROOT)): set(TEST.findall(text_of(p))) for p in (ROOT / "tests").rglob("test_*.py")}
    known = set().union(*tests.values(), (Path(p).stem for p in tests))
    text = text_of(document)
    assert set(re.findall(r"\btest_\w+", text)) <= known
    named = [(path, inside.split("::")) for path, inside in re.findall(r"(tests/[\w/]+\.py)::([\w:]+)", text)]
    assert [(path, inside) for path, inside in named if not tests[path].issuperset(inside)] == []


def test_the_readme_lists_every_command() -> None:
    listed = {row[0] for row in table_of(text_of(ROOT / "README.md"), "command")}
    named = {word.strip("`") for cell in listed for word in re.findall(r"`(?:\./baosong )?([a-z-]+)", cell)}
    named |= {word for cell in listed for word in re.findall(r"\./baosong ([a-z-]+)", cell)}
    assert named == set(commands())


def test_the_launcher_that_the_documents_call_is_there() -> None:
    launcher = ROOT / "baosong"
    assert launcher.stat().st_mode & 0o111


def test_every_folder_of_the_layout_exists() -> None:
    assert [row[0] for row in table_of(text_of(ROOT / "README.md"), "folder") if not (ROOT / row[0]).is_dir()] == []


def test_each_fault_that_operators_are_told_of_names_the_tests_that_try_it() -> None:
    written = {name for path in (ROOT / "tests").rglob("test_*.py") for name in TEST.findall(text_of(path))}
    text = text_of(ROOT / "docs/faults.md")
    tried = {name for row in table_of(text, "故障") for name in re.findall(r"test_\w+", row[1])}
    assert len(tried) > 10
    assert tried - written == set()
    faults = [part for part in text.split("\n## ")[1:] if not part.startswith("试过的")]
    assert [f.partition("\n")[0] for f in faults if not all(word in f for word in ("看到", "做", "好了"))] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, *CONFIGURATION], ids=lambda d: d.name)
def test_no_foreign_host_is_named(document: Path) -> None:
    found = set(HOST.findall(re.sub(r"[\w.]+@[\w.]+", "", text_of(document))))
    local = {
        host
        for host in found
        if re.match(r"https?://(localhost|127\.0\.0\.1|airflow-api-server|otel-collector)[:/]", host)
    }
    assert found - local - OUR_HOSTS == set()


def test_the_prefectures_guide_asks_for_what_the_campaign_collects(notice: Campaign) -> None:
    rows = [row for row in table_of(GUIDE, "材料") if len(row) == 5]
    expected = [
        [
            d.name,
            d.folder,
            ("1 份" if d.single else f"{d.min}～{d.max} "),
            "、".join(d.formats),
            f"{d.max_size >> 30} GB" if d.max_size >= 1 << 30 else f"{d.max_size >> 20} MB",
        ]
        for d in notice.deliverables
    ]
    assert [[*row[:2], row[2] if row[2] == "1 份" else row[2].rstrip("张件个"), *row[3:]] for row in rows] == expected
    assert all(d.required for d in notice.deliverables) == ("五项材料都必须报送" in GUIDE)


def test_the_prefectures_guide_names_the_deadline_the_window_and_the_profile(notice: Campaign) -> None:
    assert f"截止时间：**{notice.deadline_text}**" in GUIDE
    start, end = notice.window.start, notice.window.end
    assert f"{start.year}年{start.month}月{start.day}日至{end.day}日" in GUIDE
    years = {(int(y), int(m), int(d)) for y, m, d in DAYS.findall(GUIDE)}
    assert years == {(2023, 6, 15), (start.year, start.month, start.day)}
    video = notice.video
    assert f"{video.width}×{video.height}" in GUIDE
    assert f"{video.bit_rate_min // 10**6}～{video.bit_rate_max // 10**6} Mbps" in GUIDE
    assert f"容差（{video.tolerance:.0%}）" in GUIDE
    assert f"每秒 {video.frame_rate} 帧" in GUIDE
    assert f"不小于 {notice.photo.min_width}×{notice.photo.min_height} 像素" in GUIDE


def test_the_prefectures_guide_gives_the_recipient_of_the_notice(notice: Campaign) -> None:
    to = notice.recipient
    for said in (to.office, to.email, to.address, to.postcode, *to.contacts, *to.phones):
        assert said in GUIDE


def test_the_guides_name_real_areas_sheets_and_stages(notice: Campaign) -> None:
    folders = {f"{notice.id}/{p.folder}" for p in notice.prefectures}
    for text in (GUIDE, OPERATORS, text_of(ROOT / "README.md")):
        named = set(re.findall(r"2023/\d{4}-[\u4e00-\u9fff]+", text))
        assert named
        assert named <= folders
    assert f"“{notice.form.indicators.sheet}”" in GUIDE
    assert f"“{notice.form.activities.sheet}”" in GUIDE
    folders = (ROOT / "include/baosong/receipts", ROOT / "include/baosong/rules")
    receipts = "".join(text_of(path) for f in folders for path in f.rglob("*.*") if path.suffix != ".pyc")
    for word in ("已收到", "已校验", "已归档", "已退回", "待人工审核", "重复文件", "必须修改", "请核对", "怎样修改"):
        assert word in GUIDE
        assert word in receipts


def test_the_operators_guide_names_exactly_the_dags() -> None:
    named = {re.sub(r".*`", "", row[0]) for row in table_of(OPERATORS, "流程")}
    assert named == {path.stem for path in (ROOT / "dags").glob("*.py")}


def test_the_operators_guide_makes_a_key_for_each_prefecture(notice: Campaign) -> None:
    loop = re.search(r"for code in ([\d ]+);", OPERATORS)
    assert loop
    assert loop[1].split() == [p.code for p in notice.prefectures]


def test_the_variables_that_the_operators_guide_names_are_those_of_the_compose_file() -> None:
    known = text_of(ROOT / "docker-compose.yaml") + text_of(ROOT / "include/baosong/store/settings.py")
    named = set(re.findall(r"`(?:\.env` )?([A-Z][A-Z0-9]+_[A-Z0-9_]+)", OPERATORS))
    assert [name for name in named if name not in known] == []


def test_the_example_of_a_new_campaign_loads(tmp_path: Path, notice: Campaign) -> None:
    example = next(b for b in re.findall(r"^```yaml\n(.*?)^```", OPERATORS, re.M | re.S))
    path = tmp_path / f"{yaml.safe_load(example)['id']}.yaml"
    path.write_text(example, encoding="utf-8")
    campaign = load_campaign(path)
    assert campaign.id == path.stem
    assert campaign.prefectures == notice.prefectures
    assert campaign.deadline.year == campaign.window.start.year
