"""What stands between a page and those who cannot use it: axe's findings, and what a screen is too narrow for."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page


def violations(page: Page) -> list[str]:
    """Return what axe finds on a page, of whatever severity, each with the first element that it is said of."""
    found = Axe().run(page).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    told = [f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:160]}" for one in found]
    return [*told, "wider than the screen"] if wide else told
