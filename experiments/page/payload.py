"""A run's folder as the page reads it: puzzles, traces, what an oracle says of each of their states, and figures.

    >>> payload = read(Path("results/ceiling-sudoku6-100-seed0"), most=2000)
    >>> payload["traces"][0]["dead"]               # the events that made dead ends

Everything is worked out when the page is made; the page only draws. Events are numbered from 0; state t is the board
before event t, so that an event t that kills makes state t + 1 dead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from csp.constraints import AllDifferent
from csp.errors import BadInput, Undecided
from csp.io.files import read_bytes, read_text
from csp.io.instance_records import read_parquet
from csp.io.trace_records import read_jsonl
from csp.problem import Instance
from csp.trace import Trace
from experiments.engine.decoder_catalogue import ROWS
from experiments.page.probabilities import said_again
from experiments.scoring.scorer import TraceAnalysis
from solvers.oracles.pick import pick

MOST = 2000  # traces of a page
DEBT_CELLS = 100  # boards up to this size have their debt counted at the end
INSTANCES = "instances.parquet"


def read(
    folder: Path,
    most: int = MOST,
    decoders: Sequence[str] = (),
    probabilities: int = 0,
    checkpoints: Path | None = None,
    first: int = 1,
    tick: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """The payload of a finished run. most: traces at most, whole puzzles at a time, so that decoders can be compared.
    first: the puzzle to begin with.
    probabilities: of so many puzzles also what the networks (in `checkpoints`, default: the shipped) said at each call.

    Raises BadInput for a folder that holds no finished run with traces.
    """
    card = _card(folder)
    instances = {i.id: i for i in read_parquet(read_bytes(folder / INSTANCES), str(folder / INSTANCES))}
    rows = _traces(folder, card, instances)
    names = list(dict.fromkeys(row for row, _ in rows))
    if unknown := [name for name in decoders if name not in names]:
        raise BadInput(f"{folder} has no decoder {unknown[0]!r}; it has {', '.join(names)}")
    if decoders:
        rows = [(row, trace) for row, trace in rows if row in decoders]
        names = [name for name in names if name in decoders]

    # As many puzzles as fit: each with the traces of all decoders.
    order = list(dict.fromkeys(trace.instance for _, trace in rows))
    if not 1 <= first <= len(order):
        raise BadInput(f"--puzzle {first}: the run has 1 to {len(order)}")
    kept = set(order[first - 1 :][: max(1, most // max(1, len(names)))])
    places = {name: place for place, name in enumerate(i for i in order if i in kept)}
    chosen = [(row, trace) for row, trace in rows if trace.instance in kept]
    traces = []
    oracles = {name: pick(instances[name]) for name in places}
    for row, trace in chosen:
        at = names.index(row), places[trace.instance]
        traces.append(trace_record(trace, instances[trace.instance], oracles[trace.instance], *at))
        tick()
    if probabilities:
        _add_said(card, chosen, [instances[name] for name in list(places)[:probabilities]], traces, checkpoints)
    return {
        "title": f"takeback {card['identity'].get('command', '')}",
        "line": card.get("line", ""),
        "version": metadata.version("takeback"),
        "made with": card.get("versions", {}),
        "seed": card["identity"].get("seed"),
        "left out": len(rows) - len(chosen),
        "puzzles": [puzzle_record(instances[name]) for name in places],
        "decoders": [{"name": name, "about": _about(name), "spec": _spec(card, name)} for name in names],
        "traces": traces,
        "figures": figures(card, names),
    }


def _add_said(
    card: dict,
    chosen: Sequence[tuple[str, Trace]],
    some: Sequence[Instance],
    traces: list[dict],
    checkpoints: Path | None,
) -> None:
    """Put what the networks said of those puzzles into their traces' records."""
    of: dict[str, dict[str, tuple[Trace, dict]]] = {}
    for (row, trace), record in zip(chosen, traces, strict=True):
        of.setdefault(row, {})[trace.instance] = trace, record
    specs = {row: _spec(card, row) for row in of}
    kept = {row: [by_puzzle[instance.id][0] for instance in some] for row, by_puzzle in of.items()}
    for row, said in said_again(card["identity"], specs, kept, some, checkpoints).items():
        for instance, calls in zip(some, said, strict=True):
            of[row][instance.id][1]["said"] = calls


def _card(folder: Path) -> dict:
    """The run's card. Raises BadInput if it is none, or the run is not finished."""
    path = folder / "run.json"
    try:
        card = json.loads(read_text(path))
        command, status = card["identity"]["command"], card["status"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise BadInput(f"{path}: not a run of takeback") from None
    if status != "complete":
        raise BadInput(f"{folder}: the run is not finished; its command goes on with it")
    if not (folder / "traces.jsonl").exists():
        raise BadInput(f"{folder}: a run of {command} keeps no traces that could be played back")
    if not (folder / INSTANCES).exists():
        raise BadInput(f"{folder} was made before runs kept their puzzles; run its command again with another --out")
    return card


def _traces(folder: Path, card: dict, instances: dict[str, Instance]) -> list[tuple[str, Trace]]:
    """(row, trace), in the order of the file: rows one after another, each over the run's puzzles. Further attempts of
    one decoder at a puzzle are rows of their own.
    """
    traces = read_jsonl(read_text(folder / "traces.jsonl"), str(folder / "traces.jsonl"))
    named = {spec: name for name, spec in card["identity"].get("decoders", {}).items()}
    made, attempts = [], Counter[tuple[str, str]]()
    for trace in traces:
        if trace.instance not in instances:
            raise BadInput(f"{folder / 'traces.jsonl'}: a trace of {trace.instance}, which {INSTANCES} does not hold")
        attempts[trace.decoder, trace.instance] += 1
        attempt = attempts[trace.decoder, trace.instance]
        name = named.get(trace.decoder, trace.decoder)
        made.append((f"{name}, attempt {attempt}" if attempt > 1 else name, trace))
    return made


def _about(name: str) -> str:
    return ROWS[name].about if name in ROWS else ""


def _spec(card: dict, name: str) -> str:
    return card["identity"].get("decoders", {}).get(name, name)


def puzzle_record(instance: Instance) -> dict[str, Any]:
    """Cells, rules as pairs of cells that must differ, the shape to draw."""
    problem, need = instance.problem, instance.difficulty
    one, other = np.nonzero(np.triu(problem.adjacency, 1))
    record: dict[str, Any] = {
        "id": instance.id,
        "n": problem.n,
        "d": problem.d,
        "givens": np.asarray(instance.givens).tolist(),
        "edges": np.stack([one, other], axis=1).tolist(),
        "covers": [list(scope) for scope in problem.covers],
        "family": instance.family,
        "from": instance.provenance,
        "guesses": None if need is None else need.guesses,
        "stratum": None if need is None else need.stratum,
    }
    if need is not None and need.unique and instance.witness is not None:
        record["solution"] = np.asarray(instance.witness).tolist()
    if (shape := _shape(instance)) is not None:
        record["shape"] = shape
        if all(isinstance(rule, AllDifferent) and len(rule.scope) == problem.d for rule in problem.constraints):
            record["edges"] = []  # the page makes them of the covers
    return record


def _shape(instance: Instance) -> dict[str, Any] | None:
    """Of a square board whose rows and columns hold each value once: its side, and each cell's region (-1: none).
    Other rules may stand beside these (diagonals, cages).
    """
    problem = instance.problem
    side = problem.d
    if side * side != problem.n:
        return None
    scopes = {tuple(sorted(rule.scope)) for rule in problem.constraints if isinstance(rule, AllDifferent)}
    cells = np.arange(problem.n).reshape(side, side)
    lines = {tuple(line) for line in [*cells.tolist(), *cells.T.tolist()]}
    if not lines <= scopes:
        return None
    regions = np.full(problem.n, -1)
    for number, scope in enumerate(sorted(scope for scope in scopes - lines if len(scope) == side)):
        if (regions[list(scope)] < 0).all() and _together(scope, side):
            regions[list(scope)] = number
    return {"side": side, "regions": regions.tolist()}


def _together(scope: Sequence[int], side: int) -> bool:
    """Whether each of these cells has another of them beside it: a region has, a diagonal has not."""
    there = set(scope)
    beside = (-side, side, -1, 1)
    return all(
        any(cell + step in there and (abs(step) > 1 or (cell + step) // side == cell // side) for step in beside)
        for cell in scope
    )


def trace_record(trace: Trace, instance: Instance, oracle, decoder: int, puzzle: int) -> dict[str, Any]:
    """Events, and what is known of the states between them. What the oracle left undecided is null."""
    array = trace.events.array
    record: dict[str, Any] = {
        "decoder": decoder,
        "puzzle": puzzle,
        "end": trace.end,
        "calls": trace.costs.calls,
        "tokens": trace.costs.tokens,
        "flops": trace.costs.flops,
        "events": array.astype(int).ravel().tolist(),
        "alive": None,
        "dead": [],
        "shows": None,
        "core": [],
        "detector": None,
        "debt": None,
    }
    if not len(array):
        return record | {"alive": []}
    life = TraceAnalysis(trace, instance, oracle)
    try:
        dead = life.dead_ends
    except Undecided:
        return record
    # where the board turns dead or alive again, as the numbers of the events that did it
    record |= {"alive": np.sort([*dead, *life.revivals]).astype(int).tolist(), "dead": dead.tolist()}
    record["signs"] = _runs(life.signs)
    if len(dead):
        first = int(dead[0])
        record["detector"] = life.detector(first)
        record["shows"] = life.shows_at(first)
        with suppress(Undecided):
            record["core"] = life.cells[life.core(first)].tolist()
    if trace.end != "solved" and instance.problem.n <= DEBT_CELLS:
        with suppress(Undecided, ValueError):
            record["debt"] = oracle.debt(life.state(len(array)))
    return record


def _runs(signs: Int[np.ndarray, " states"]) -> list[int]:
    """[state, sign, ...] where the sign changes: 0 a broken rule, 1 a blank cell without a value, 2 neither."""
    made: list[int] = []
    for state, sign in enumerate(signs):
        if not made or made[-1] != int(sign):
            made += [state, int(sign)]
    return made


def figures(card: dict, names: Sequence[str]) -> list[dict[str, Any]]:
    """A row a decoder: the figures that the run's tables show, each {value, low, high, n}."""
    rows = []
    of_score = [row for row in card.get("rows", ()) if row["stratum"] == "all"]
    for row in card["summary"] if isinstance(card.get("summary"), list) else of_score:
        if isinstance(row, dict) and row.get("decoder") in names:
            shown = {key: f for key, f in row.items() if isinstance(f, dict) and {"value", "n"} <= set(f)}
            rows.append({"name": row["decoder"], "figures": shown})
    return rows
