"""What the report quotes, and the template that it is written with."""

from __future__ import annotations

import pytest

from baosong.report.excerpt import best_sentence
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
    assert best_sentence(text) == best


def test_the_template_in_the_repository_is_the_one_that_its_source_makes() -> None:
    assert (PROJECT / "include/campaigns/templates/汇总总结报告.docx").read_bytes() == make_template()
