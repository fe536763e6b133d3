"""Summary reports and press coverage: Word, PDF and text documents."""
