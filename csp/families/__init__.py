"""Puzzle families, one file each; the table of them is csp/generate.py's FAMILIES."""
