"""Imports go only csp <- solvers <- generators <- experiments <- takeback."""

import os
import subprocess
import sys
from pathlib import Path


def test_layers_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [linter, "--no-cache"], cwd=root, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"}
    )
    assert done.returncode == 0, done.stdout + done.stderr
