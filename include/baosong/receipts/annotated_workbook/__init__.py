"""The annotated copy of a sender's workbook: `annotate` starts `child`, which marks the cells."""
