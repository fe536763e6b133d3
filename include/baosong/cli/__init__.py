"""The command line of a production installation."""
