"""Keys of a store that is not ours: they are given in a list, and made elsewhere."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from baosong.campaign import Campaign
from baosong.cli.main import NO_KEYS_HERE, policy, read_keys, revoke, rotate
from baosong.rules.errors import CallError


def test_a_list_of_keys_is_read_by_prefecture(campaign: Campaign, tmp_path: Path) -> None:
    path = tmp_path / "密钥.txt"
    path.write_text("6501 KEY1 secret1\n\n6502\tKEY2  secret2\n", encoding="utf-8")
    assert read_keys(path, campaign) == {"6501": ("KEY1", "secret1"), "6502": ("KEY2", "secret2")}


@pytest.mark.parametrize("line", ["6501 KEY1", "9999 KEY1 secret1", "6501 KEY1 secret1 more"])
def test_a_line_that_is_no_key_is_named(line: str, campaign: Campaign, tmp_path: Path) -> None:
    path = tmp_path / "密钥.txt"
    path.write_text(f"6502 KEY2 secret2\n{line}\n", encoding="utf-8")
    with pytest.raises(CallError, match="第 2 行应为“地州市代码 密钥 私钥”"):
        read_keys(path, campaign)


def test_production_says_in_one_line_where_keys_are_made() -> None:
    for command in (rotate, revoke):
        with pytest.raises(CallError, match="密钥由您的对象存储发放") as told:
            command("6501")
        assert str(told.value) == NO_KEYS_HERE
        assert "\n" not in NO_KEYS_HERE


def test_a_policy_names_one_prefectures_areas_in_the_stores_own_buckets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BAOSONG_BUCKET_INTAKE", "shou")
    policy("6501")
    told = json.loads(capsys.readouterr().out)
    resources = [resource for statement in told["Statement"] for resource in statement["Resource"]]
    assert resources == [
        f"arn:aws:s3:::{name}" for name in ("shou/2023/6501-*", "outbox/2023/6501-*", "shou", "outbox")
    ]
    (listing,) = [statement for statement in told["Statement"] if statement["Action"] == ["s3:ListBucket"]]
    assert listing["Condition"] == {"StringLike": {"s3:prefix": ["2023/6501-*"]}}
    assert not [a for statement in told["Statement"] for a in statement["Action"] if "*" in a or "Acl" in a]
    with pytest.raises(CallError):
        policy("9999")
