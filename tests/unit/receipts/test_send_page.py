"""What the send page is made of: it runs its own script alone, talks to its own store, and its secret is for one."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import re
import stat
import subprocess
from pathlib import Path

import pytest
from docx import Document

from baosong.campaign import Campaign
from baosong.receipts import send_page
from baosong.receipts.send_page import LETTER, PAGE, render_send_page, write_send_page
from baosong.receipts.send_page.letter import make_letter
from baosong.store.settings import BUCKETS, S3Settings

KEYS = S3Settings(
    "s3.example:9000", "KEY6501", "the secret", True, "us-east-1", {name: f"b-{name}" for name in BUCKETS}
)
HERE = Path(send_page.__file__).parent
POLICY = re.compile(r'http-equiv="Content-Security-Policy" content="([^"]+)"')


@pytest.fixture(scope="module")
def page(campaign: Campaign) -> str:
    return render_send_page(campaign, campaign.prefecture("6501"), KEYS)


def scripts(page: str) -> list[str]:
    return re.findall(r"<script>(.*?)</script>", page, re.S)


def settings(page: str) -> str:
    return re.findall(r'<script type="application/json" id="settings">(.*?)</script>', page, re.S)[0]


def test_the_policy_lets_the_pages_own_script_run_and_nothing_else_and_reach_its_own_store_alone(page: str) -> None:
    (script,) = scripts(page)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = dict(part.strip().split(" ", 1) for part in html.unescape(POLICY.findall(page)[0]).split(";"))
    assert policy.pop("script-src") == f"'sha256-{digest}'"
    assert policy.pop("connect-src") == "https://s3.example:9000"
    assert policy.pop("style-src") == "'unsafe-inline'"
    assert set(policy.values()) <= {"'none'", "data:", "'self'"}


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    outside = page.replace(scripts(page)[0], "")
    assert re.findall(r"""(?:src|href)=["']?(?!data:)[^"'>]+""", outside) == []
    assert set(re.findall(r"https?://[^\s'\";]+", outside)) == {"https://s3.example:9000"}


def test_whatever_a_campaign_calls_things_ends_no_element(campaign: Campaign) -> None:
    evil = "</script><img src=x onerror=alert(1)>"
    prefecture = campaign.prefecture("6501").model_copy(update={"name": evil})
    odd = campaign.model_copy(update={"title": evil})
    page = render_send_page(odd, prefecture, KEYS)
    assert len(scripts(page)) == 1
    assert "<img" not in page.replace(scripts(page)[0], "")
    assert json.loads(settings(page))["area"] == f"2023/6501-{evil}/"


def test_the_page_knows_its_own_keys_and_nobody_elses(page: str) -> None:
    known = json.loads(settings(page))
    assert (known["accessKey"], known["secretKey"]) == ("KEY6501", "the secret")
    assert (known["intake"], known["outbox"], known["area"]) == ("b-intake", "b-outbox", "2023/6501-乌鲁木齐市/")
    assert "b-archive" not in page
    assert "6502" not in settings(page)


def test_page_and_letter_are_their_owners_alone(campaign: Campaign, tmp_path: Path) -> None:
    for _ in range(2):  # what stands there is replaced
        write_send_page(tmp_path, campaign, campaign.prefecture("6501"), KEYS)
    home = tmp_path / "2023" / "6501-乌鲁木齐市"
    assert sorted(path.name for path in home.iterdir()) == sorted([PAGE, LETTER])
    assert [stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()] == [0o600, 0o600]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (home, home.parent)] == [0o700, 0o700]


def test_the_page_says_that_it_is_secret_and_does_not_print_itself(page: str) -> None:
    assert "请勿转发" in page
    assert "@media print { body * { display: none !important; }" in page


def test_the_letter_says_what_when_how_and_whom_to_ask_and_holds_no_secret(campaign: Campaign) -> None:
    document = Document(io.BytesIO(make_letter(campaign, campaign.prefecture("6501"))))
    text = "\n".join(paragraph.text for paragraph in document.paragraphs)
    cells = [cell.text for row in document.tables[0].rows for cell in row.cells]
    assert "乌鲁木齐市" in text
    assert campaign.deadline_text in text
    assert PAGE in text
    assert all(phone in text for phone in campaign.recipient.phones)
    assert {d.name for d in campaign.deliverables} <= set(cells)
    assert "127.0.0.1" not in text


def test_the_library_is_as_its_authors_published_it() -> None:
    """aws4fetch 1.0.20, dist/aws4fetch.umd.js; whoever brings a newer one states its hash here."""
    digest = hashlib.sha256((HERE / "vendor" / "aws4fetch.umd.js").read_bytes()).hexdigest()
    assert digest == "7d22aa79069491f203ab98e031b14254aeda356b725f822445744911a2ce68e8"
    assert "MIT" in (HERE / "vendor" / "aws4fetch.umd.js").read_text(encoding="utf-8")
    assert "Michael Hart" in (HERE / "vendor" / "aws4fetch.LICENSE").read_text(encoding="utf-8")


@pytest.mark.debian("node", "nodejs")
def test_our_scripts_can_be_parsed() -> None:
    for script in sorted((HERE / "script").glob("*.js")):
        done = subprocess.run(["node", "--check", script], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
