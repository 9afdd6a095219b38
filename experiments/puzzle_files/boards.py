"""What readers found of boards (Sketch), made into instances: symbols, box shapes, regions, cages, candidates, witness.

Readers of every format end here, so that a board means the same wherever it was written. What a whole file shows
counts: whether its 16x16 boards are written 0-F or 1-G, and whether its 6x6 boards have boxes of 2x3 or 3x2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from csp.difficulty import reference_search
from csp.errors import BadInput
from csp.families import latin, sudoku, sudoku_variants
from csp.families.sudoku_variants import Variant
from csp.problem import Instance, Problem
from experiments.puzzle_files import symbols
from experiments.puzzle_files.symbols import ONE, ZERO, Alphabet

LOOKED_AT = 40  # boards of a file that its box shape is judged by
PATIENCE = 2_000  # guesses for each of them

Shape = tuple[int, int]


@dataclass(frozen=True)
class Sketch:
    """A board as it was found. tokens: a symbol, a number or several candidates a cell. where: file, line, what else
    the line said. regions, drawn: of each cell, from a map or from drawn lines; shape: of drawn boxes. latin: a Latin
    square. solution: tokens of it, if one is there.
    """

    tokens: tuple[str, ...]
    where: str
    solution: tuple[str, ...] | None = None
    regions: tuple[int, ...] | None = None
    shape: Shape | None = None
    diagonals: bool = False
    cages: tuple[tuple[int, tuple[int, ...]], ...] = ()
    latin: bool = False

    @property
    def side(self) -> int:
        """Rows of it."""
        return round(len(self.tokens) ** 0.5)

    @property
    def marked(self) -> bool:
        """Whether some cell holds a group of candidates."""
        return self.side <= 9 and any(len(token) > 1 for token in self.tokens)


@dataclass
class Reading:
    """What a file holds: instances, what was wrong with other puzzles in it, and what a reader should know."""

    instances: list[Instance] = field(default_factory=list)
    faults: list[BadInput] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def build(found: Iterable[Sketch | BadInput], where: str, box: Shape | None = None, crossed: bool = False) -> Reading:
    """The instances of sketches, and the faults among and of them. box: of boards whose boxes nothing else says.

    crossed: all have diagonals. Raises BadInput for a box that no board can have.
    """
    if box is not None and not (1 <= box[0] <= 25 and 1 <= box[1] <= 25 and 4 <= box[0] * box[1] <= 25):
        raise BadInput(f"--box {box[0]}x{box[1]}: ROWSxCOLUMNS of a box, of 4 to 25 cells")
    reading, sketches = Reading(), []
    for one in found:
        if isinstance(one, BadInput):
            reading.faults.append(one)
        else:
            sketches.append(replace(one, diagonals=one.diagonals or crossed))
    alphabets = _alphabets(sketches)
    shapes = _shapes(sketches, alphabets, where, box, reading)
    wrong = 0
    for sketch, written in zip(sketches, alphabets):
        try:
            instance = _instance(sketch, written, box, shapes.get(sketch.side))
        except BadInput as fault:
            reading.faults.append(
                fault if str(fault).startswith(sketch.where) else BadInput(f"{sketch.where}: {fault}")
            )
            continue
        wrong += instance.witness is None and sketch.solution is not None
        reading.instances.append(instance)
    if wrong:
        reading.notices.append(f"{where}: {wrong} solutions in it solve nothing, and are not used")
    return reading


def _alphabets(sketches: Sequence[Sketch]) -> list[Alphabet]:
    """Each board's alphabet; one that shows none takes that of the file's boards of its size: 0-F if all others are."""
    own = [symbols.alphabet(sketch.tokens, sketch.side) for sketch in sketches]
    by_side: dict[int, set[str]] = {}
    for sketch, written in zip(sketches, own):
        if written is not None:
            by_side.setdefault(sketch.side, set()).add(written.first)
    return [written or (ZERO if by_side.get(sketch.side) == {"0"} else ONE) for sketch, written in zip(sketches, own)]


def other_shapes(side: int) -> list[Shape]:
    """Box shapes of a side, the usual one first."""
    every = [(high, side // high) for high in range(2, side) if side % high == 0]
    return sorted(every, key=lambda shape: (shape != sudoku.BOXES.get(side), shape))


def _shapes(sketches, alphabets, where: str, box: Shape | None, reading: Reading) -> dict[int, Shape]:
    """Box shapes of sides where nothing says them and the usual shape does not fit, said as a notice."""
    chosen: dict[int, Shape] = {}
    open_to: dict[int, list[tuple[Sketch, Alphabet]]] = {}
    for sketch, written in zip(sketches, alphabets):
        said = sketch.shape or sketch.regions or sketch.latin or (box and box[0] * box[1] == sketch.side)
        if not said and sketch.side in (6, 8, 10, 12):
            open_to.setdefault(sketch.side, []).append((sketch, written))
    for side, members in open_to.items():
        usual, *others = [shape for shape in other_shapes(side) if sudoku.BOXES[side] in (shape, shape[::-1])]
        if all(_fits(sketch, written, usual) for sketch, written in members[:LOOKED_AT]):
            continue
        for shape in others:
            if all(_fits(sketch, written, shape) for sketch, written in members[:LOOKED_AT]):
                chosen[side] = shape
                reading.notices.append(
                    f"{where}: no boxes are drawn; {side}x{side} boards in it fit boxes of {shape[0]}x{shape[1]} "
                    f"(rows x columns), not of {usual[0]}x{usual[1]}: read so (--box says which)"
                )
    return chosen


def _fits(sketch: Sketch, written: Alphabet, shape: Shape) -> bool:
    """Whether a board with such boxes has a solution, and the given one, if any. True for what cannot be read."""
    try:
        instance = _instance(sketch, written, None, shape, check=False)
    except BadInput:
        return True
    if instance.problem.violated(instance.givens).any():
        return False
    if sketch.solution is not None:
        return instance.witness is not None
    if not instance.problem.searchable:
        return True
    return reference_search.grade(instance.problem, instance.givens, 1, PATIENCE).solutions != 0


def _instance(
    sketch: Sketch, written: Alphabet, box: Shape | None, shape: Shape | None, check: bool = True
) -> Instance:
    """The instance. shape: of boxes that nothing else says. Raises BadInput for what is no puzzle."""
    side = sketch.side
    allowed: list[tuple[int, tuple[int, ...]]] = []
    tokens = list(sketch.tokens)
    if sketch.marked:
        for cell, token in enumerate(tokens):
            named = symbols.candidates(token, side) if len(token) > 1 else None
            if named:
                allowed.append((cell, named))
                tokens[cell] = "."
    givens = np.array(symbols.values(tokens, side, written), dtype=np.int64)
    if sketch.latin:
        board, family = latin.board(side), f"latin{side}"
    else:
        regions = _regions(sketch, box, shape)
        marks = tuple((cell, values) for cell, values in allowed if len(values) < side)
        board = _board(side, regions, sketch.diagonals, sketch.cages, marks)
        family = f"sudoku{side}"
    instance = Instance(board, givens, family, sketch.where)
    if check:
        _check(instance, sketch, box, shape)
    if sketch.solution is not None:
        try:
            witness = np.array(symbols.values(sketch.solution, side, written), dtype=np.int64)
        except BadInput:
            return instance
        if instance.solved(witness):
            return replace(instance, witness=witness)
    return instance


@lru_cache(maxsize=256)
def _board(*variant) -> Problem:
    """The board of a Variant with these fields."""
    return sudoku_variants.problem(Variant(*variant))


def _regions(sketch: Sketch, box: Shape | None, shape: Shape | None) -> tuple[int, ...]:
    """The regions of a board: a map, drawn lines, --box, or the usual boxes."""
    side = sketch.side
    if sketch.regions is not None:
        return sketch.regions
    if sketch.shape and box and box != sketch.shape and box[0] * box[1] == side:
        drawn = f"{sketch.shape[0]}x{sketch.shape[1]}"
        raise BadInput(f"boxes of {drawn} are drawn, but --box says {box[0]}x{box[1]}; leave --box out to read them")
    if box and not sketch.shape and box[0] * box[1] != side:
        raise BadInput(f"--box {box[0]}x{box[1]} has {box[0] * box[1]} cells, but this is a board of {side}x{side}")
    shape = sketch.shape or box or shape or sudoku.BOXES.get(side)
    if shape is None:
        raise BadInput(f"a {side}x{side} board has no usual boxes; say --box ROWSxCOLUMNS, or add its regions as a map")
    return _boxes(side, *shape)


_boxes = lru_cache(maxsize=64)(sudoku_variants.boxes)


def _check(instance: Instance, sketch: Sketch, box: Shape | None, shape: Shape | None) -> None:
    """Raises BadInput for givens that contradict, with the box shape that they would fit, if there is one."""
    try:
        sudoku.check_givens(instance)
    except BadInput as fault:
        side = sketch.side
        mine = sketch.shape or box or shape or sudoku.BOXES.get(side)
        if sketch.latin or sketch.regions or len(other_shapes(side)) < 2:
            raise
        for other in other_shapes(side):
            fits = Variant(side, sudoku_variants.boxes(side, *other), sketch.diagonals)
            if other != mine and not sudoku_variants.problem(fits).violated(instance.givens).any():
                raise BadInput(
                    f"{fault}; they fit boxes of {other[0]}x{other[1]}: --box {other[0]}x{other[1]}"
                ) from None
        raise
