"""Partition keys: one prefecture's completeness, rolled up to a whole campaign."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import airflow_home
from baosong_airflow.partitions import AllPrefectures, CampaignOf

CAMPAIGNS = airflow_home.PROJECT / "include" / "campaigns"


@pytest.fixture
def campaign_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of campaign files that the window reads."""
    for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"):
        monkeypatch.setenv(f"BAOSONG_S3_{name}", "unused")
    monkeypatch.setenv("BAOSONG_LEDGER_URL", "unused")
    monkeypatch.setenv("BAOSONG_HOME", str(tmp_path))
    folder = tmp_path / "campaigns"
    shutil.copytree(CAMPAIGNS, folder)
    monkeypatch.setenv("BAOSONG_CAMPAIGNS", str(folder))
    return folder


@pytest.mark.parametrize("key", ["", "2023", "|6501", "2023|", "|"])
def test_a_key_that_is_not_composite_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="expected campaign"):
        CampaignOf().to_downstream(key)


@given(st.text(min_size=1).filter(lambda t: "|" not in t), st.text(min_size=1))
def test_the_campaign_is_what_stands_before_the_first_bar(campaign_id: str, code: str) -> None:
    assert CampaignOf().to_downstream(f"{campaign_id}|{code}") == campaign_id


def test_2023_waits_for_its_fourteen_prefectures(campaign_dir: Path) -> None:
    keys = set(AllPrefectures().to_upstream("2023"))

    assert len(keys) == 14
    assert {"2023|6501", "2023|6502", "2023|6523"} <= keys


def test_every_awaited_key_leads_back_to_its_campaign(campaign_dir: Path) -> None:
    assert {CampaignOf().to_downstream(key) for key in AllPrefectures().to_upstream("2023")} == {"2023"}


def test_an_unknown_campaign_waits_for_ever_instead_of_firing_or_raising(campaign_dir: Path) -> None:
    from airflow.partition_mappers.wait_policy import WaitForAll

    awaited = set(AllPrefectures().to_upstream("1999"))
    sent = {f"1999|{p}" for p in ("6501", "6502")}

    assert not WaitForAll().is_satisfied_by_keys(matched=sent, expected=awaited).satisfied


@pytest.mark.parametrize("content", ["", "id: [", "id: '2031'\n", "\x00", "- 1"])
def test_a_broken_campaign_file_waits_and_goes_on_once_it_is_mended(campaign_dir: Path, content: str) -> None:
    broken = campaign_dir / "2031.yaml"
    broken.write_text(content)
    assert len(set(AllPrefectures().to_upstream("2031"))) == 1

    broken.write_text('extends: "2023"\nid: "2031"\n')
    assert len(set(AllPrefectures().to_upstream("2031"))) == 14


def test_a_new_campaign_needs_only_its_file(campaign_dir: Path) -> None:
    (campaign_dir / "2024.yaml").write_text('extends: "2023"\nid: "2024"\n')

    assert "2024|6501" in set(AllPrefectures().to_upstream("2024"))


def test_without_any_settings_the_window_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BAOSONG_S3_ENDPOINT", "BAOSONG_LEDGER_URL", "BAOSONG_CAMPAIGNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BAOSONG_HOME", str(tmp_path))

    assert len(set(AllPrefectures().to_upstream("2023"))) == 1


def test_the_roll_up_survives_the_serialized_dag(campaign_dir: Path) -> None:
    from airflow.dag_processing.dagbag import DagBag
    from airflow.serialization.serialized_objects import DagSerialization

    dag = DagBag(airflow_home.PROJECT / "dags" / "province_report.py").dags["province_report"]
    timetable = DagSerialization.deserialize_dag(DagSerialization.serialize_dag(dag)).timetable
    mapper = timetable.get_partition_mapper(name="prefecture_complete", uri="baosong://prefecture_complete/")

    assert mapper.is_rollup
    assert mapper.to_downstream("2023|6501") == "2023"
    assert mapper.to_upstream("2023") == frozenset(AllPrefectures().to_upstream("2023"))


def test_mending_the_prefecture_list_does_not_wipe_what_has_arrived(campaign_dir: Path) -> None:
    """Airflow wipes pending keys when the serialized roll-up changes: the list must be no part of it."""
    from airflow.serialization.encoders import encode_partition_mapper, encode_window

    before = encode_window(AllPrefectures()), encode_partition_mapper(CampaignOf())
    (campaign_dir / "2023.yaml").unlink()

    assert (encode_window(AllPrefectures()), encode_partition_mapper(CampaignOf())) == before
