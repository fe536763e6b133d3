"""Preservation: archived bytes and their records, the change log, fixity, rebuild, export, retention."""
