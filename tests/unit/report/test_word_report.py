"""What the report quotes, and the template that it is written with."""

from __future__ import annotations

import pytest

from baosong.report.excerpt import passages_of
from baosong.report.files import TEMPLATES
from baosong.store.settings import PROJECT
from baosong_local.tools.docx_template import make_template

LIVELY = "首次走进牧区，组织科普大篷车巡展20场次，吸引农牧民3000余人参加。"


@pytest.mark.parametrize(
    ("text", "best"),
    [
        (f"一、做法\n{LIVELY}", LIVELY),
        (f"四、存在的不足\n{LIVELY}", ""),
        ("现将首次走进牧区，组织科普大篷车巡展20场次的情况报告如下，请予审阅。", ""),
        ("联系电话0991-1234567，首次走进牧区，组织科普大篷车巡展20场次，吸引许多人参加。", ""),
        ("", ""),
    ],
)  # fmt: skip
def test_only_lively_sentences_that_stand_alone_are_quoted(text: str, best: str) -> None:
    assert "".join(said for _, said in passages_of(text)["cases"][:1]) == best


def test_a_long_sentence_is_cut_after_a_clause_and_says_so() -> None:
    first = "首次走进牧区，组织科普大篷车巡展20场次"
    text = f"{first}，{'吸引农牧民和学生参加' * 12}。"
    assert [said for _, said in passages_of(text)["cases"]] == [f"{first}……"]
    assert passages_of(f"首次走进牧区，{'吸引农牧民和学生参加' * 12}20场次。")["cases"] == [], (
        "the figure would be lost"
    )
    assert passages_of("首次走进牧区，吸引许多农牧民参加，举办科普展演，受到欢迎。")["cases"] == [], "no figure"


def test_chapters_on_problems_and_plans_are_read_for_themselves() -> None:
    text = f"一、做法\n{LIVELY}\n四、存在的不足\n覆盖面不够。\n五、下一步打算\n培育品牌。\n六、困难和建议\n缺经费。"
    read = passages_of(text)
    assert (read["problems"], read["plans"]) == ("覆盖面不够。\n缺经费。\n", "培育品牌。\n缺经费。\n")


@pytest.mark.parametrize("name", TEMPLATES)
def test_the_template_in_the_repository_is_the_one_that_its_source_makes(name: str) -> None:
    assert (PROJECT / "include/campaigns/templates" / name).read_bytes() == make_template(name)
