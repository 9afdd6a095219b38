"""All solutions of small problems, counted exactly and drawn uniformly; the control tasks whose rarity is counted so.

sudoku_grids.py (its compiled loops in grid_kernels.py): every grid of a 4x4 or 6x6 board; graph_colourings.py: every
colouring of up to 20 nodes; control_tasks.py: the targets of `takeback control`. To add a task: a function that reads
rules off a grid, and an entry in control_tasks.TASKS.
"""
