"""Fills in the report's own templates: what XML forbids is left out."""

from __future__ import annotations

from baosong.pages import Renderer
from baosong.report.sheet import plain

render = Renderer("baosong.report", plain=lambda text: plain(str(text)))
