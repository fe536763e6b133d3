"""The page of the ledger shows the tables and states that the code has."""

from __future__ import annotations

from baosong.store.settings import PROJECT
from baosong_local.tools.ledger_doc import document


def test_the_page_is_the_one_that_models_and_states_give() -> None:
    written = (PROJECT / "docs/ledger.md").read_text(encoding="utf-8")
    assert written == document(), "docs/ledger.md is stale: run `python -m baosong_local.tools.ledger_doc`"
