"""The region's workbook."""
