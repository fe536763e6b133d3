"""Rules and findings, and the words in which people read them."""
