"""solvers: everything that knows the rules and searches."""
