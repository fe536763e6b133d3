"""The child process that opens a sender's workbook with openpyxl and marks it, so that limits bound a hostile one.

Run as `python child.py FOLDER < work > workbook`; `annotate` pickles the work. openpyxl writes sheets to files first:
in `FOLDER`, where alone this program can write.
"""

from __future__ import annotations

import io
import mimetypes
import os
import pickle
import sys
import tempfile
import warnings
from datetime import UTC, datetime
from typing import Any

from baosong.validation.sandbox import confine

MEMORY = 768 << 20  # twice the need of the largest workbook that we mark
SECONDS = 20
_FIXED = datetime(1980, 1, 1, tzinfo=UTC)  # the copy's own date, so that the same input gives the same bytes


def main(folder: str) -> None:
    """Read the work from stdin and write the annotated workbook to stdout."""
    sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl does without it; it takes space for every core
    confine.die_with(os.getppid())
    mimetypes.init()  # which looks at files of the system
    tempfile.tempdir = folder
    confine.confine_writer(folder, MEMORY, SECONDS)
    warnings.simplefilter("ignore")  # openpyxl's warnings about extensions that it does not know
    work = pickle.loads(sys.stdin.buffer.read())  # noqa: S301 pickled by our own process; the sender's bytes are only data in it
    sys.stdout.buffer.write(annotated(work))


def annotated(work: dict[str, Any]) -> bytes:
    """Return the marked workbook as xlsx bytes, empty where the workbook has none of the cells to mark."""
    from baosong.receipts.annotated_workbook.book import open_book
    from baosong.receipts.annotated_workbook.listing import add_listing
    from baosong.receipts.annotated_workbook.marks import mark
    from baosong.report.reproducible import make_reproducible

    opened = open_book(work["content"], work["sheets"])
    if not mark(opened.by_name, work["findings"]):
        return b""
    add_listing(opened.book, opened.by_name, work)
    if opened.book.properties.created is None or work["content"] is None:
        opened.book.properties.created = _FIXED.replace(tzinfo=None)
    out = io.BytesIO()
    opened.book.save(out)
    results = [opened.results.get(sheet.title, {}) for sheet in opened.book.worksheets]
    return make_reproducible(out.getvalue(), _FIXED, results)


if __name__ == "__main__":
    main(sys.argv[1])
