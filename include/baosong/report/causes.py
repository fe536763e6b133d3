"""The causes of a change against last year that the sheets show: which prefectures and which kinds made it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from baosong.report.wording import amount_text, share

Change = tuple[str, str, Decimal]  # a name, its unit, and by how much it moved
_MOST_NAMED = 3


def by_place(name: str, change: Decimal, changes: Sequence[Change]) -> str:
    """Return which prefectures moved a total, and which moved against it; "" where only one can be compared."""
    up, down = _sorted(changes, 1), _sorted(changes, -1)
    if len(changes) < 2 or not (up or down):
        return ""
    if not change:
        return f"{name}总量持平，但各地有增有减：{_most(up)}，{_most(down)}"
    main, against = (up, down) if change > 0 else (down, up)
    if len(main) == len(changes):
        alike = main[0][2] == main[-1][2]
        return f"{name}在{len(main)}个地州市{'' if alike else f'都{_word(change)}，'}{_made(main)}"
    head = f"有{len(main)}个地州市，" if len(main) > 1 else "只有"
    return f"{name}{_word(change)}的{head}{_made(main)}{_against(against)}"


def furthest(changes: Sequence[Change], sign: int) -> list[str]:
    """Return who moved furthest in a direction: the one, or all that moved as far if they are few enough to name."""
    moved = _sorted(changes, sign)
    names = [c[0] for c in moved if c[2] == moved[0][2]]
    return names if len(names) <= _MOST_NAMED else []


def by_kind(name: str, changes: Sequence[Change]) -> str:
    """Return which kinds of a total rose and fell most; "" where none moved. `name` is "" where it was just said."""
    named = [c for c in changes if not c[0].startswith("其他")]  # that others moved most explains nothing
    told = [_most(moved, "类") for moved in (_sorted(named, 1), _sorted(named, -1)) if moved]
    return f"{name}按类别看，{'，'.join(told)}" if told else ""


def _sorted(changes: Sequence[Change], sign: int) -> list[Change]:
    """Return those that moved in a direction, the furthest first."""
    return sorted((c for c in changes if c[2] * sign > 0), key=lambda c: -abs(c[2]))


def _made(main: list[Change]) -> str:
    """Name the fewest prefectures that together made half of it, or say that it is spread if three did not."""
    if len(main) == 1:
        return _moved(main[0])
    if main[0][2] == main[-1][2]:
        return f"各{_word(main[0][2])}{amount_text(abs(main[0][2]), main[0][1])}"
    whole = sum((abs(c[2]) for c in main), Decimal(0))
    for count in range(1, _MOST_NAMED + 1):
        part = sum((abs(c[2]) for c in main[:count]), Decimal(0))
        if part * 2 >= whole and (count == len(main) or abs(main[count][2]) < abs(main[count - 1][2])):
            names = "、".join(map(_moved, main[:count]))
            return f"以{names}为主，{'合' if count > 1 else ''}占{_word(main[0][2])}部分的{share(part, whole)}"
    return f"分布较散，最多的{_first(main)}"


def _against(against: list[Change]) -> str:
    if not against:
        return ""
    name, unit, by = against[0]
    if len(against) == 1:
        return f"；{name}{_word(by)}{amount_text(abs(by), unit)}"
    if by == against[-1][2]:
        return f"；{_word(by)}的有{len(against)}个，各{_word(by)}{amount_text(abs(by), unit)}"
    return f"；{_word(by)}的有{len(against)}个，最多的{_first(against)}"


def _most(moved: list[Change], measure: str = "个") -> str:
    return f"{_word(moved[0][2])}最多的{_first(moved, measure)}"


def _first(moved: list[Change], measure: str = "个") -> str:
    """Name the one that moved furthest, or all that moved as far."""
    _, unit, by = moved[0]
    alike = [c[0] for c in moved if c[2] == by]
    if len(alike) == 1:
        return f"是{_moved(moved[0])}"
    names = f"是{'、'.join(alike)}，" if len(alike) <= _MOST_NAMED else f"{len(alike)}{measure}"
    return f"{names}各{_word(by)}{amount_text(abs(by), unit)}"


def _moved(change: Change) -> str:
    name, unit, by = change
    return f"{name}（{_word(by)}{amount_text(abs(by), unit)}）"


def _word(change: Decimal) -> str:
    return "增加" if change > 0 else "减少"
