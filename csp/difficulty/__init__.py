"""The reference search that defines how much search a puzzle needs, and its compiled kernels."""
