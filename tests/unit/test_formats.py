"""docs/formats.md is what docs/formats/*.yaml gives, and each line of it is held by a test that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from baosong_local.tools.formats_doc import ROOT, Format, document, formats, missing_tests

HERE = "tests/unit/test_formats.py"


def entry(test: str, what: str = "甲") -> Format:
    return Format(group="测试", what=what, answer="乙", since="0.3.0", seen_with="丙", test=test)


def test_the_document_is_the_one_that_the_lists_give() -> None:
    written = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    assert written == document(formats()), "docs/formats.md is stale: run `python -m baosong_local.tools.formats_doc`"


def test_each_format_names_a_test_that_exists() -> None:
    assert missing_tests(formats()) == []


@pytest.mark.parametrize("test", ["", HERE, f"{HERE}::test_gone", "tests/gone.py::test_x", f"{HERE}::entry::entry"])
def test_a_test_that_does_not_exist_is_told(test: str) -> None:
    assert missing_tests([entry(test)]) == [test]


def test_a_case_of_a_test_is_found_by_its_test() -> None:
    assert missing_tests([entry(f"{HERE}::test_a_test_that_does_not_exist_is_told[case]")]) == []


def test_a_bar_or_a_line_break_in_a_word_does_not_break_the_table() -> None:
    row = document([entry(HERE, "a|b\nc")]).splitlines()[-1]
    assert row.count("|") == 6
    assert "a&#124;b c" in row


def test_a_list_without_a_field_or_with_a_strange_one_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "docs/formats"
    folder.mkdir(parents=True)
    (folder / "x.yaml").write_text("- {group: 甲, what: 乙}", encoding="utf-8")
    with pytest.raises(ValueError, match="answer"):
        formats(tmp_path)
