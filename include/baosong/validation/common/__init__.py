"""Checks that apply to every file, whatever its deliverable."""
