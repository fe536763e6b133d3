"""Faults of the kinds found so far, seeded one at a time into a copy of the project, and whether the tests notice.

`python tests/helpers/mutants [NAME...]` from the project; it prints a table and ends with 1 if any survives.
"""
