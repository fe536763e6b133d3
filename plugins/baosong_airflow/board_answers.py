"""How the board answers: the policies of its pages, downloads that nothing can run in, and errors in Chinese."""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse

from baosong.receipts.view import render, script_hash
from baosong.store.ranged_reader import RangedReader
from baosong.store.storage import Storage
from baosong_airflow.outage import describe

if TYPE_CHECKING:
    from baosong.ledger import Submission

_BASE = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'self'"
_POLICY = f"{_BASE}; form-action 'none'"
_SCRIPT = f"script-src '{script_hash(render('live.js'))}'"
_LIVE = f"{_POLICY}; {_SCRIPT}; connect-src 'self'"


def _headers(policy: str, cache: str = "no-store") -> dict[str, str]:
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": cache,
    }


LIVE = _headers(_LIVE)  # our own pages: their one script, by its hash
OF_GALLERIES = _headers(f"{_LIVE}; img-src 'self'")
# With no referrer a browser says no origin, either, and that is what tells our own forms from another site's.
OF_FORMS = {**_headers(f"{_BASE}; form-action 'self'; {_SCRIPT}"), "Referrer-Policy": "same-origin"}
OF_REPORTS = _headers(f"{_POLICY}; img-src data:")
OF_SHEETS = _headers(f"{_POLICY}; sandbox")
# Not even a script that got past all else could run. With an origin, as Airflow's frame needs it to follow their links.
OF_RECEIPTS = _headers(f"{_POLICY}; sandbox allow-same-origin allow-downloads")
OF_PREVIEWS = _headers(f"{_POLICY}; sandbox", "private, max-age=86400")  # a submission's bytes never change
BLOCK = 1 << 20
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_ENDED = "Invalid JWT token"  # as Airflow words its 403 of one that ran out, or whose account is gone
_ERRORS = {
    401: ("没有登录", "没有登录，或登录已过期。请登录后再打开本页。"),
    403: ("没有权限", "您的账号没有这项权限。需要的请联系系统管理员。"),
    404: ("没有这一页", "没有这一页，或者它已经不在了。"),
    503: ("暂时无法访问", "系统暂时无法访问。"),
}


def notice(status: int, title: str, text: str, links: Sequence[tuple[str, str]] = (), tone: str = "") -> HTMLResponse:
    """Return a page that says one thing, and leads on by `links`, names and addresses."""
    tone = tone or ("wait" if status == 200 else "bad")
    page = render("notice.html", title=title, text=text, tone=tone, links=links)
    return HTMLResponse(page, status, LIVE)


def refused(request: Request, failure: Exception) -> Response:
    """Answer a person in Chinese, whatever refused the request; a program that asks for JSON gets JSON."""
    detail = str(getattr(failure, "detail", ""))
    status = 401 if detail == _ENDED else getattr(failure, "status_code", 500)
    title, text = _ERRORS.get(status, ("无法处理", "系统不能这样处理本页的请求。"))
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"detail": detail}, status)
    above = request.scope.get("root_path", "").rpartition("/")[0]
    links = [("登录", f"{above}/")] if status == 401 else []
    return notice(status, title, text if detail.isascii() else detail, links)


def unavailable(request: Request, failure: Exception) -> Response:
    """Say plainly that the store or the ledger does not answer; the page asks again by itself."""
    text = f"{describe(failure)}系统恢复后会自动接着处理，材料不会丢失；本页会自动刷新。"
    answer = refused(request, HTTPException(503, text))
    answer.headers["Refresh"] = "15"
    return answer


def stored(
    storage: Storage, bucket: str, key: str, request: Request, policy: dict[str, str] = OF_REPORTS, *, page: bool
) -> Response:
    """Give an object, or the part asked for: a page of our own to be seen, or a download under its own name."""
    name = key.rpartition("/")[2]
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if page:
        return _streamed(storage, bucket, key, request, {**policy, "Content-Type": f"{kind}; charset=utf-8"})
    return _streamed(storage, bucket, key, request, {**policy, "Content-Type": kind, **_attached(name)})


def original(storage: Storage, row: Submission, request: Request) -> Response:
    """Give a sender's own file: a download that no browser opens, whatever its name or content claims."""
    headers = {**OF_SHEETS, "Content-Type": "application/octet-stream", **_attached(row.name)}
    return _streamed(storage, row.bucket or "", row.archive_key or "", request, headers)


def _attached(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}


def _streamed(storage: Storage, bucket: str, key: str, request: Request, headers: dict[str, str]) -> Response:
    found = storage.head(bucket, key)
    if found is None:
        raise HTTPException(404, "没有这个文件。")
    headers = {**headers, "Accept-Ranges": "bytes", "ETag": f'"{found.etag}"'}
    asked = request.headers.get("range", "")
    if request.headers.get("if-range", headers["ETag"]) != headers["ETag"]:
        asked = ""  # of another file than the one that is there now
    first, last = _part(asked, found.size)
    if first > last and found.size:
        return Response(None, 416, {**headers, "Content-Range": f"bytes */{found.size}"})
    whole, length = (first, last) == (0, found.size - 1), last - first + 1
    headers |= {"Content-Length": str(length)}
    if not whole:
        headers |= {"Content-Range": f"bytes {first}-{last}/{found.size}"}
    status = 200 if whole else 206
    if request.method == "HEAD":
        return Response(None, status, headers)
    return StreamingResponse(_blocks(storage.open(bucket, key), first, length), status, headers)


def _part(asked: str, size: int) -> tuple[int, int]:
    """Return the first and last byte of the one range that is asked for, else of all; (1, 0) if it is outside."""
    found = _RANGE.fullmatch(asked)
    if not found or found.groups() == ("", ""):
        return 0, size - 1
    if not found[1]:
        return max(0, size - int(found[2])), size - 1
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    return (first, last) if first <= last else (1, 0)


def _blocks(reader: RangedReader, first: int, left: int) -> Iterator[bytes]:
    with reader:
        reader.seek(first)
        while left and (block := reader.read(min(BLOCK, left))):
            left -= len(block)
            yield block
