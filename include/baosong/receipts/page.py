"""Fills in the pages of receipts, status and board: what would hide is shown."""

from __future__ import annotations

from baosong.rules.renderer import Renderer
from baosong.rules.words import shortened, size_text, visible

render = Renderer("baosong.receipts", visible=visible, shortened=shortened, size=size_text)
