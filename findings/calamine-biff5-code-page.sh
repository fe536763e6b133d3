#!/usr/bin/env bash
# python-calamine 0.9.1: of a workbook in the format of Excel 5 and 95 (BIFF5) it decodes texts as if they were UTF-16
# or Unicode, not in the code page that the book's CODEPAGE record names. A Chinese sheet of that age (code page 936)
# comes up as replacement characters, its sheets' names too, and without any error: whoever reads it gets rubbish that
# looks like cells. xlrd 2.0.2 reads the same bytes right.
#
# Seen with python-calamine 0.9.1 beside xlrd 2.0.2 (2026-11-28), on a book written record by record below.
# Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet python-calamine==0.9.1 xlrd==2.0.2 xlwt==1.3.0
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
from importlib.metadata import version

import python_calamine
import xlrd
from xlwt.CompoundDoc import XlsDoc


def record(number, body=b""):
    return struct.pack("<HH", number, len(body)) + body


def begin(kind):
    return record(0x809, struct.pack("<HHHH", 0x500, kind, 0, 0))


name, text = "表".encode("gbk"), "科技".encode("gbk")
head = begin(0x0005) + record(0x42, struct.pack("<H", 936))
head += record(0x31, struct.pack("<HHHHHBBBB", 200, 0, 0x7FFF, 400, 0, 0, 0, 0, 0) + b"\5Arial")
head += record(0xE0, struct.pack("<HHHBBHHHH", 0, 0, 1, 0x20, 0, 0, 0, 0, 0))
head += record(0x85, struct.pack("<IHB", len(head) + 11 + len(name) + 4, 0, len(name)) + name) + record(0x0A)
sheet = begin(0x0010) + record(0x204, struct.pack("<HHHH", 0, 0, 0, len(text)) + text) + record(0x0A)
out = io.BytesIO()
XlsDoc().save(out, (head + sheet).ljust(4096, b"\0"))
data = out.getvalue()

right = xlrd.open_workbook(file_contents=data).sheet_by_index(0)
book = python_calamine.load_workbook(io.BytesIO(data))
read = book.get_sheet_by_index(0).to_python()[0][0]
print("python-calamine", version("python-calamine"), repr(book.sheet_names[0]), repr(read))
print("xlrd", version("xlrd"), repr(right.name), repr(right.cell_value(0, 0)))
assert (right.name, right.cell_value(0, 0)) == ("表", "科技")
assert read != "科技", "the behaviour has changed"
PYTHON
