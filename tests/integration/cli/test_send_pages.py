"""Send pages on a store of one's own: from a list of keys, for the address by which prefectures reach it."""

from __future__ import annotations

import pytest

from baosong.campaign import Campaign
from baosong.cli.main import write_pages
from baosong.ledger.services import Services
from baosong.receipts.send_page import LETTER, PAGE


def test_pages_are_written_for_the_keys_that_are_given(
    services: Services, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pages(services, campaign, {"6501": ("KEY", "the secret")}, "https://s3.example:8443/")
    folder = services.settings.home / "credentials" / "2023"
    assert [path.name for path in folder.iterdir()] == ["6501-乌鲁木齐市"]
    page = (folder / "6501-乌鲁木齐市" / PAGE).read_text(encoding="utf-8")
    assert "connect-src https://s3.example:8443;" in page
    assert '"secretKey": "the secret"' in page
    assert (folder / "6501-乌鲁木齐市" / LETTER).exists()
    assert f"1 个地州市的发送页和通知函在 {folder}" in capsys.readouterr().out.replace("\n", "")


def test_a_store_that_takes_no_cors_settings_is_told_in_one_line(
    services: Services, campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pages(services, campaign, {}, "")
    first, second = capsys.readouterr().out.splitlines()
    assert "对象存储没有接受跨域设置（CORS）" in first
    assert "--keys" in second
