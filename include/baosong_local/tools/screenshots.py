"""Pictures of the board and of a receipt for the README: `python -m baosong_local.tools.screenshots [WIDTH]`.

Needs a stack on which the demo has run (`BAOSONG_HOME`) and Debian's chromium; writes docs/images/{board,receipt}.png.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image, ImageChops

from baosong.campaign import Campaign
from baosong.ledger.services import Services
from baosong.receipts.board import render_board
from baosong.store.keys import RECEIPTS
from baosong_local.stack.running import running_settings

_IMAGES = Path(__file__).parents[3] / "docs/images"
_COLOURS = 64  # a page of text needs no more, and is a third as large


def main(width: int) -> None:
    """Write both pictures, `width` CSS pixels wide."""
    services = Services.open(running_settings())
    campaign = services.campaigns.get(max(services.campaigns.ids(), key=lambda name: name.endswith("-midway")))
    _IMAGES.mkdir(exist_ok=True)
    for name, page in _pages(services, campaign):
        _photograph(page, width).save(_IMAGES / f"{name}.png", optimize=True)


def _pages(services: Services, campaign: Campaign) -> Iterator[tuple[str, str]]:
    yield "board", render_board(services.ledger, campaign, datetime.now(UTC), lambda key: True)
    for prefecture in campaign.prefectures:
        for stored in services.storage.list("outbox", f"{campaign.id}/{prefecture.folder}/{RECEIPTS}/"):
            if stored.key.endswith("需修改.html"):
                yield "receipt", services.storage.read("outbox", stored.key).decode()
                return


def _photograph(page: str, width: int) -> Image.Image:
    """Return the top of a page as Chromium shows it, at most as high as it is wide, without the empty end."""
    with tempfile.TemporaryDirectory() as folder:
        html, png = Path(folder, "page.html"), Path(folder, "page.png")
        html.write_text(page, encoding="utf-8")
        flags = ("--headless", "--no-sandbox", "--hide-scrollbars", f"--window-size={width},{width}")
        subprocess.run(["chromium", *flags, f"--screenshot={png}", html.as_uri()], check=True, capture_output=True)
        shown = Image.open(io.BytesIO(png.read_bytes())).convert("RGB")
    used = ImageChops.invert(shown).getbbox()
    return shown.crop((0, 0, width, used[3] if used else width)).quantize(_COLOURS)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1100)
