"""The calls of `./baosong test` that the documents show find a test each."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from baosong_local.test_command import DISTRIBUTED, KEYS
from documents import DOCUMENTS, ROOT, calls_of, text_of

OURS = {"unit": [], "changed": [], "store": [KEYS], "distributed": DISTRIBUTED}
"""Our own words, and what pytest gets for them."""
CALLS = {tuple(rest) for d in DOCUMENTS for name, *rest in calls_of(text_of(d)) if name == "test" and rest}
KNOWN = sorted({(*OURS.get(first, [first]), *rest) for first, *rest in CALLS} - {()})  # of nothing pytest takes all


@pytest.mark.parametrize("words", KNOWN, ids=" ".join)
def test_a_call_of_the_tests_that_a_document_shows_finds_some(words: tuple[str, ...]) -> None:
    """Ask pytest whether it knows these options, files and markers."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    argv = [sys.executable, "-m", "pytest", "--collect-only", "--quiet", *words]
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
