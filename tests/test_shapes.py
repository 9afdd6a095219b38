"""Shapes in annotations are checked in every test run: this fails if the import hook is not at work."""

import numpy as np
import pytest
import quick_checks
import torch
from jaxtyping import Float, Int

from generators.boards import stack
from generators.decoding.spec import Decoder
from generators.models import causal
from solvers import propagate


def test_a_wrong_shape_is_caught(few):
    with pytest.raises(Exception, match="violates type hint"):
        propagate.inspect(np.zeros((2, 3, 4), dtype=np.int64), stack(few["sudoku4"]).near, 4)
    with pytest.raises(Exception, match="violates type hint"):
        stack(few["sudoku4"]).take(np.zeros((2, 2), dtype=np.int64))


def test_a_name_has_one_size_in_a_call_and_in_what_it_returns(monkeypatch):
    places = np.zeros((3, 2), dtype=np.int64)
    assert causal.pairs_read(np.zeros(3, dtype=np.int64), np.ones(3, dtype=np.int64)).shape == (3,)
    with pytest.raises(Exception, match="violates type hint"):
        causal.pairs_read(np.zeros(3, dtype=np.int64), np.ones(4, dtype=np.int64))
    monkeypatch.setattr(causal.torch, "from_numpy", lambda array: torch.zeros((3, 2, 6), dtype=torch.bool))
    assert causal.sight(np.ones(3, dtype=np.int64), places, 6).shape == (3, 2, 6)
    with pytest.raises(Exception, match="(?i)type-check"):  # what it returns is wider than its argument says
        causal.sight(np.ones(3, dtype=np.int64), places, 5)


def test_shapes_are_found_by_any_name():
    names = {"Float": Float, "np": np, "Rows": Int[np.ndarray, " rows"], "Pair": tuple[Int[np.ndarray, " n"], int]}
    for annotation in ('Float[np.ndarray, "n d"] | None', "list[Rows]", "Pair", Int[np.ndarray, " n"], names["Pair"]):
        assert quick_checks._of_arrays(annotation, names)
    for annotation in ("np.ndarray | None", "list[int]", "Unknown", int, None):
        assert not quick_checks._of_arrays(annotation, names)


def test_fields_of_a_dataclass_are_checked():
    with pytest.raises(TypeError, match="violates type hint"):
        Decoder("uniform", k="2")


def test_what_a_function_returns_is_checked(few, monkeypatch):
    monkeypatch.setattr(propagate, "_inspect", lambda *arrays: None)
    boards = np.zeros((8, 16), dtype=np.int64)
    assert propagate.inspect(boards, stack(few["sudoku4"]).near, 4)[0].shape == (8, 16, 4)
    monkeypatch.setattr(propagate.np, "ones", lambda *about, **more: np.zeros((7, 16, 4), dtype=bool))
    with pytest.raises(Exception, match="violates type hint"):
        propagate.inspect(boards, stack(few["sudoku4"]).near, 4)
