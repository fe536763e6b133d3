"""The program that marks a sender's workbook, run in a process of its own by `baosong.annotate`."""
