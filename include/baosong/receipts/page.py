"""Fills in the pages of receipts, status and board: what would hide is shown."""

from __future__ import annotations

from baosong.pages import Renderer
from baosong.receipts.words import shortened, size_text, visible

render = Renderer("baosong.receipts", visible=visible, shortened=shortened, size=size_text)
