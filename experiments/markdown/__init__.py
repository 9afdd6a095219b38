"""`takeback markdown`: runs as Markdown tables, kept summaries, and the documents that quote them.

distil.py    a run's run.json -> named tables of figures
kept.py      experiments/results/NAME.json: what is kept of a run; the format is described there
pages.py     kept runs -> docs/results/NAME.md and its index
fill.py      {{NAME|ROW|FIGURE}} in a template -> the figure
command.py   the command
"""
