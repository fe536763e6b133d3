#!/usr/bin/env bash
# apache-airflow-providers-smtp 3.2.0 and apache-airflow-providers-apprise 2.4.1 under apache-airflow 3.3.2:
# 1. `SmtpHook.send_email_smtp` repeats `sendmail` after any exception: a server that takes a mail and closes the line
#    before its answer is read (RFC 1047) is tried again; `retry_limit` is 5 unless the connection says otherwise. On
#    the closed line the repetition finds no server, so nothing comes twice, and the caller reads "please run connect()
#    first" where the truth is that the mail may have arrived.
# 2. `AppriseHook.notify` returns None whether or not anybody took the message: the result of `Apprise.notify` is dropped,
#    so a task whose robot refused everything is green.
#
# Seen (2026-11-28):
#   smtp: taken 1, told: please run connect() first
#   apprise: asked 1, answered 503, hook returned None, the library's own result False
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --no-compile apache-airflow==3.3.2 apache-airflow-providers-smtp==3.2.0 \
    apache-airflow-providers-apprise==2.4.1 apprise==2.3.0
AIRFLOW_HOME=$folder/airflow "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

taken, asked = [], []


def serve(listener):
    """Speak just enough SMTP to take one mail, and close the line instead of answering."""
    line, _ = listener.accept()
    lines = line.makefile("rwb", buffering=0)
    lines.write(b"220 here\r\n")
    while command := lines.readline():
        if command.upper().startswith(b"DATA"):
            lines.write(b"354 go on\r\n")
            while lines.readline() != b".\r\n":
                pass
            taken.append(1)
            line.shutdown(socket.SHUT_RDWR)
            return
        lines.write(b"250 OK\r\n")


class Robot(BaseHTTPRequestHandler):
    def do_POST(self):
        asked.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(503)
        self.end_headers()

    def log_message(self, *_):
        pass


listener = socket.create_server(("127.0.0.1", 0))
robot = HTTPServer(("127.0.0.1", 0), Robot)
for work in (lambda: serve(listener), robot.serve_forever):
    threading.Thread(target=work, daemon=True).start()
extra = {"disable_ssl": True, "disable_tls": True, "from_email": "a@example.cn"}
smtp = {"conn_type": "smtp", "host": "127.0.0.1", "port": listener.getsockname()[1], "extra": extra}
url = f"json://127.0.0.1:{robot.server_port}/"
os.environ["AIRFLOW_CONN_S"] = json.dumps(smtp)
os.environ["AIRFLOW_CONN_A"] = json.dumps({"conn_type": "apprise", "extra": {"config": {"path": url}}})

import apprise
from airflow.providers.apprise.hooks.apprise import AppriseHook
from airflow.providers.smtp.hooks.smtp import SmtpHook

told = ""
try:
    with SmtpHook("S") as hook:
        hook.send_email_smtp(to="b@example.cn", subject="s", html_content="h")
except Exception as error:
    told = str(error)
print(f"smtp: taken {len(taken)}, told: {told}")
returned = AppriseHook("A").notify(body="b", title="t")
own = apprise.Apprise()
own.add(url)
heard = len(asked)
print(f"apprise: asked {heard}, answered 503, hook returned {returned}, the library's own result {bool(own.notify(body='b'))}")
assert (len(taken), told) == (1, "please run connect() first"), "the behaviour has changed"
assert returned is None and heard >= 1, "the behaviour has changed"
PYTHON
