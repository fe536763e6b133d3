"""Fills in the report's own templates: what XML forbids is left out."""

from __future__ import annotations

from baosong.report.xlsx.sheet import plain
from baosong.rules.renderer import Renderer

render = Renderer("baosong.report", plain=lambda text: plain(str(text)))
