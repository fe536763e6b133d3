"""The calls of `./baosong test` that the documents show find a test each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from baosong_local.test_command import DISTRIBUTED, KEYS
from documents import DOCUMENTS, ROOT, calls_of, text_of

CALLS = {tuple(rest) for d in DOCUMENTS for name, *rest in calls_of(text_of(d)) if name == "test" and rest}


@pytest.mark.parametrize("words", sorted(CALLS), ids=" ".join)
def test_a_call_of_the_tests_that_a_document_shows_finds_some(words: tuple[str, ...]) -> None:
    """Ask pytest whether it knows these options, files and markers."""
    first, *rest = words
    ours = {
        "unit": [],
        "changed": [],
        "store": [KEYS],
        "distributed": DISTRIBUTED,
    }  # our own words, and what they stand for
    known = [*ours[first], *rest] if first in ours else words
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    argv = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *known]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert not known or done.returncode == 0, done.stdout[-2000:]
