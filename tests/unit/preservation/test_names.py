"""Keys of the archive: from the content, and any name becomes one that stores take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baosong.ledger import Submission
from baosong.preservation.records import (
    object_key,
    safe_name,
)

KEY = "2023/6501/photo/0123456789ab-照片.jpg"


def submission(**more: Any) -> Submission:
    values = {"campaign": "2023", "prefecture": "6501", "kind": "photo", "name": "照片.jpg"}
    return Submission(**{**values, **more})


def test_keys_follow_the_content_and_say_where_it_belongs() -> None:
    sha = "0123456789abcdef"
    assert object_key(submission(), sha) == KEY
    assert object_key(submission(kind=None), sha) == "2023/6501/unclassified/0123456789ab-照片.jpg"
    assert object_key(submission(campaign="", prefecture="", kind=None), sha) == "_unplaced/0123456789ab-照片.jpg"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("照片.jpg", "照片.jpg"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\新建\\a.jpg", "C__新建_a.jpg"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("<script>.jpg", "_script_.jpg"),
        ("...", "file"),
        ("e\u0301.jpg", "é.jpg"),
        (".jpg", "jpg"),
        ("照" * 100 + ".jpg", "照" * 72 + ".jpg"),
    ],
)
def test_names_become_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400))
def test_any_name_becomes_one_that_stores_take(name: str) -> None:
    safe = safe_name(name)
    assert 1 <= len(safe.encode()) <= 220
    assert not set(safe) & set('/\\<>:"|?*\x00\n')
    assert safe_name(safe).encode() == safe.encode() or safe.endswith((" ", "."))
