"""The demonstration: 14 prefectures submit on the embedded stack, some of them wrongly, until the report is written."""

from baosong_local.demo.run import run_demo

__all__ = ["run_demo"]
