"""experiments: one question per file, each `python -m experiments.NAME` and `takeback NAME`."""

import sys

if sys.argv[:1] == ["-m"]:  # so it is only while Python looks for `-m experiments.NAME`, before NAME's slow imports
    from experiments.cli import signals

    signals.install()
