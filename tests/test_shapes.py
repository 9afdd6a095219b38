"""Shapes in annotations are checked in every test run: this fails if the import hook is not at work."""

import numpy as np
import pytest

from generators.boards import stack
from solvers import propagate


def test_a_wrong_shape_is_caught(few):
    with pytest.raises(Exception, match="(?i)type-check"):
        propagate.inspect(np.zeros((2, 3, 4), dtype=np.int64), stack(few["sudoku4"]).near, 4)
    with pytest.raises(Exception, match="(?i)type-check"):
        stack(few["sudoku4"]).take(np.zeros((2, 2), dtype=np.int64))
