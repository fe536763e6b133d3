"""An indicator as the sentences of a template use it; what they say varies by what the figures are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from baosong.campaign.form import Indicator
from baosong.report import parts
from baosong.report.consolidation import Figure, PrefectureFigures, RegionFigures
from baosong.report.wording import amount_text, exact_text, first_names, join_names, share

_FEW_KINDS = 4  # of more, a sentence names the largest and leaves the rest to the table below it


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
    def 数(self) -> str:
        """Return the total without its unit, 12.35万."""
        return str(self).removesuffix(self.单位)

    @property
    def 单位(self) -> str:
        """Return the unit of it: of amounts in 万元 that is 元."""
        return self.indicator.unit.removeprefix("万")

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
        """Return the mean over the prefectures that are counted, and beside it the one without who has half of all.

        "" where most of them have none: a mean of one in five tells of nobody.
        """
        count, whole = len(self.figures.sheets), self._total.total
        ranked = parts.ranked(self.figures, self.indicator.code)
        if len(ranked) * 2 < count:
            return ""
        mean = self._amount(mean_of(whole, Decimal(count)))
        if count < 3 or not ranked or ranked[0][2] * 2 < (whole or 0):
            return mean
        rest = self._amount(mean_of((whole or Decimal(0)) - ranked[0][2], Decimal(count - 1)))
        return f"{mean}，不计{ranked[0][1].prefecture.name}为{rest}"

    @property
    def 有(self) -> bool:
        """Return whether the region has any of it."""
        return bool(self._total.total)

    @property
    def 分类(self) -> str:
        """Return the kinds that add up to it, the largest first and 其他 last; of many only the largest."""
        kinds = self.figures.campaign.form.kinds_of(self.indicator.code)
        totals = [(k, self.figures.totals[k.code].total or Decimal(0)) for k in kinds]
        some = [(k, v) for k, v in totals if v]
        some.sort(key=lambda item: (item[0].name.startswith("其他"), -item[1]))
        if len(some) == 1:
            return f"均为{some[0][0].name}"
        if len(some) > _FEW_KINDS and (first := self._leading(some)):
            part = share(sum((v for _, v in first), Decimal(0)), self._total.total)
            told = "、".join(f"{k.name}{amount_text(v, k.unit)}" for k, v in first)
            return f"{told}居前，合占{part}"
        texts = [f"{k.name}{amount_text(v, k.unit)}（占{share(v, self._total.total)}）" for k, v in some]
        return "，".join(texts) or "均为0"

    @staticmethod
    def _leading(some: list[tuple[Indicator, Decimal]]) -> list[tuple[Indicator, Decimal]]:
        """Return the three largest kinds, with those that equal the third if these are few; [] where none lead."""
        named = [item for item in some if not item[0].name.startswith("其他")]
        third = sorted((v for _, v in named), reverse=True)[:3][-1]
        first = [item for item in named if item[1] >= third]
        return first if len(first) <= _FEW_KINDS else []

    @property
    def 排名(self) -> str:
        """Return what a sentence says of the ranks, as the figures have it: alike, few, even, or led by some."""
        ranked = parts.ranked(self.figures, self.indicator.code)
        none = len(self.figures.sheets) - len(ranked)
        rest = f"，其余{none}个为零" if none else ""
        if not ranked:
            return "在各地州市均为零"
        if len(ranked) == 1:
            return f"全部来自{ranked[0][1].prefecture.name}{rest}"
        if ranked[0][0] == ranked[-1][0]:
            return f"在{len(ranked)}个地州市相同，均为{self._amount(ranked[0][2])}{rest}"
        if len(ranked) <= 3:
            return f"来自{len(ranked)}个地州市：{self.前三}{rest}" if none else f"依次是：{self.前三}"
        if first := self.dominant():
            return self._told_of_one(first)
        part = share(sum((v for rank, _, v in ranked if rank <= 3), Decimal(0)), self._total.total)
        if self._is_even(ranked):
            (_, first, most), (_, last, least) = ranked[0], ranked[-1]
            told = f"最多的{first.prefecture.name}（{self._amount(most)}），最少的{last.prefecture.name}"
            return f"各地相差不大：{told}（{self._amount(least)}），前三位合计占{part}"
        near = "，相对集中" if self._leaders_sum(ranked) * 2 >= (self._total.total or 0) else ""
        return f"{self._led_by(ranked)}，合计占{part}{near}"

    def dominant(self) -> PrefectureFigures | None:
        """Return who alone has half of all or more, of four or more that have any."""
        ranked = parts.ranked(self.figures, self.indicator.code)
        alone = len(ranked) > 3 and ranked[0][2] * 2 >= (self._total.total or 0) and ranked[1][0] > 1
        return ranked[0][1] if alone else None

    def _told_of_one(self, first: PrefectureFigures) -> str:
        value, whole = parts.value(first, self.indicator.code) or Decimal(0), self._total.total or Decimal(0)
        again = "仍" if self.indicator != self._lead.indicator and self._lead.dominant() is first else ""
        head = f"{again}主要集中在{first.prefecture.name}（{self._amount(value)}，占{share(value, whole)}）"
        return f"{head}，其余{len(self.figures.sheets) - 1}个地州市合计{self._amount(whole - value)}"

    @staticmethod
    def _leaders_sum(ranked: Sequence[parts.Ranked]) -> Decimal:
        return sum((v for rank, _, v in ranked if rank <= 3), Decimal(0))

    @property
    def _lead(self) -> IndicatorView:
        """Return the form's first figure, which the report tells of first."""
        first = next(i for i in self.figures.campaign.form.indicators.rows if i.required)
        return IndicatorView(self.figures, first)

    def _is_even(self, ranked: Sequence[parts.Ranked]) -> bool:
        """Return whether all have some, nobody twice as much as another, and one each has most and least."""
        values = [v for _, _, v in ranked]
        alone = values.count(values[0]) == values.count(values[-1]) == 1
        return len(ranked) == len(self.figures.sheets) and alone and values[0] < values[-1] * 2

    def _led_by(self, ranked: Sequence[parts.Ranked]) -> str:
        """Return who leads, told by how they stand in the form's first figure: the same, in another order, or one."""
        now = [p.prefecture.name for rank, p, _ in ranked if rank <= 3]
        told = parts.ranked(self.figures, self._lead.indicator.code)
        before = [p.prefecture.name for rank, p, _ in told if rank <= 3]
        apart = self.indicator == self._lead.indicator or self._is_even(told) or self._lead.dominant()
        if apart or not len(before) == len(now) == 3:
            return f"居前三位的是：{self.前三}"
        if now == before:
            return f"居前三位的仍是：{self.前三}"
        if set(now) == set(before):
            return f"居前三位的与{self._lead.indicator.name}相同，依次是：{self.前三}"
        if now[0] == before[0]:
            first, *others = self._first_three()
            return f"仍以{first}最多，其次是{'、'.join(others)}"
        return f"居前三位的是：{self.前三}"

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
        return f"有{len(out)}个地州市（{first_names(out)}）" if out else ""

    @property
    def 前三(self) -> str:
        """Return the prefectures on the first three ranks with values and shares."""
        return join_names(self._first_three(), 6) or "无"

    def _first_three(self) -> list[str]:
        first = [(p, v) for rank, p, v in parts.ranked(self.figures, self.indicator.code) if rank <= 3]
        return [f"{p.prefecture.name}（{self._amount(v)}，占{share(v, self._total.total)}）" for p, v in first]


def mean_of(value: Decimal | None, count: Decimal | None) -> Decimal:
    """Return a share of a sum; 0 where there is nothing to divide by."""
    return (value or Decimal(0)) / count if count else Decimal(0)
