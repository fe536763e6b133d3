"""Fills in the report's own templates: what XML forbids is left out."""

from __future__ import annotations

from baosong.pages import renderer
from baosong.report.sheet import plain

render = renderer("baosong.report", plain=lambda text: plain(str(text)))
