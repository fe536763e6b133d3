"""The region's report: figures, Word, workbook, web page, and its editions."""
