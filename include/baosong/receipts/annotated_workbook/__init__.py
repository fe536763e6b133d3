"""The annotated copy of a sender's workbook: `annotate` has a child of the sandbox mark the cells (`marked`)."""
