#!/usr/bin/env bash
# openpyxl 3.1.5: saving changes the workbook in memory. A sheet whose columns have widths gets outlineLevelCol="0" at
# its second save, which the first did not write; nothing was changed in between. The two files mean the same, but a
# digest or a comparison part by part, with the time of saving left out, says that the sheet is another one.
#
# Seen with openpyxl 3.1.5 (2026-11-29), the same Workbook saved three times:
#   1: <sheetFormatPr baseColWidth="8" defaultRowHeight="15" />
#   2: <sheetFormatPr baseColWidth="8" defaultRowHeight="15" outlineLevelCol="0" />
#   3: <sheetFormatPr baseColWidth="8" defaultRowHeight="15" outlineLevelCol="0" />
# Whoever fills one workbook for many and compares or signs what comes out must save it once beforehand. Fails when
# that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet openpyxl==3.1.5
"$folder/venv/bin/python" - <<'PYTHON'
import io
import re
import zipfile

import openpyxl

print("openpyxl", openpyxl.__version__)
book = openpyxl.Workbook()
book.active["A1"] = "统计表"
book.active.column_dimensions["A"].width = 20
seen = []
for number in (1, 2, 3):
    raw = io.BytesIO()
    book.save(raw)
    sheet = zipfile.ZipFile(raw).read("xl/worksheets/sheet1.xml").decode()
    seen.append(re.search("<sheetFormatPr[^>]*>", sheet).group())
    print(f"{number}: {seen[-1]}")
plain = '<sheetFormatPr baseColWidth="8" defaultRowHeight="15" />'
assert seen == [plain, *[plain.replace(" />", ' outlineLevelCol="0" />')] * 2], "the behaviour has changed"
PYTHON
