"""The campaign file: what it says of 2023, and what a wrong one is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from baosong.campaign import CampaignError, Campaigns, load_campaign
from baosong.campaign.model import read_deadline
from baosong.rules.findings import Kind
from baosong.store.settings import PROJECT

NOTICE = PROJECT / "include" / "campaigns" / "2023.yaml"


def write(folder: Path, text: str, name: str = "x.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def derived(tmp_path: Path, **over: object) -> Path:
    text = yaml.safe_dump({"extends": "2023", "id": "x", **over}, allow_unicode=True, sort_keys=False)
    return write(tmp_path, text)


def refusal(path: Path) -> str:
    with pytest.raises(CampaignError) as refused:
        load_campaign(path)
    return str(refused.value)


def test_the_notice_names_14_prefectures_and_5_deliverables() -> None:
    campaign = load_campaign(NOTICE)
    assert len(campaign.prefectures) == 14
    assert [d.kind for d in campaign.deliverables] == [
        Kind.REPORT,
        Kind.STATISTICS,
        Kind.PHOTO,
        Kind.PRESS,
        Kind.VIDEO,
    ]
    assert campaign.prefecture("6530").folder == "6530-克孜勒苏柯尔克孜自治州"


def test_deadline_counts_the_whole_15th_of_june_in_shanghai() -> None:
    campaign = load_campaign(NOTICE)
    assert campaign.deadline == datetime(2023, 6, 15, 16, 0, tzinfo=UTC)
    assert campaign.deadline_text == "2023年6月15日24:00"


@pytest.mark.parametrize(("alias", "code"), [("博州", "6527"), ("伊犁州直", "6540"), (" 喀什 地区 ", "6531")])
def test_a_prefecture_is_known_by_its_aliases_and_despite_spaces(alias: str, code: str) -> None:
    found = load_campaign(NOTICE).prefecture_named(alias)
    assert found is not None
    assert found.code == code


def test_missing_field_is_named_with_the_line_of_its_parent(tmp_path: Path) -> None:
    text = 'extends: "2023"\nid: x\nprefectures:\n  - {code: "6501", name: 乌鲁木齐市}\n  - {code: "6502"}\n'
    told = refusal(write(tmp_path, text))
    assert told == "x.yaml:5：字段 prefectures.2.name：缺少此项，必须填写。"


def test_misspelt_field_is_refused_with_its_line(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, 'extends: "2023"\nid: x\ntitel: 笔误\n'))
    assert "x.yaml:3" in told
    assert "titel" in told
    assert "没有这样的字段" in told


def test_every_wrong_field_is_told_in_one_pass(tmp_path: Path) -> None:
    told = refusal(derived(tmp_path, deadline="六月", timezone="Mars/Base"))
    assert len(told.splitlines()) == 2
    assert "2023-06-15 24:00" in told
    assert "Asia/Shanghai" in told


def test_how_long_quarantine_keeps_is_no_rule_and_a_wrong_number_is_told_with_its_line(tmp_path: Path) -> None:
    told = refusal(write(tmp_path, 'extends: "2023"\nid: x\nquarantine:\n  keep_days: 7\n'))
    assert told == "x.yaml:4：字段 quarantine.keep_days：应不小于30，现为 7。"
    same = load_campaign(derived(tmp_path, quarantine={"keep_days": 90}))
    assert same.rules_version == load_campaign(NOTICE).rules_version
    assert load_campaign(derived(tmp_path, quarantine=None)).quarantine is None


def test_a_campaign_may_extend_one_of_another_folder(tmp_path: Path) -> None:
    """As on a server: its own campaigns lie on a volume, those of the image in the image, the program elsewhere."""
    image, server = tmp_path / "image", tmp_path / "server"
    for folder in (image, server):
        folder.mkdir()
    write(image, 'extends: "2023"\nid: base\ntitle: 自己的活动\n', "base.yaml")
    write(server, "extends: base\nid: x\n")
    assert Campaigns([image, server]).get("x").title == "自己的活动"


def test_wrong_value_in_the_parent_is_told_with_the_parents_file_and_line(tmp_path: Path) -> None:
    write(tmp_path, 'extends: "2023"\nid: base\nvideo:\n  width: -1\n', "base.yaml")
    assert "base.yaml:4" in refusal(write(tmp_path, "extends: base\nid: x\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1", "x.yaml"),
        ("- 1\n", "x.yaml:1"),
        ("extends: nowhere\nid: x\n", "找不到活动文件"),
        ("extends: x\nid: x\n", "循环"),
    ],
)
def test_unreadable_campaign_file_gets_one_clear_line(tmp_path: Path, text: str, expected: str) -> None:
    told = refusal(write(tmp_path, text))
    assert expected in told
    assert "\n" not in told


@pytest.mark.parametrize("day", ["2024-13-15", "2024-02-30", "2024-02-30 24:00:00"])
def test_a_day_that_no_calendar_has_is_told_with_its_line_and_field(tmp_path: Path, day: str) -> None:
    told = refusal(write(tmp_path, f'extends: "2023"\nid: x\nwindow:\n  start: {day}\n  end: 2024-06-01\n'))
    assert told.startswith("x.yaml:4：字段 window.start：应为日期")
    assert day[:10] in told


@pytest.mark.parametrize("day", ["2024-13-15", "2024-02-30 24:00", "2024-02-30 09:00:00"])
def test_a_deadline_that_no_calendar_has_is_told_with_its_line_and_field(tmp_path: Path, day: str) -> None:
    assert refusal(write(tmp_path, f'extends: "2023"\nid: x\ndeadline: {day}\n')).startswith("x.yaml:3：字段 deadline")


def test_two_prefectures_may_not_share_a_name(tmp_path: Path) -> None:
    pair = [{"code": "6501", "name": "乌鲁木齐市"}, {"code": "6502", "name": "某市", "aliases": ["乌鲁木齐市"]}]
    assert "重复：乌鲁木齐市" in refusal(derived(tmp_path, prefectures=pair))


def test_places_on_the_map_are_all_given_and_each_only_once(tmp_path: Path) -> None:
    pair = [{"code": "6501", "name": "乌鲁木齐市", "tile": [0, 1]}, {"code": "6502", "name": "某市"}]
    assert "tile 应当都写或都不写，没有写的是：某市" in refusal(derived(tmp_path, prefectures=pair))
    twice = [pair[0], {**pair[1], "tile": [0, 1]}]
    assert "tile 重复：[0, 1]" in refusal(derived(tmp_path, prefectures=twice))
    assert "tile" in refusal(derived(tmp_path, prefectures=[{**pair[0], "tile": [0, 12]}]))
    without = load_campaign(derived(tmp_path, prefectures=[{**p, "tile": None} for p in pair]))
    placed = load_campaign(derived(tmp_path, prefectures=[pair[0], {**pair[1], "tile": [3, 0]}]))
    assert placed.rules_version == without.rules_version


def test_derived_campaign_states_only_what_differs(tmp_path: Path) -> None:
    campaign = load_campaign(derived(tmp_path, title="别的活动", video={"tolerance": 0.05}))
    assert campaign.title == "别的活动"
    assert campaign.video.tolerance == 0.05
    assert campaign.video.bit_rate_max == 100_000_000
    assert campaign.form == load_campaign(NOTICE).form


def test_rules_version_follows_the_rules_and_not_the_dates(tmp_path: Path) -> None:
    notice = load_campaign(NOTICE).rules_version
    assert load_campaign(derived(tmp_path, title="别的活动")).rules_version == notice
    assert load_campaign(derived(tmp_path, video={"tolerance": 0.05})).rules_version != notice


def test_changed_parent_file_is_noticed_without_a_restart(tmp_path: Path) -> None:
    parent = 'extends: "2023"\nid: base\n'
    write(tmp_path, parent + "theme: 旧\n", "base.yaml")
    write(tmp_path, "extends: base\nid: x\n")
    campaigns = Campaigns([tmp_path])
    assert campaigns.get("x").theme == "旧"
    write(tmp_path, parent + "theme: 新的主题\n", "base.yaml")
    assert campaigns.get("x").theme == "新的主题"


def test_changed_form_is_noticed_by_a_new_reader_though_the_process_remembers_campaigns(tmp_path: Path) -> None:
    form = (NOTICE.parent / "forms" / "2023.yaml").read_text(encoding="utf-8")
    write(tmp_path, 'extends: "2023"\nid: x\nform: own.form\n')
    write(tmp_path, form, "own.form")
    before = Campaigns([tmp_path]).get("x")
    assert Campaigns([tmp_path]).get("x") is before
    write(tmp_path, form.replace('version: "2023.1"', 'version: "2023.2"'), "own.form")
    assert Campaigns([tmp_path]).get("x").form.version == "2023.2"


@pytest.mark.parametrize("campaign_id", ["../2023", "forms/2023", "", "2099"])
def test_unknown_campaign_id_is_refused_and_never_leaves_the_folder(campaign_id: str) -> None:
    with pytest.raises(CampaignError, match="没有活动"):
        Campaigns([NOTICE.parent]).get(campaign_id)


def test_file_name_and_id_must_agree(tmp_path: Path) -> None:
    write(tmp_path, 'extends: "2023"\nid: other\n')
    with pytest.raises(CampaignError, match="文件名应与 id 一致"):
        Campaigns([tmp_path]).get("x")


@given(st.integers(0, 24), st.integers(0, 59))
def test_deadline_reads_every_time_of_day_up_to_24_00(hour: int, minute: int) -> None:
    text = f"2023-06-15 {hour:02}:{minute:02}"
    if hour == 24 and minute:
        with pytest.raises(ValueError, match="24:00"):
            read_deadline(text)
    else:
        read = read_deadline(text)
        assert (read - datetime(2023, 6, 15)).total_seconds() == hour * 3600 + minute * 60


CONTACT = {"name": "张三", "phone": "0991-1234567", "emails": ["kjj@example.cn"]}


def test_contacts_are_persons_and_change_neither_rules_nor_the_prefecture_that_is_dumped(tmp_path: Path) -> None:
    campaign = load_campaign(derived(tmp_path, contacts={"6501": CONTACT}, operators=["zhiban@example.cn"]))
    assert campaign.contact("6501").emails == ["kjj@example.cn"]
    assert campaign.contact("6502").emails == []
    assert campaign.rules_version == load_campaign(NOTICE).rules_version
    assert "kjj@example.cn" not in campaign.model_dump_json(include={"prefectures", "recipient"})


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"contacts": {"6501": {"emails": ["kjj.example.cn"]}}}, "contacts.6501.emails.1：应是一个电子邮箱地址"),
        ({"contacts": {"6501": {"emails": ["a@b.cn\nBcc: c@d.cn"]}}}, "应是一个电子邮箱地址"),
        ({"contacts": {"6501": {"phone": "请打给张三"}}}, "contacts.6501.phone：格式不符"),
        ({"contacts": {"6501": {"emails": ["a@b.cn"] * 21}}}, "最多 20 项"),
        ({"contacts": {"6599": CONTACT}}, "contacts 中的 6599 不在 prefectures 之列"),
        ({"operators": ["值班室"]}, "operators.1：应是一个电子邮箱地址"),
        ({"reminders": {"at": "03:00"}}, "整点或半点"),
        ({"reminders": {"at": 630}}, "并加引号"),  # what YAML makes of 10:30 without quotes
        ({"reminders": {"before": [61]}}, "应不大于60"),
        ({"reminders": {"after": [0]}}, "应不小于1"),
    ],
)
def test_wrong_contacts_and_reminders_are_refused_in_chinese(
    tmp_path: Path, over: dict[str, object], said: str
) -> None:
    assert said in refusal(derived(tmp_path, **over))


def test_an_address_that_is_refused_reaches_no_log(tmp_path: Path) -> None:
    told = refusal(derived(tmp_path, contacts={"6501": {"emails": ["zhang.san的邮箱"]}}))
    assert told == "x.yaml:6：字段 contacts.6501.emails.1：应是一个电子邮箱地址，例如 kjj@example.cn。"


def test_midnight_belongs_to_the_day_before(tmp_path: Path) -> None:
    notice, early = load_campaign(NOTICE), load_campaign(derived(tmp_path, deadline="2023-06-15 18:00"))
    assert {c.last_day(c.deadline).isoformat() for c in (notice, early)} == {"2023-06-15"}
