"""Makers of hostile and damaged files, all by code: `corpus()` is the whole collection, the same at every call."""

from __future__ import annotations

from hostile_makers.case import Case
from hostile_makers.fuzz import damaged
from hostile_makers.names import named
from hostile_makers.office import packages
from hostile_makers.old_office import compounds
from hostile_makers.pdfs import pdfs
from hostile_makers.pictures import pictures
from hostile_makers.texts import texts

__all__ = ["FAMILIES", "Case", "corpus"]


# A family is judged by one test, and each worker takes whole families: they are cut to cost about the same.
FAMILIES = {
    "packages": packages,
    "compounds": compounds,
    "pdfs": pdfs,
    "pictures": pictures,
    "texts": texts,
    "names": named,
    "damaged": damaged,
}


def corpus() -> list[Case]:
    """Return every case; titles are unique."""
    return [case for family in FAMILIES.values() for case in family()]
