"""Checks that look beyond one file, at what else was sent."""
