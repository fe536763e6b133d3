"""A campaign's areas in the embedded store, and each prefecture's own key to them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from baosong.campaign import Campaign, Prefecture
from baosong_local.stack.files import read_json, write_json
from baosong_local.stack.layout import Layout
from baosong_local.stack.objectstore import Area, ObjectStore
from baosong_local.stack.vault import new_key_pair


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a prefecture needs to send: where, its two keys, and the file in which they are kept."""

    code: str
    endpoint: str
    access_key: str
    secret_key: str
    file: Path


def open_campaign_areas(home: Path, campaign: Campaign) -> list[Credentials]:
    """Make each prefecture's folders in intake (its own to fill) and outbox (its own to read), and its key.

    Repeating it changes nothing. A prefecture keeps its key from campaign to campaign.
    """
    layout = Layout(home)
    layout.make()
    store = ObjectStore(layout.objectstore, 0, layout.log("objectstore"))
    intake, outbox = (os.environ.get(f"BAOSONG_BUCKET_{name}") or name.lower() for name in ("INTAKE", "OUTBOX"))
    store.prepare({intake, outbox})
    endpoint = (read_json(layout.settings) or {}).get("BAOSONG_S3_ENDPOINT", "")
    opened = []
    for prefecture in campaign.prefectures:
        area = f"{campaign.id}/{prefecture.folder}"
        keys = _keys_of(layout, prefecture, endpoint)
        store.grant(
            prefecture.code, keys.access_key, keys.secret_key, [Area(intake, area, True), Area(outbox, area, False)]
        )
        for deliverable in campaign.deliverables:
            store.make_folder(intake, f"{area}/{deliverable.folder}")
        opened.append(keys)
    return opened


def tell_endpoint(layout: Layout, endpoint: str) -> None:
    """Write the store's present address into every prefecture's file of keys."""
    for path in layout.credentials.glob("*.json"):
        kept = read_json(path)
        if kept and kept.get("endpoint") != endpoint:
            write_json(path, {**kept, "endpoint": endpoint}, durable=True)


def _keys_of(layout: Layout, prefecture: Prefecture, endpoint: str) -> Credentials:
    path = layout.credentials / f"{prefecture.code}.json"
    kept = read_json(path)
    if not kept:
        access_key, secret_key = new_key_pair()
        kept = {
            "prefecture": prefecture.name,
            "endpoint": endpoint,
            "access_key": access_key,
            "secret_key": secret_key,
        }
        write_json(path, kept, durable=True)
    return Credentials(prefecture.code, kept["endpoint"], kept["access_key"], kept["secret_key"], path)
