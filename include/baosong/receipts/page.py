"""Fills in the pages of receipts, status and board: what would hide is shown."""

from __future__ import annotations

from baosong.pages import renderer
from baosong.receipts.words import shortened, size_text, visible

render = renderer("baosong.receipts", visible=visible, shortened=shortened, size=size_text)
