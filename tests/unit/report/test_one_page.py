"""The page for those who decide: it stays a single one, and asks about what is open and nothing else."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import docx
import pytest
from docx.shared import Mm
from pypdf import PdfReader

from baosong.campaign import Campaign, Prefecture
from baosong.report.consolidation import AcceptedFile, Activities, Figure, PrefectureFigures, Punctuality, RegionFigures
from baosong.report.coverage import Coverage
from baosong.report.decide import to_decide
from baosong.report.docx.document import make_document
from baosong.report.excerpt import Passages
from baosong.report.files import ONE_PAGE
from baosong.report.pdf import make_pdfs
from baosong.report.printable import Remark
from baosong.report.template_context import Material, template_context
from baosong.report.year_over_year import Comparison
from baosong.rules.findings import Kind
from baosong_local.tools.docx_template import make_template
from office import needs_office

AT = datetime(2023, 6, 20, 9, 5, tzinfo=UTC)
WORDS = ("科普讲座", "创新竞赛", "技术培训")  # cases are of different kinds


def region(campaign: Campaign, count: int, name: str = "克孜勒苏柯尔克孜自治第{:02d}州") -> RegionFigures:
    """Return a region with all that fills the page: long names, large figures, a held file and a doubt of each."""
    places = [Prefecture(code=f"{6501 + n}", name=name.format(n), tile=(n % 5, n // 5)) for n in range(count)]
    campaign = campaign.model_copy(update={"prefectures": places})
    rows = campaign.form.indicators.rows
    values = {p.code: {i.code: Figure(Decimal(98_765_432 + n * n)) for i in rows} for n, p in enumerate(places)}
    sheets = [AcceptedFile(n, p.code, "statistics", "表.xlsx", "", "", (), {}, "") for n, p in enumerate(places)]
    held = {d.kind: ("held", 0) for d in campaign.deliverables}
    return RegionFigures(
        campaign=campaign,
        as_of=AT,
        prefectures=[PrefectureFigures(p, s, values[p.code], {}) for p, s in zip(places, sheets, strict=True)],
        totals={i.code: Figure(Decimal(1_234_567_890)) for i in rows},
        activities=Activities(None, campaign, (), 0),  # type: ignore[arg-type]
        punctuality=[Punctuality(p, held, False, False, 9, 9, 9, None) for p in places],
        remarks=[Remark(p.code, 1, "statistics", "单元格 D5", "像是估计数", "700", "7") for p in places],
        missing=places,
        accepted=[],
        coverage=Coverage(),
    )


@needs_office
@pytest.mark.parametrize(
    ("count", "name", "said"), [(14, "克孜勒苏柯尔克孜自治第{:02d}州", 6), (14, "和{}县", 1), (1, "和{}县", 6)]
)
def test_the_page_is_one_page_however_much_there_is_to_say(
    campaign: Campaign, count: int, name: str, said: int
) -> None:
    """It is full, too, but of a region of a single prefecture, which has no map."""
    figures = region(campaign, count, name)
    places, rows = figures.campaign.prefectures, figures.campaign.form.indicators.rows
    texts = [f"围绕{word}举办20场次，" + "吸引农牧民和学生三千余人踊跃参加，" * said + "反响良好。" for word in WORDS]
    read = {p.code: Passages(cases=[(9, text)], problems="", plans="") for p, text in zip(places, texts, strict=False)}
    compared = [(i, Decimal(7), Decimal(98_765_432)) for i in rows]
    last_year = Comparison("2022年自治区科技活动周", [p.name for p in places], compared, {})
    context = template_context(figures, "interim", 1, Material(read, [], last_year, None))
    document = make_document(make_template(ONE_PAGE), context, AT, ONE_PAGE)
    assert docx.Document(io.BytesIO(document)).core_properties.title.endswith("科技活动周开展情况一页纸")
    (made,) = make_pdfs([document]) or [None]
    assert made
    (page,) = PdfReader(io.BytesIO(made)).pages
    lowest = [float(page.mediabox.height)]
    page.extract_text(visitor_text=lambda text, _, at, *__: lowest.append(at[5]) if text.strip() else None)
    assert (min(lowest) < Mm(50).pt) == (count > 1)
    told = "".join(page.extract_text().split())
    assert told.count("反响良好") == min(count, 3)
    assert "自治区科学技术厅" in told, "the end is on it, too"
    assert ("各地州市参与公众" in told) == (count > 1)


def test_only_what_is_open_is_to_be_decided(campaign: Campaign) -> None:
    figures = region(campaign, 2)
    missing, held, doubted = to_decide(figures)
    assert missing.startswith("2个地州市材料未报齐（克孜勒苏柯尔克孜自治第00州、")
    assert held.startswith("10项材料待人工审核（克孜勒苏柯尔克孜自治第00州、")
    assert doubted.startswith("2处数据提请核实（")
    assert to_decide(replace(figures, closed_at=AT)) == [held, doubted], "that was decided by closing the campaign"
    done = replace(figures, missing=[], remarks=[], punctuality=[])
    assert to_decide(done) == []
    assert Kind.REPORT in figures.punctuality[0].states
