"""The addresses under which operators act on the board: a form, its confirmation, its answer.

Whoever may trigger `release_held` may act, asked of Airflow's auth manager at each request. A request that changes
something must come from a page of this server: the browser says so in `Sec-Fetch-Site`, or, where it speaks without TLS
and leaves that out, in `Origin`.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Annotated
from urllib.parse import quote, urlsplit

from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, HTTPException, Request
from fastapi.responses import HTMLResponse, Response

from baosong.receipts.act_page import Heading, Values, render_act
from baosong.receipts.view import is_marked
from baosong.rules.errors import OneLineError
from baosong_airflow import board_answers as answers
from baosong_airflow import board_forms as forms
from baosong_airflow.board_lookup import campaign_of, file_of, place_of, reviewers_only, services

LARGEST = 64 * 1024  # bytes of a form
SEVERAL = 100  # fields of a form
router = APIRouter(prefix="/{campaign_id}/acts", dependencies=[Depends(reviewers_only)])


def from_this_board(request: Request) -> None:
    """Refuse what another site has a signed-in operator's browser send."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    here = urlsplit(origin).netloc == request.headers.get("host") if site is None else site == "same-origin"
    if not here:
        raise HTTPException(403, "这个请求不是从看板的页面发出的，没有办理。请打开看板，从那里办理。")


async def filled_in(request: Request) -> Values:
    """Return the form that was sent, read only now that its sender is known and allowed."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "请求没有写明长度，没有办理。")
    if int(length) > LARGEST:
        raise HTTPException(413, "填写的内容太长，没有办理。")
    values: dict[str, list[str]] = defaultdict(list)
    for name, value in (await request.form(max_files=0, max_fields=SEVERAL)).multi_items():
        values[name].append(str(value))
    return values


def act_of(request: Request) -> forms.Act:
    """Return the act of an address; 404 if there is none such."""
    campaign_id, act, code, number = (request.path_params.get(n) for n in ("campaign_id", "act", "code", "number"))
    try:
        if number is not None:
            campaign, prefecture = place_of(campaign_id, code)
            return forms.ON_FILES[act](services(), campaign, prefecture, file_of(campaign, code, number))
        if code is not None:
            return forms.ON_PREFECTURES[act](services(), *place_of(campaign_id, code))
        return forms.ON_CAMPAIGNS[act](services(), campaign_of(campaign_id))
    except KeyError:
        raise HTTPException(404, "没有这样的办理事项。") from None


ActDep = Annotated[forms.Act, Depends(act_of)]


@router.get("/{act}")
@router.get("/{act}/{code}")
@router.get("/{act}/{code}/{number}")
def ask(act: ActDep) -> Response:
    """Show the form of an act, or why there is nothing to do."""
    return _form(act, {})


@router.post("/{act}", dependencies=[Depends(from_this_board)])
@router.post("/{act}/{code}", dependencies=[Depends(from_this_board)])
@router.post("/{act}/{code}/{number}", dependencies=[Depends(from_this_board)])
def submit(act: ActDep, user: GetUserDep, values: Annotated[Values, Depends(filled_in)]) -> Response:
    """Show what is to be confirmed, or carry it out; what cannot be is an answer in words."""
    step, who = forms.text_of(values, "step"), user.get_name()
    try:
        if step == "do":
            return _done(act, act.carry_out(who, values))
        return _form(act, values, effect="" if step == "edit" else act.effect(who, values))
    except OneLineError as wrong:
        return _form(act, values, trouble=str(wrong))


def _form(act: forms.Act, values: Values, *, effect: str = "", trouble: str = "") -> Response:
    heading, row = _heading(act), act.row if isinstance(act, forms.ActOnFile) else None
    if nothing := act.unfit():
        return answers.notice(409, heading.title, trouble or nothing, [(f"返回{heading.place}", heading.back)])
    original = f"../../../files/{row.prefecture}/{row.id}" if row and not is_marked(row) else ""
    page = render_act(act.campaign, heading, act.fields(), values, row, original, effect=effect, trouble=trouble)
    return HTMLResponse(page, 409 if trouble else 200, answers.OF_FORMS)


def _done(act: forms.Act, text: str) -> Response:
    heading = _heading(act)
    return answers.notice(200, heading.title, text, [(f"返回{heading.place}", heading.back)], tone="good")


def _heading(act: forms.Act) -> Heading:
    """Return what stands above an act; the ways back are relative, as nobody knows what stands before the board."""
    if isinstance(act, forms.ActOnFile):
        back = f"../../../{act.prefecture.code}#f{act.row.id}"
        return Heading(act.title, act.verb, act.prefecture.name, back)
    if isinstance(act, forms.ActOnPrefecture):
        return Heading(act.title, act.verb, act.prefecture.name, f"../../{act.prefecture.code}")
    return Heading(act.title, act.verb, "看板", f"../../{quote(act.campaign.id)}")
