"""The board in the browser: who has submitted what, with receipts and reports to open. Only for logged-in operators.

Routes are plain functions, so FastAPI runs them in threads: neither the ledger nor the store holds up the event loop.
Pages carry texts that prefectures wrote, hence a policy that lets no script run.
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
from airflow.api_fastapi.core_api.security import requires_access_view
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from sqlalchemy.exc import DBAPIError

from baosong.campaign import Campaign, CampaignError
from baosong.pipeline.open_campaign import opened
from baosong.receipts.board import render_board, render_index
from baosong.receipts.sheet_results import page_key
from baosong.receipts.thumbnails import preview_key, render_gallery
from baosong.report.files import PAGE
from baosong.store.keys import RECEIPTS
from baosong.store.ranged_reader import RangedReader
from baosong.store.s3 import Storage, StorageError
from baosong_airflow.outage import describe
from baosong_airflow.tasks import open_services

if TYPE_CHECKING:
    from baosong.ledger.services import Services

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
SAFE = {
    "Content-Security-Policy": f"{_POLICY}; img-src data:",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
OF_SHEETS = {**SAFE, "Content-Security-Policy": f"{_POLICY}; sandbox"}
OF_GALLERIES = {**SAFE, "Content-Security-Policy": f"{_POLICY}; img-src 'self'"}
OF_PREVIEWS = {**SAFE, "Cache-Control": "private, max-age=86400"}  # a submission's bytes never change
NUMBER = re.compile(r"[1-9][0-9]{0,17}")
BLOCK = 1 << 20
RETRY_TIMEOUT = 5.0  # seconds: somebody waits for the page, a task can wait longer

operators_only = requires_access_view(AccessView.PLUGINS)
app = FastAPI(dependencies=[Depends(operators_only)], docs_url=None, redoc_url=None, openapi_url=None)


@app.exception_handler(StorageError)
@app.exception_handler(DBAPIError)
def service_unavailable(_request: Request, failure: Exception) -> Response:
    """Say plainly that the store or the ledger does not answer; the page asks again by itself."""
    message = f"<p>{escape(describe(failure))}系统恢复后会自动接着处理，材料不会丢失；本页会自动刷新。</p>"
    return HTMLResponse(message, 503, {**SAFE, "Refresh": "15"})


def _services() -> Services:
    return open_services(RETRY_TIMEOUT)


@app.get("/")
def index() -> Response:
    """Lead to the only campaign that was opened, or list them, the latest deadline first."""
    campaigns = sorted(_opened(), key=lambda c: (c.deadline, c.id), reverse=True)
    if len(campaigns) == 1:
        return RedirectResponse(quote(campaigns[0].id))
    return HTMLResponse(render_index(campaigns), 200, SAFE)


def _opened() -> Iterator[Campaign]:
    """Yield the opened campaigns whose files can be read; a broken one must not take the board from the others."""
    services = _services()
    for campaign_id in opened(services):
        with suppress(CampaignError):
            yield services.campaigns.get(campaign_id)


@app.get("/{campaign_id}")
def board(campaign_id: str) -> Response:
    """Show one campaign's board."""
    services = _services()
    shown = render_board(
        services.ledger, _campaign(campaign_id), datetime.now(UTC), partial(_is_there, services.storage)
    )
    return HTMLResponse(shown, 200, SAFE)


def _is_there(storage: Storage, key: str) -> bool:
    return storage.head("reports", key) is not None


@app.get("/{campaign_id}/receipts/{code}/{name}")
def receipt(campaign_id: str, code: str, name: str) -> Response:
    """Show one receipt of one prefecture, or download an annotated copy that it links."""
    campaign = _campaign(campaign_id)
    try:
        folder = campaign.prefecture(code).folder
    except KeyError:
        raise HTTPException(404, "没有这个地州市。") from None
    return _stored("outbox", f"{campaign.id}/{folder}/{RECEIPTS}/{_safe(name)}", download=name.endswith(".xlsx"))


@app.get("/{campaign_id}/reports/{path:path}")
def report(campaign_id: str, path: str) -> Response:
    """Download a file of one of the campaign's editions; its page opens in the browser."""
    is_page = path.rpartition("/")[2] == PAGE
    return _stored("reports", f"{_campaign(campaign_id).id}/{_safe(path)}", download=not is_page)


@app.get("/{campaign_id}/checks/{code}/{number}")
def checked_sheet(campaign_id: str, code: str, number: str) -> Response:
    """Show the page of one checked sheet, in a sandbox: it quotes what a prefecture's file holds."""
    found = _of_submission(page_key, campaign_id, code, number)
    if found is None:
        return HTMLResponse("<p>没有这份统计表的逐项校验结果：表格没有读出来，或者没有这份文件。</p>", 404, OF_SHEETS)
    return HTMLResponse(found, 200, OF_SHEETS)


@app.get("/{campaign_id}/previews/{code}")
def gallery(campaign_id: str, code: str) -> Response:
    """Show the thumbnails of a prefecture's photos and videos."""
    try:
        return HTMLResponse(render_gallery(_services().ledger, _campaign(campaign_id), code), 200, OF_GALLERIES)
    except KeyError:
        raise HTTPException(404, "没有这个地州市。") from None


@app.get("/{campaign_id}/previews/{code}/{number}")
def preview(campaign_id: str, code: str, number: str) -> Response:
    """Give the thumbnail of one photo or video."""
    found = _of_submission(preview_key, campaign_id, code, number)
    if found is None:
        raise HTTPException(404, "没有缩略图。")
    return Response(found, 200, OF_PREVIEWS, "image/jpeg")


def _of_submission(key_of: Callable[[str, str, int], str], campaign_id: str, code: str, number: str) -> bytes | None:
    """Return what the bucket `reports` holds of one submission of one prefecture, None if nothing."""
    campaign, storage = _campaign(campaign_id), _services().storage
    if not NUMBER.fullmatch(number) or code not in {p.code for p in campaign.prefectures}:
        return None
    key = key_of(campaign.id, code, int(number))
    return storage.read("reports", key) if storage.head("reports", key) else None


def _campaign(campaign_id: str) -> Campaign:
    try:
        return _services().campaigns.get(campaign_id)
    except CampaignError:
        raise HTTPException(404, "没有这个活动，或其配置文件有误。") from None


def _safe(path: str) -> str:
    """Return a key's tail as it came, if it can only name something below its prefix."""
    if any(part in ("", ".", "..") for part in path.split("/")) or not path.isprintable() or "\\" in path:
        raise HTTPException(404, "没有这个文件。")
    return path


def _stored(bucket: str, key: str, *, download: bool = False) -> Response:
    storage = _services().storage
    found = storage.head(bucket, key)
    if found is None:
        raise HTTPException(404, "没有这个文件。")
    name = key.rsplit("/", 1)[-1]
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if media_type.startswith("text/"):
        media_type += "; charset=utf-8"
    headers = {**SAFE, "Content-Length": str(found.size)}
    if download:
        headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    return StreamingResponse(_blocks(storage.open(bucket, key)), 200, headers, media_type)


def _blocks(reader: RangedReader) -> Iterator[bytes]:
    with reader:
        while block := reader.read(BLOCK):
            yield block
