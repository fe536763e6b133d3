"""Programs that open other people's files; each runs as a process of its own and is started by its path."""
