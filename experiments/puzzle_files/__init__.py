"""Puzzles from files: formats, loading, certifying, writing."""
