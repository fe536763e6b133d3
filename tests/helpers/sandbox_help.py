"""The children of the sandbox that live at this moment."""

from __future__ import annotations

import psutil

from baosong.validation.sandbox import client


def children() -> list[psutil.Process]:
    return psutil.Process(client.start().process.pid).children()
