"""`takeback instances`: puzzles that are known to need search, made, graded and converted."""
