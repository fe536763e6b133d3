"""Receipts (回执): what a prefecture reads.

The child that marks a workbook runs in this package and needs nothing of `pages`: ledger and models cost it a second.
"""
