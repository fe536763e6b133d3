"""The board in the browser: who has submitted what, with receipts and reports to open. Only for logged-in operators.

Routes are plain functions, so FastAPI runs them in threads: neither the ledger nor the store holds up the event loop.
Pages carry texts that prefectures wrote, hence a policy that lets no script run but our own.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.exc import DBAPIError

from baosong.pipeline.open_campaign import opened_campaigns
from baosong.receipts.analysis import Chosen, render_analysis
from baosong.receipts.board import render_board, render_index
from baosong.receipts.outbox import stem_of
from baosong.receipts.prefecture_page import render_prefecture
from baosong.receipts.sheet_results import page_key
from baosong.receipts.thumbnails import preview_key, render_gallery
from baosong.receipts.view import is_marked
from baosong.report.files import PAGE
from baosong.rules.words import ellipsize
from baosong.store.keys import RECEIPTS, STATUS, TEMPLATES
from baosong.store.storage import Storage, StorageError
from baosong_airflow import board_acts, board_health
from baosong_airflow import board_answers as answers
from baosong_airflow.board_lookup import (
    NUMBER,
    campaign_of,
    file_of,
    operators_only,
    place_of,
    reviewers_only,
    services,
)

if TYPE_CHECKING:
    from baosong.ledger import Submission

app = FastAPI(dependencies=[Depends(operators_only)], docs_url=None, redoc_url=None, openapi_url=None)
downloads = partial(app.api_route, methods=["GET", "HEAD"])
for refusal in (400, 401, 403, 404, 405, 411, 413):
    app.add_exception_handler(refusal, answers.refused)
app.add_exception_handler(StorageError, answers.unavailable)
app.add_exception_handler(DBAPIError, answers.unavailable)
app.include_router(board_acts.router)


@app.get("/")
def index() -> Response:
    """Lead to the only campaign that was opened, or list them, the latest deadline first."""
    campaigns = sorted(opened_campaigns(services()), key=lambda c: (c.deadline, c.id), reverse=True)
    if len(campaigns) == 1:
        return RedirectResponse(quote(campaigns[0].id))
    return HTMLResponse(render_index(campaigns), 200, answers.LIVE)


@app.get("/{campaign_id}")
def board(campaign_id: str) -> Response:
    """Show one campaign's board."""
    campaign, now, ours = campaign_of(campaign_id), datetime.now(UTC), services()
    health = board_health.facts(ours.settings, now, campaign.zone)
    shown = render_board(ours.ledger, campaign, now, partial(_is_there, ours.storage), health)
    return HTMLResponse(shown, 200, answers.LIVE)


def _is_there(storage: Storage, key: str) -> bool:
    return storage.head("reports", key) is not None


@app.get("/{campaign_id}/analysis")
def analysis(campaign_id: str, code: str = "", kind: str = "", severity: str = "") -> Response:
    """Show when a campaign's files came, and which rules were broken most."""
    campaign, chosen = campaign_of(campaign_id), Chosen(code, kind, severity)
    try:
        return HTMLResponse(render_analysis(services().ledger, campaign, chosen), 200, answers.LIVE)
    except KeyError:
        raise HTTPException(404, "没有这样的筛选条件。") from None


@app.get("/{campaign_id}/{code}")
def prefecture(campaign_id: str, code: str) -> Response:
    """Show one prefecture: its files, versions, findings and receipts."""
    campaign, _ = place_of(campaign_id, code)
    return HTMLResponse(render_prefecture(services(), campaign, code, datetime.now(UTC)), 200, answers.LIVE)


@app.get("/{campaign_id}/status/{code}/")
def status(campaign_id: str, code: str, request: Request) -> Response:
    """Show the status page as the prefecture sees it."""
    campaign, its = place_of(campaign_id, code)
    key = f"{campaign.id}/{its.folder}/{STATUS}"
    return answers.stored(services().storage, "outbox", key, request, answers.OF_RECEIPTS, page=True)


@downloads("/{campaign_id}/status/{code}/{folder}/{name}")
def beside_status(campaign_id: str, code: str, folder: str, name: str, request: Request) -> Response:
    """Show or download what the status page links to: a receipt, what lies beside it, or a template."""
    campaign, its = place_of(campaign_id, code)
    if folder not in (RECEIPTS, TEMPLATES):
        raise HTTPException(404, "没有这个文件。")
    key = f"{campaign.id}/{its.folder}/{folder}/{_safe(name)}"
    return answers.stored(services().storage, "outbox", key, request, answers.OF_RECEIPTS, page=key.endswith(".html"))


@downloads("/{campaign_id}/receipts/{code}/{name}")
def receipt(campaign_id: str, code: str, name: str, request: Request) -> Response:
    """Show one receipt of one prefecture by its name or number, or download what lies beside it."""
    campaign, its = place_of(campaign_id, code)
    storage, folder = services().storage, f"{campaign.id}/{its.folder}/{RECEIPTS}/"
    key = folder + _safe(name)
    if NUMBER.fullmatch(name):
        beside = storage.list("outbox", f"{folder}{stem_of(int(name))}-")
        key = next((stored.key for stored in beside if stored.key.endswith(".html")), key)
    return answers.stored(storage, "outbox", key, request, answers.OF_RECEIPTS, page=key.endswith(".html"))


@downloads("/{campaign_id}/reports/{path:path}")
def report(campaign_id: str, path: str, request: Request) -> Response:
    """Download a file of one of the campaign's editions; its page opens in the browser."""
    key = f"{campaign_of(campaign_id).id}/{_safe(path)}"
    return answers.stored(services().storage, "reports", key, request, page=path.rpartition("/")[2] == PAGE)


@downloads("/{campaign_id}/files/{code}/{number}", dependencies=[Depends(reviewers_only)])
def file(campaign_id: str, code: str, number: str, request: Request) -> Response:
    """Download what a prefecture sent; of what was not accepted, warn before."""
    row = _original(campaign_id, code, number)
    if row.bucket == "archive":
        return answers.original(services().storage, row, request)
    text = (
        f"“{ellipsize(row.name, 120)}”没有被接收，可能损坏、带有宏或病毒。请只在有防护、不连接重要系统的计算机上打开，"
        "不要转发，看过后删除。本页不打开文件，只下载。"
    )
    links = [("我知道风险，下载", f"{number}/content"), ("返回", f"../../{code}")]
    return answers.notice(200, "下载未接收的文件", text, links)


@downloads("/{campaign_id}/files/{code}/{number}/content", dependencies=[Depends(reviewers_only)])
def content(campaign_id: str, code: str, number: str, request: Request) -> Response:
    """Download what a prefecture sent."""
    return answers.original(services().storage, _original(campaign_id, code, number), request)


def _original(campaign_id: str, code: str, number: str) -> Submission:
    """Return a file that lies in archive or quarantine and may be handed out: nothing in it bears a marking."""
    campaign, _ = place_of(campaign_id, code)
    row, ledger = file_of(campaign, code, number), services().ledger
    if not row.bucket or not row.archive_key or row.purged_at:
        raise HTTPException(404, "没有这个文件，或者它的内容不在归档区和隔离区。")
    same = ledger.with_content(campaign.id, row.sha256 or "")
    inside = [member for one in same for member in ledger.members(one.id)]
    if any(map(is_marked, [*same, *inside])):
        raise HTTPException(403, "这个文件疑似涉密，或压缩包里有疑似涉密的文件，不提供查看和下载，请按保密规定处置。")
    return row


@app.get("/{campaign_id}/checks/{code}/{number}")
def checked_sheet(campaign_id: str, code: str, number: str) -> Response:
    """Show the page of one checked sheet, in a sandbox: it quotes what a prefecture's file holds."""
    found = _of_submission(page_key, campaign_id, code, number)
    if found is None:
        return HTMLResponse(
            "<p>没有这份统计表的逐项校验结果：表格没有读出来，或者没有这份文件。</p>", 404, answers.OF_SHEETS
        )
    return HTMLResponse(found, 200, answers.OF_SHEETS)


@app.get("/{campaign_id}/previews/{code}")
def gallery(campaign_id: str, code: str) -> Response:
    """Show the thumbnails of a prefecture's photos and videos."""
    campaign, _ = place_of(campaign_id, code)
    return HTMLResponse(render_gallery(services().ledger, campaign, code), 200, answers.OF_GALLERIES)


@app.get("/{campaign_id}/previews/{code}/{number}")
def preview(campaign_id: str, code: str, number: str) -> Response:
    """Give the thumbnail of one photo or video."""
    found = _of_submission(preview_key, campaign_id, code, number)
    if found is None:
        raise HTTPException(404, "没有缩略图。")
    return Response(found, 200, answers.OF_PREVIEWS, "image/jpeg")


def _of_submission(key_of: Callable[[str, str, int], str], campaign_id: str, code: str, number: str) -> bytes | None:
    """Return what the bucket `reports` holds of one submission of one prefecture, None if nothing."""
    campaign, storage = campaign_of(campaign_id), services().storage
    if not NUMBER.fullmatch(number) or code not in {p.code for p in campaign.prefectures}:
        return None
    key = key_of(campaign.id, code, int(number))
    return storage.read("reports", key) if storage.head("reports", key) else None


def _safe(path: str) -> str:
    """Return a key's tail as it came, if it can only name something below its prefix."""
    seen = not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in path)
    if any(part in ("", ".", "..") for part in path.split("/")) or not seen or "\\" in path:
        raise HTTPException(404, "没有这个文件。")
    return path
