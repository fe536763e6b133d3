"""The send page (发送页): one HTML file by which a prefecture sends its files and reads what is answered."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from baosong.campaign import Campaign, Prefecture
from baosong.receipts.send_page.letter import make_letter
from baosong.receipts.view import render
from baosong.store.keys import LEFTOVER, MAX_DEPTH, RECEIPTS, STATUS, TEMPLATES
from baosong.store.settings import S3Settings
from baosong.validation.common import classifier, filetypes

PAGE, LETTER = "发送页.html", "通知函.docx"
_HERE = Path(__file__).parent
_SCRIPTS = (
    "vendor/aws4fetch.umd.js",
    *(f"script/{name}.js" for name in ("sort", "store", "transfer", "outbox", "page")),
)
_LONGEST_NAME = 240  # bytes of a file's name: disks take 255, and copies bear a few more


def render_send_page(campaign: Campaign, prefecture: Prefecture, s3: S3Settings) -> str:
    """Return the page of a prefecture; `s3` are its own settings (`as_prefecture`), and the page holds their secret."""
    endpoint = f"{'https' if s3.secure else 'http'}://{s3.endpoint}"
    return render(
        "send.html",
        campaign=campaign,
        prefecture=prefecture,
        endpoint=endpoint,
        settings=_embedded(_settings(campaign, prefecture, s3, endpoint)),
        script=_script(),
    )


def write_send_page(folder: Path, campaign: Campaign, prefecture: Prefecture, s3: S3Settings) -> None:
    """Write a prefecture's page and its letter into its own folder below `folder`; both are their owner's alone."""
    home = folder / campaign.id / prefecture.folder
    for place in (home.parent, home):
        place.mkdir(exist_ok=True, mode=0o700)
    _write(home / PAGE, render_send_page(campaign, prefecture, s3).encode())
    _write(home / LETTER, make_letter(campaign, prefecture))


def _settings(campaign: Campaign, prefecture: Prefecture, s3: S3Settings, endpoint: str) -> dict[str, Any]:
    """Return what the script must know: the door, what is collected, and the pipeline's own tables to sort by."""
    return {
        "endpoint": endpoint,
        "region": s3.region,
        "accessKey": s3.access_key,
        "secretKey": s3.secret_key,
        "intake": s3.buckets["intake"],
        "outbox": s3.buckets["outbox"],
        "area": f"{campaign.id}/{prefecture.folder}/",
        "names": {"status": STATUS, "receipts": f"{RECEIPTS}/", "templates": f"{TEMPLATES}/"},
        "deliverables": [
            {
                **d.model_dump(mode="json", include={"kind", "name", "folder", "single", "max", "formats"}),
                "limit": d.max_size,
            }
            for d in campaign.deliverables
        ],
        "types": {
            "same": filetypes.SAME,
            "video": sorted(filetypes.VIDEOS),
            "photo": sorted(filetypes.PICTURES),
            "sheet": sorted(filetypes.SHEETS),
            "text": sorted(filetypes.DOCUMENTS | filetypes.TEXTS),
            "archive": sorted(filetypes.ARCHIVES - {"zip"}),
        },
        "words": {"press": classifier.PRESS.pattern, "report": classifier.REPORT.pattern},
        "leftover": LEFTOVER.pattern,
        "maxDepth": MAX_DEPTH,
        "longestName": _LONGEST_NAME,
        "phones": campaign.recipient.phones,
    }


def _embedded(values: dict[str, Any]) -> str:
    """Return values as JSON that ends no element, whatever a campaign calls its prefectures."""
    return json.dumps(values, ensure_ascii=False).replace("<", "\\u003c")


@cache
def _script() -> str:
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)


def _write(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as f:
        f.write(content)
    fresh.replace(path)
