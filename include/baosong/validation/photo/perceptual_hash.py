"""Whether two pictures show the same: 256 bits that say where a picture grows darker from left to right.

Scaling and compressing again change up to 18 of them, a step aside by 4 % of the width more than 30, another scene of
the same fair 60 and more (tests: test_same_picture.py). Shots of one burst are told apart by their clocks too.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from PIL import Image

SIDE = 16
MOST_BITS = 20
_FLAT = 8  # levels of grey between the darkest and the lightest part of a picture that shows nothing


def fingerprint(small: Image.Image) -> str:
    """Return 64 hexadecimal digits of a picture, none of one that is all of one colour."""
    grey = small.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.LANCZOS)
    low, high = grey.getextrema()
    if high - low < _FLAT:  # type: ignore[operator] # one band has two plain numbers
        return ""
    levels = grey.tobytes()
    rows = (levels[at : at + SIDE + 1] for at in range(0, len(levels), SIDE + 1))
    bits = "".join("01"[left > right] for row in rows for left, right in pairwise(row))
    return f"{int(bits, 2):0{SIDE * SIDE // 4}x}"


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two photos show the same by their facts: nearly the same bits, and not taken at other times."""
    bits, bits2 = one.get("fingerprint"), other.get("fingerprint")
    if not bits or not bits2 or (int(bits, 16) ^ int(bits2, 16)).bit_count() > MOST_BITS:
        return False
    return not one.get("taken") or not other.get("taken") or one["taken"] == other["taken"]
