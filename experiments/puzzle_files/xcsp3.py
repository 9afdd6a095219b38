"""`python -m experiments.puzzle_files.xcsp3 < record.json`: an instance as XCSP3 on stdout, written by pycsp3.

Run by experiments/puzzle_files/formats.py in a process of its own: pycsp3 keeps its model in globals and reads the
command line.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path

from csp.io.instance_records import from_record


def main() -> None:
    """Read a record from standard input, write XCSP3 to standard output."""
    instance = from_record(json.loads(sys.stdin.read()))
    sys.argv = sys.argv[:1]
    with contextlib.redirect_stdout(sys.stderr):
        import pycsp3

        x = pycsp3.VarArray(size=instance.problem.n, dom=range(1, instance.problem.d + 1), id="x")
        for rule in instance.problem.constraints:
            pycsp3.satisfy(pycsp3.AllDifferent([x[cell] for cell in rule.scope]))
        for cell, value in enumerate(instance.givens.tolist()):
            if value:
                pycsp3.satisfy(x[cell] == value)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "instance.xml"
            pycsp3.compile(str(path))
            text = path.read_text()
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
