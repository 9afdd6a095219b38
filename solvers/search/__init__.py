"""Solvers, one file each; the table of them is solvers.SOLVERS.

To add one: a function (instance, seed) -> Trace in a file here, and an entry there. A solver that shows its steps keeps
a domains.Domains up to date; one that does not, such as CP-SAT, commits its whole solution in one call.
"""
