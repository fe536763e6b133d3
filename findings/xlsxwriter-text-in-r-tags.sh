#!/usr/bin/env bash
# XlsxWriter 3.3.1: Worksheet.write_string() takes a text that begins with <r> and ends with </r> for the XML of a rich
# string that is ready to be stored, and does not escape it. An ordinary text of that shape, such as a heading in
# angle brackets that somebody typed into a form, is then gone for every reader: the cell comes back empty.
#
# Seen with XlsxWriter 3.3.1, read back by openpyxl 3.1.5 (2026-11-27):
#   '<t>甲乙</t>' -> '<t>甲乙</t>'
#   '<r>甲乙</r>' -> ''
# Whoever writes other people's texts with it must not rely on write_string to keep them. Fails when that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet XlsxWriter==3.3.1 openpyxl==3.1.5
"$folder/venv/bin/python" - <<'PYTHON'
import io

import openpyxl
import xlsxwriter

print("XlsxWriter", xlsxwriter.__version__)
seen = {}
for text in ("<t>甲乙</t>", "<r>甲乙</r>"):
    raw = io.BytesIO()
    book = xlsxwriter.Workbook(raw)
    book.add_worksheet().write_string(0, 0, text)
    book.close()
    seen[text] = openpyxl.load_workbook(raw).worksheets[0]["A1"].value
    print(repr(text), "->", repr(seen[text]))
assert seen == {"<t>甲乙</t>": "<t>甲乙</t>", "<r>甲乙</r>": ""}, "the behaviour has changed"
PYTHON
