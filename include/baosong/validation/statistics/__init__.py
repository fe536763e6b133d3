"""The statistics sheet: read, normalised, and validated against the form."""
