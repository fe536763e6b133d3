"""Other people's files are opened in confined child processes."""
