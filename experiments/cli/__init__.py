"""The command line: dispatch, shared options, the terminal, tables."""
