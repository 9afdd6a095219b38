"""experiments: one question per file, each `python -m experiments.NAME` and `takeback NAME`."""
