"""Where instances come from: one file a puzzle family, or a group of like ones; csp.generate.FAMILIES is their table.

    >>> generate.draw("latin:side=5", seed=0, split="test", index=0)            # names: `takeback instances families`

To add one: a file here with the rules and a subclass of base.Family (`propose` draws a candidate, `symmetry` moves one;
its fields are the words of its spelling), and an entry in csp/generate.py. tests/csp/test_families.py draws from every
entry. sudoku.py and latin.py are boards, colouring.py a graph's rules, random_graphs.py the families of graphs.
"""
