#!/usr/bin/env bash
# apprise 2.3.0: the robots of WeCom (wecombot://) and DingTalk (dingtalk://) refuse with HTTP 200 and an `errcode` in the
# body, as 45009 where too much was sent. Apprise looks at the status alone: `notify` is true and nobody learns of it.
#
# Seen (2026-11-28):
#   wecombot: asked 1, answered 200 with errcode 45009, notify True
#   dingtalk: asked 1, answered 200 with errcode 130101, notify True
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile apprise==2.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import apprise
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.wecombot import NotifyWeComBot

asked, code = [], 0


class Robot(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        answer = json.dumps({"errcode": code, "errmsg": "api freq out of limit"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Robot)
threading.Thread(target=server.serve_forever, daemon=True).start()
here = f"http://127.0.0.1:{server.server_port}/"
NotifyWeComBot.notify_url = NotifyDingTalk.notify_url = here
for name, code in (("wecombot", 45009), ("dingtalk", 130101)):
    asked.clear()
    box = apprise.Apprise()
    assert box.add(f"{name}://" + "a" * 64)
    told = bool(box.notify(title="x", body="y"))
    print(f"{name}: asked {len(asked)}, answered 200 with errcode {code}, notify {told}")
    assert (len(asked), told) == (1, True)
PYTHON
