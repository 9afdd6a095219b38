"""Solvers, one file each; the table of them is solvers.SOLVERS."""
