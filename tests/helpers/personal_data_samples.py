"""Made-up numbers of people, with right check digits."""

from __future__ import annotations

IDENTITY = "65010219900307123"  # a made-up person; the check digit follows


WEIGHTS = [2**place % 11 for place in range(17, 0, -1)]


def identity(first: str = IDENTITY) -> str:
    """Complete seventeen digits, by the other way to say the standard: all 18 sum up to 1 modulo 11."""
    rest = sum(int(d) * w for d, w in zip(first, WEIGHTS, strict=True)) % 11
    return first + ("X" if (1 - rest) % 11 == 10 else str((1 - rest) % 11))


WHOLE = identity()


MOBILE, MASKED_MOBILE = "13800138000", "138****8000"
