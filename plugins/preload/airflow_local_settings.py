"""Airflow's scheduler imports this module at its start, because this folder is on its PYTHONPATH and on no other's.

The scheduler forks the workers that run the tasks. What it has imported they have too: 14 tasks that need pandas and
Great Expectations take 11 s instead of 62 s, and our own modules cost each task another third of a second. A change to
our code therefore counts from the scheduler's next start. All of them share one server of the sandbox, started here: it
would cost each task another third of a second as well. What libraries prepare at their first use is prepared here, too.
"""

from __future__ import annotations

import importlib

_PRELOADED = (
    "pandas",
    "alembic.command",
    "docx",
    "minio",
    "encodings.ascii",
    "encodings.idna",
    "openpyxl",
    "psycopg2.extras",
    "pypdf",
    "python_calamine",
    "pymediainfo",
    "baosong.validation.photo.photo",
    "baosong.validation.documents.press",
    "baosong.validation.documents.report",
    "baosong.validation.statistics.statistics",
    "baosong.validation.video.thumbnail",
    "baosong.validation.video.video",
    "baosong.receipts.annotated_workbook.marked",
    "baosong.report.docx.document",
    "baosong.report.figures",
    "baosong.report.html",
    "baosong.report.material",
    "baosong.report.slides",
    "baosong.report.xlsx.workbook",
    "baosong.report.year_over_year",
    "baosong.pipeline.completeness",
    "baosong.pipeline.leftovers",
    "baosong.pipeline.manual_review",
    "baosong.pipeline.process",
    "baosong.pipeline.publish",
    "baosong_airflow.alarms",
    "baosong_airflow.lanes",
)
# Airflow takes over every public name of this module as a setting of its own.
__all__: list[str] = []

for _name in _PRELOADED:
    importlib.import_module(_name)
importlib.import_module("baosong.validation.sandbox.client").start()
importlib.import_module("baosong_airflow.preload").warm_up()
