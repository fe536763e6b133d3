"""An indicator as the sentences of a template use it; what they say varies by what the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from baosong.campaign.form import Indicator
from baosong.report import parts
from baosong.report.consolidation import Figure, RegionFigures
from baosong.report.wording import amount_text, exact_text, join_names, share


@dataclass(frozen=True, slots=True)
class IndicatorView:
    """An indicator as sentences use it; its text is the region's total with its unit, 12.35万人次."""

    figures: RegionFigures
    indicator: Indicator

    def __str__(self) -> str:
        return self._amount(self._total.total)

    @property
    def _total(self) -> Figure:
        return self.figures.totals[self.indicator.code]

    def _amount(self, value: Decimal | None) -> str:
        return amount_text(value or Decimal(0), self.indicator.unit)

    @property
    def 名称(self) -> str:
        """Return the name without 其中."""
        return self.indicator.name.removeprefix("其中：")

    @property
    def 准确数(self) -> str:
        """Return the exact total, as tables write it."""
        return exact_text(self._total.total or Decimal(0), self.indicator)

    @property
    def 线下(self) -> str:
        """Return the total of 线下."""
        return self._amount(self._total.offline)

    @property
    def 线上(self) -> str:
        """Return the total of 线上."""
        return self._amount(self._total.online)

    @property
    def 线下占比(self) -> str:
        """Return the share of 线下 in the total."""
        return share(self._total.offline, self._total.total)

    @property
    def 线上占比(self) -> str:
        """Return the share of 线上 in the total."""
        return share(self._total.online, self._total.total)

    @property
    def 占比(self) -> str:
        """Return the share in the indicator that this one is a part of."""
        whole = self.indicator.part_of or self.indicator.adds_to
        return share(self._total.total, self.figures.totals[whole].total if whole else None)

    @property
    def 每地(self) -> str:
        """Return the mean over the prefectures that are counted, and beside it the one without who has half of all."""
        count, whole = len(self.figures.sheets), self._total.total
        mean = self._amount(mean_of(whole, Decimal(count)))
        first = next(iter(parts.ranked(self.figures, self.indicator.code)), None)
        if count < 3 or first is None or first[2] * 2 < (whole or 0):
            return mean
        rest = self._amount(mean_of((whole or Decimal(0)) - first[2], Decimal(count - 1)))
        return f"{mean}，不计{first[1].prefecture.name}为{rest}"

    @property
    def 有(self) -> bool:
        """Return whether the region has any of it."""
        return bool(self._total.total)

    @property
    def 分类(self) -> str:
        """Return the kinds that add up to it with their shares, the largest first and 其他 last."""
        kinds = self.figures.campaign.form.kinds_of(self.indicator.code)
        totals = [(k, self.figures.totals[k.code].total or Decimal(0)) for k in kinds]
        texts = [
            f"{k.name}{amount_text(v, k.unit)}（占{share(v, self._total.total)}）"
            for k, v in sorted(totals, key=lambda item: (item[0].name.startswith("其他"), -item[1]))
            if v
        ]
        return "，".join(texts) or "均为0"

    @property
    def 排名(self) -> str:
        """Return what a sentence says of the ranks, as the figures have it: alike, few, even, or led by some."""
        ranked = parts.ranked(self.figures, self.indicator.code)
        if len(ranked) > 1 and ranked[0][0] == ranked[-1][0]:
            return f"在{len(ranked)}个地州市相同，均为{self._amount(ranked[0][2])}"
        if len(ranked) <= 3:
            few = "依次是" if len(ranked) == len(self.figures.sheets) else f"只有{len(ranked)}个地州市不为零"
            return f"{few}：{self.前三}" if ranked else "在各地州市均为零"
        part = sum((v for rank, _, v in ranked if rank <= 3), Decimal(0))
        whole = self._total.total or Decimal(0)
        if self._is_even(ranked):
            (_, first, most), (_, last, least) = ranked[0], ranked[-1]
            told = f"最多的{first.prefecture.name}（{self._amount(most)}），最少的{last.prefecture.name}"
            return f"各地相差不大：{told}（{self._amount(least)}），前三位合计占{share(part, whole)}"
        again = "仍" if self._leads_again(ranked) else ""
        return f"居前三位的{again}是：{self.前三}，合计占{share(part, whole)}" + (
            "，相对集中" if part * 2 >= whole else ""
        )

    def _is_even(self, ranked: Sequence[parts.Ranked]) -> bool:
        """Return whether all have some, nobody twice as much as another, and one each has most and least."""
        values = [v for _, _, v in ranked]
        alone = values.count(values[0]) == values.count(values[-1]) == 1
        return len(ranked) == len(self.figures.sheets) and alone and values[0] < values[-1] * 2

    def _leads_again(self, ranked: Sequence[parts.Ranked]) -> bool:
        """Return whether the first three are those that lead in the form's first figure, and in the same order."""
        first = next(i.code for i in self.figures.campaign.form.indicators.rows if i.required)
        told = parts.ranked(self.figures, first)
        leaders = [p.prefecture.code for rank, p, _ in told if rank <= 3]
        if self.indicator.code == first or len(leaders) != 3 or self._is_even(told):
            return False
        return leaders == [p.prefecture.code for rank, p, _ in ranked if rank <= 3]

    @property
    def 为零(self) -> str:
        """Return the counted prefectures that have none of it."""
        return self._without("total")

    @property
    def 线上为零(self) -> str:
        """Return the counted prefectures that have none of it online."""
        return self._without("online")

    @property
    def 无(self) -> list[str]:
        """Return the names of those who have none of it."""
        return self._out("total")

    @property
    def 线上无(self) -> list[str]:
        """Return the names of those who have none of it online."""
        return self._out("online")

    def _out(self, part: str) -> list[str]:
        counted = [p for p in self.figures.prefectures if p.sheet]
        return [p.prefecture.name for p in counted if not getattr(p.values.get(self.indicator.code, Figure()), part)]

    def _without(self, part: str) -> str:
        """Return their number and names; "" where all have some."""
        counted, out = self.figures.sheets, self._out(part)
        if len(out) == len(counted) > 1:
            return f"是已计入的全部{len(out)}个地州市"
        return f"有{len(out)}个地州市（{'、'.join(out[:8])}{'等' if len(out) > 8 else ''}）" if out else ""

    @property
    def 前三(self) -> str:
        """Return the prefectures on the first three ranks with values and shares."""
        first = [(p, v) for rank, p, v in parts.ranked(self.figures, self.indicator.code) if rank <= 3]
        texts = [f"{p.prefecture.name}（{self._amount(v)}，占{share(v, self._total.total)}）" for p, v in first]
        return join_names(texts, 6) or "无"


def mean_of(value: Decimal | None, count: Decimal | None) -> Decimal:
    """Return a share of a sum; 0 where there is nothing to divide by."""
    return (value or Decimal(0)) / count if count else Decimal(0)
