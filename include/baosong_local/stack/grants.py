"""A campaign's areas in the embedded store, and the key that grants each prefecture its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from baosong.campaign import Campaign, Prefecture
from baosong_local.stack.layout import Layout
from baosong_local.stack.objectstore import Area, ObjectStore
from baosong_local.stack.secrets import new_key_pair
from baosong_local.stack.state import read_json, write_json


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a prefecture needs to submit: the endpoint, its two keys, and the file in which they are stored."""

    code: str
    endpoint: str
    access_key: str
    secret_key: str
    file: Path


def open_campaign_areas(home: Path, campaign: Campaign) -> list[Credentials]:
    """Make each prefecture's folders in intake (its own to fill) and outbox (its own to read), and its key.

    Repeating it changes nothing. A prefecture keeps its key from campaign to campaign; one whose key was revoked gets
    none until it is rotated, and is not among those that are returned.
    """
    layout, store = _opened(home)
    intake, outbox = (os.environ.get(f"BAOSONG_BUCKET_{name}") or name.lower() for name in ("INTAKE", "OUTBOX"))
    store.prepare({intake, outbox})
    endpoint = (read_json(layout.settings) or {}).get("BAOSONG_S3_ENDPOINT", "")
    opened = []
    for prefecture in campaign.prefectures:
        area = f"{campaign.id}/{prefecture.folder}"
        store.add_areas(prefecture.code, [Area(intake, area, True), Area(outbox, area, False)])
        for deliverable in campaign.deliverables:
            store.make_folder(intake, f"{area}/{deliverable.folder}")
        if not _mark_of_revoked(layout, prefecture).exists():
            opened.append(_keys_of(layout, prefecture, endpoint))
            store.grant(prefecture.code, opened[-1].access_key, opened[-1].secret_key, [])
    return opened


def rotate_key(home: Path, prefecture: Prefecture) -> Credentials:
    """Give a prefecture a new key for the areas that it has; the old one opens nothing from the next request on."""
    layout, store = _opened(home)
    path = layout.credentials / f"{prefecture.code}.json"
    old = read_json(path) or {}
    running = (read_json(layout.settings) or {}).get("BAOSONG_S3_ENDPOINT", "")
    keys = _new_keys(path, prefecture, running or old.get("endpoint", ""))
    store.grant(prefecture.code, keys.access_key, keys.secret_key, [])
    if old:
        store.revoke(old["access_key"])
    _mark_of_revoked(layout, prefecture).unlink(missing_ok=True)
    return keys


def revoke_key(home: Path, prefecture: Prefecture) -> bool:
    """Take a prefecture's key away, from the next request on; False if it had none."""
    layout, store = _opened(home)
    path = layout.credentials / f"{prefecture.code}.json"
    keys = read_json(path)
    if not keys:
        return False
    _mark_of_revoked(layout, prefecture).touch()
    store.revoke(keys["access_key"])
    path.unlink()
    return True


def record_endpoint(layout: Layout, endpoint: str) -> bool:
    """Write the store's current address into every prefecture's file of keys; return whether it was another one."""
    moved = [(path, keys) for path in layout.credentials.glob("*.json") if (keys := read_json(path))]
    moved = [(path, keys) for path, keys in moved if keys.get("endpoint") != endpoint]
    for path, keys in moved:
        write_json(path, {**keys, "endpoint": endpoint}, durable=True)
    return bool(moved)


def _mark_of_revoked(layout: Layout, prefecture: Prefecture) -> Path:
    """Return the file that tells a prefecture whose key was revoked from one that has had none yet."""
    return layout.credentials / f"{prefecture.code}.revoked"


def _keys_of(layout: Layout, prefecture: Prefecture, endpoint: str) -> Credentials:
    path = layout.credentials / f"{prefecture.code}.json"
    stored = read_json(path)
    if not stored:
        return _new_keys(path, prefecture, endpoint)
    return Credentials(prefecture.code, stored["endpoint"], stored["access_key"], stored["secret_key"], path)


def _new_keys(path: Path, prefecture: Prefecture, endpoint: str) -> Credentials:
    access_key, secret_key = new_key_pair()
    pair = {"access_key": access_key, "secret_key": secret_key}
    write_json(path, {"prefecture": prefecture.name, "endpoint": endpoint, **pair}, durable=True)
    return Credentials(prefecture.code, endpoint, access_key, secret_key, path)


def _opened(home: Path) -> tuple[Layout, ObjectStore]:
    layout = Layout(home)
    layout.make()
    return layout, ObjectStore(layout.objectstore, 0, layout.log("objectstore"))
