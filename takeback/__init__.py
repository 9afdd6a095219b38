"""The public nouns of takeback under one name, each imported when it is first asked for.

    import takeback

    puzzle = takeback.draw("sudoku6", seed=0, split="test", index=0)
    trace = takeback.SOLVERS["depth-first"](puzzle, 0)
    takeback.score(trace, puzzle, takeback.pick(puzzle)).need          # did it enter a dead end?

    decoder = takeback.parse("uniform:order=fewest,veto=legal")
    traces = takeback.decode(decoder, takeback.Uniform(), [puzzle], seed=0)

Puzzles: draw, certified, FAMILIES, Problem, Instance, Difficulty, AllDifferent, NotEqual. Traces: Trace, Event, Costs,
replay. Files: read_puzzles, write_puzzles, write_traces. Oracles: pick, Oracle. Scoring: score, Score, TraceAnalysis.
Language models: prompt, score_reply.
Decoding: decode, parse, Decoder, Model, Session, Prediction, Boards; networks and what stands in for one: load,
shipped, Uniform, Exact; a Hugging Face language model of yours: hugging_face. What a sampler of yours does: Recorder,
record. Solvers: SOLVERS, UNKNOWN (what a solver under test answers when it gives up). What is raised: BadInput,
Undecided. takeback.testing has strategies, checks and fixtures for test suites (docs/conformance.md).
"""

from importlib import import_module

#: name: the module that it is from.
_HOMES = {
    "AllDifferent": "csp.constraints",
    "BadInput": "csp.errors",
    "Boards": "generators.boards",
    "Costs": "csp.trace",
    "Decoder": "generators.decoding.spec",
    "Difficulty": "csp.problem",
    "Event": "csp.trace",
    "Exact": "generators.models.exact",
    "FAMILIES": "csp.generate",
    "Instance": "csp.problem",
    "Model": "generators.models.interface",
    "NotEqual": "csp.constraints",
    "Oracle": "solvers.oracles.base",
    "Prediction": "generators.models.interface",
    "Problem": "csp.problem",
    "Recorder": "experiments.scoring.transcripts.recorder",
    "SOLVERS": "solvers",
    "Score": "experiments.scoring.scorer",
    "Session": "generators.models.interface",
    "Trace": "csp.trace",
    "TraceAnalysis": "experiments.scoring.scorer",
    "UNKNOWN": "csp.answers",
    "Undecided": "csp.errors",
    "Uniform": "generators.models.uniform",
    "certified": "csp.generate",
    "decode": "generators.decoding.loop",
    "draw": "csp.generate",
    "hugging_face": "generators.models.hugging_face.network",
    "load": "generators.checkpoint",
    "parse": "generators.decoding.spec",
    "pick": "solvers.oracles.pick",
    "prompt": "takeback.replies",
    "read_puzzles": "takeback.files",
    "record": "experiments.scoring.transcripts.recorder",
    "replay": "csp.trace",
    "score": "experiments.scoring.scorer",
    "score_reply": "takeback.replies",
    "shipped": "generators.checkpoint",
    "write_puzzles": "takeback.files",
    "write_traces": "takeback.files",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> object:
    """A noun, from its home. Raises AttributeError for any other name."""
    if name not in _HOMES:
        raise AttributeError(f"module 'takeback' has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
