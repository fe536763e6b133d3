"""Validation: what a file is, whether it may pass, and everything that is wrong with it at once."""
