"""How much search a puzzle needs: the reference search that defines it, and its compiled kernels.

    >>> reference_search.grade(instance.problem, instance.givens).guesses

Its rules are the definition that every stratum rests on, so they are fixed; a new measure goes beside them.
"""
