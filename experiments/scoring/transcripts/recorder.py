"""A recorder of samplers: what stands on the boards after each step becomes traces, as histories of states do.

    recorder = Recorder(puzzles, tokenizer, cells)                  # cells: where the board lies in the sequence
    pipe(..., callback_on_step_end=recorder)                        # diffusers: LLaDA2Pipeline, DiffusionGemmaPipeline
    recorder.see(x)                                                 # any loop of yours, after each step
    traces = recorder.traces()                                      # a trace a row of the batch

    traces = record(output.history, puzzles, tokenizer, cells)      # of states that are there, as Dream returns

A token that is a value's commits the value; the mask, and any other token, is a blank cell. A value that becomes
another is taken back and committed at that step. docs/pipelines.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Int

from csp.errors import BadInput, shown
from csp.families.colouring import is_graph
from csp.problem import Instance
from csp.trace import Costs, Trace
from experiments.scoring.transcripts import histories
from generators.models.hugging_face.token_map import symbols

#: What pipelines call the tokens that their callback is given.
SEQUENCES = ("block_x", "canvas", "sequences", "input_ids", "x")


class Recorder:
    """What happens on the boards of a batch, step by step.

    puzzles: one, or one a row of the batch. tokens: a tokenizer, of which the values' symbols (1, 2, ..., A, ...) are
    tokens, or a dict of token: value, in which the mask may be named with value 0. cells: the places of the board's
    cells in the sequence, (n,) or (batch, n). decoder: what tables call it; seed: tells attempts apart.
    others: how often a cell held a token that is neither a value nor the mask; notes: what traces() could not follow.

    Raises BadInput for values that are no tokens, and cells that are not as many as the puzzle's.
    """

    def __init__(
        self,
        puzzles: Instance | Sequence[Instance],
        tokens: Any,
        cells: Sequence[int] | Sequence[Sequence[int]] | Int[np.ndarray, "*batch n"],
        decoder: str = "sampler",
        seed: int = 0,
    ):
        self.puzzles = [puzzles] if isinstance(puzzles, Instance) else list(puzzles)
        self.decoder, self.seed = decoder, seed
        places = [np.asarray(one, dtype=np.int64) for one in (cells if np.ndim(cells[0]) else [cells])]
        self.cells = places * len(self.puzzles) if len(places) == 1 else places
        if len(self.cells) != len(self.puzzles):
            raise BadInput(f"cells of {len(self.cells)} boards for {len(self.puzzles)} puzzles")
        for puzzle, place in zip(self.puzzles, self.cells):
            if place.shape != (puzzle.problem.n,) or place.min(initial=0) < 0:
                raise BadInput(f"cells: {place.size} places; the puzzle has {puzzle.problem.n} cells")
        self.values = [_token_map(tokens, puzzle) for puzzle in self.puzzles]

        # The puzzle, then the board after each step, (n,) each, a list a row.
        self.states: list[list[np.ndarray]] = [[puzzle.givens.copy()] for puzzle in self.puzzles]
        self.read, self.others, self.notes = 0, 0, list[str]()
        self.canvases = -1  # how many a pipeline that writes canvas after canvas has begun, less one

    def see(self, sequences: Any, start: int = 0, blank: Any = None) -> None:
        """What stands there after a step: (sequence,) or (batch, sequence) of token ids, a tensor, array or list.

        start: the place of the first of these tokens, where the sequence is not seen from its beginning; cells outside
        of it stay as they were. blank: True where a token is not committed yet, of the same shape. Raises BadInput for
        another batch.
        """
        table = self._table(sequences)
        loose = None if blank is None else self._table(blank).astype(bool)
        self.read += table.shape[1]
        for row, states in enumerate(self.states):
            states.append(self._board(row, table[row], start, None if loose is None else loose[row]))

    def end(self, sequences: Any, start: int = 0) -> None:
        """What came out in the end, where that is more than the last step showed: it counts as what that step left.

        Raises BadInput as see does, and if no step was seen.
        """
        table = self._table(sequences)
        if len(self.states[0]) == 1:
            raise BadInput("no step was seen before the end")
        for row, states in enumerate(self.states):
            states[-1] = self._board(row, table[row], start, None)

    def __call__(self, pipe: Any, step: int, timestep: Any, callback_kwargs: dict[str, Any]) -> dict[str, Any]:
        """diffusers' callback_on_step_end: see the pipeline's tokens, and change nothing.

        Raises BadInput if the callback is given no tokens: by callback_on_step_end_tensor_inputs without them.
        """
        name = next((name for name in SEQUENCES if name in callback_kwargs), None)
        if name is None:
            raise BadInput(
                f"the recorder is given {', '.join(callback_kwargs) or 'nothing'}; "
                f"callback_on_step_end_tensor_inputs names one of {', '.join(SEQUENCES)}"
            )
        sequences = callback_kwargs[name]
        if name != "canvas":
            self.see(sequences)
            return callback_kwargs

        # Canvas after canvas, each from step 0. What the scheduler has not committed yet is noise.
        self.canvases += int(timestep) == 0
        committed = getattr(getattr(pipe, "scheduler", None), "_committed", None)
        fits = committed is not None and tuple(committed.shape) == tuple(sequences.shape)
        self.see(sequences, self.canvases * sequences.shape[1], ~committed if fits else None)
        return callback_kwargs

    def traces(self) -> list[Trace]:
        """What happened on each board so far: a call a step, with the tokens of the sequences that were seen.

        Raises BadInput as histories.read does.
        """
        self.notes = []
        return [self._trace(row) for row in range(len(self.puzzles))]

    def _trace(self, row: int) -> Trace:
        puzzle, where = self.puzzles[row], f"board {row + 1}"
        states = {"states": [state.tolist() for state in self.states[row]]}
        made = histories.read(states, puzzle, where, self.decoder, self.seed)
        self.notes += [f"{where}: {note}" for note in made.notes]
        return replace(made.trace, costs=Costs(len(self.states[row]) - 1, self.read))

    def _table(self, sequences: Any) -> np.ndarray:
        """(batch, sequence) numbers of a tensor, array or list. Raises BadInput for another batch."""
        if hasattr(sequences, "detach"):
            sequences = sequences.detach().cpu().numpy()
        table = np.atleast_2d(np.asarray(sequences))
        if table.ndim != 2 or len(table) != len(self.puzzles) or table.dtype.kind not in "iub":
            what = f"{table.dtype} of shape {table.shape}"
            raise BadInput(f"sequences of tokens are whole numbers, a row a puzzle ({len(self.puzzles)}), not {what}")
        return table

    def _board(self, row: int, tokens: np.ndarray, start: int, loose: np.ndarray | None) -> np.ndarray:
        """The board (n,) that a row's tokens leave; cells outside of them are as before."""
        board, places = self.states[row][-1].copy(), self.cells[row] - start
        inside = np.nonzero((places >= 0) & (places < len(tokens)))[0]
        known = self.values[row]
        for cell in inside.tolist():
            place = places[cell]
            if loose is not None and loose[place]:
                board[cell] = 0
                continue
            value = known.get(int(tokens[place]))
            self.others += value is None
            board[cell] = value or 0
        givens = self.puzzles[row].givens
        return np.where(board > 0, board, givens)  # a given that a sampler has to write itself stands all the same


def record(
    history: Iterable[Any],
    puzzles: Instance | Sequence[Instance],
    tokens: Any,
    cells: Sequence[int] | Sequence[Sequence[int]] | Int[np.ndarray, "*batch n"],
    decoder: str = "sampler",
    seed: int = 0,
    begun: bool | None = None,
) -> list[Trace]:
    """A trace a row of the batch, of a list of states: token ids (sequence,) or (batch, sequence) after each step, as
    Dream's output.history, or what a loop of LLaDA's has collected. The other arguments are Recorder's.

    begun: whether the first state is the one after the first step; None: it is, unless all boards in it are as the
    puzzles. Raises BadInput as Recorder does, and for no states.
    """
    states = list(history)
    if not states:
        raise BadInput("a history is a list of at least one state")

    def recorded(some: Sequence[Any]) -> Recorder:
        made = Recorder(puzzles, tokens, cells, decoder, seed)
        for state in some:
            made.see(state)
        return made

    if begun is None:
        begun = any((after != before).any() for before, after in recorded(states[:1]).states)
    return recorded(states if begun else states[1:]).traces()


def _token_map(tokens: Any, puzzle: Instance) -> dict[int, int]:
    """token id: value. Raises BadInput for a dict of other things, and a tokenizer without such tokens."""
    d = puzzle.problem.d
    if isinstance(tokens, Mapping):
        made = {}
        for token, value in tokens.items():
            if (
                not isinstance(token, int | np.integer)
                or not isinstance(value, int | np.integer)
                or not 0 <= value <= d
            ):
                raise BadInput(f"tokens: {shown(token)}: {shown(value)} is no token's id with a value from 1 to {d}")
            made[int(token)] = int(value)
        if missing := sorted(set(range(1, d + 1)) - set(made.values())):
            raise BadInput(f"tokens: no token of value {missing[0]}; the puzzle has {d} values")
        return made
    texts = symbols(d, not is_graph(puzzle.problem))
    ids = [tokens.convert_tokens_to_ids(text) for text in texts]
    for text, token in zip(texts, ids):
        if token is None or token == tokens.unk_token_id:
            raise BadInput(f"the tokenizer has no single token for {shown(text)}; give a dict of token: value")
    mask = {} if tokens.mask_token_id is None else {int(tokens.mask_token_id): 0}
    return mask | {int(token): value for value, token in enumerate(ids, 1)}
