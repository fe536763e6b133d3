"""A large object read in parts."""

from __future__ import annotations

import io

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baosong.store.ranged_reader import RangedReader

CONTENT = bytes(range(256)) * 3


STEPS = st.lists(st.tuples(st.integers(0, len(CONTENT) + 20), st.integers(-1, len(CONTENT) + 20)), max_size=12)


@given(steps=STEPS, block=st.integers(1, 300), size=st.integers(0, len(CONTENT)))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_ranged_reader_reads_as_the_bytes_themselves_do(steps: list[tuple[int, int]], block: int, size: int) -> None:
    content = CONTENT[:size]
    fetched: list[tuple[int, int]] = []

    def fetch(offset: int, length: int) -> bytes:
        assert 0 < length <= len(content) - offset
        fetched.append((offset, length))
        return content[offset : offset + length]

    plain, ranged = io.BytesIO(content), RangedReader(fetch, len(content), block)
    for position, amount in steps:
        assert ranged.seek(position) == plain.seek(position)
        assert ranged.read(amount) == plain.read(amount)
        assert ranged.tell() == plain.tell()
    assert ranged.requests == len(fetched)
    assert ranged.bytes_read == sum(length for _, length in fetched)
