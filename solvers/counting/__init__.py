"""Exact counts: all Sudoku grids, all colourings of small graphs, control tasks of counted rarity."""
