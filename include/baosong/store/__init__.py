"""The object store, its keys, and the settings that lead to it."""
