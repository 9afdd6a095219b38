"""The rows of the main table: every solver and decoder by a short name, and which of them can run here.

A row's decoder may also be spelled out (generators/decoding/spec.py), as in "diffusion:order=margin,k=2".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from csp import specs
from csp.errors import BadInput
from csp.problem import Instance
from csp.trace import Trace
from experiments.cli.terminal import console
from generators.decoding.spec import DECODER_WORDS, PLACED, RENAMED, Decoder, model_word, parse, split

GROUPS = (
    "no learning",
    "solvers",
    "autoregression, irrevocable",
    "autoregression that retracts",
    "diffusion, irrevocable",
    "diffusion that retracts",
    "your language model, irrevocable",
    "your language model that retracts",
)
BUDGET = 100  # network calls a board for diffusion rows that retract; each call reads every cell
#: Calls a cell without a network: on 9x9 AR that goes back reads 3.3 tokens a call, so that BUDGET tokens a cell are
#: 30 calls. On 6x6 it reads 1.5, and neither runs out.
TWIN_BUDGET = 30


@dataclass(frozen=True)
class Row:
    """One row of the table. spec: a solver's name, or a Decoder.

    budget_a_cell: a budget of tokens that grows with the board, so that an AR row may read as many tokens as a
    diffusion row does within that many calls. A row without a network reads none: it gets so many calls a cell.
    """

    name: str
    group: str
    spec: str | Decoder
    about: str
    budget_a_cell: int = 0

    def sized(self, instances: Sequence[Instance]) -> Row:
        """The row with its budget for boards of these instances' size (the largest of them)."""
        if not self.budget_a_cell:
            return self
        cells = max(instance.problem.n for instance in instances)
        budget = "calls" if self.spec.model == "uniform" else "tokens"
        return replace(self, spec=replace(self.spec, **{budget: self.budget_a_cell * cells}), budget_a_cell=0)


def _local(k: int, signal: str) -> Decoder:
    """Redrafts are sampled, at one temperature for signal and placebo: greedy ones freeze, and only the placebo would
    be spared by the noise of its choice."""
    return Decoder("diffusion", "confidence", k, retraction="remask", signal=signal, redraft=1.0, calls=BUDGET)


def _rows() -> list[Row]:
    plain, solving, ar, undoing, still, remasking, *_ = GROUPS
    rows = [
        Row("uniform-raster", plain, Decoder("uniform", veto="legal", temperature=1.0), "random legal value"),
        Row(
            "no-net-raster",
            plain,
            Decoder("uniform", veto="legal", retraction="best-first", calls=36 * TWIN_BUDGET),
            "no-net twin of ar-best-first: the same order, rule and search, about as many calls, no network",
            TWIN_BUDGET,
        ),
        Row("dsatur", plain, "dsatur", "fewest values first, lowest legal value"),
        Row("min-conflicts", plain, "min-conflicts", "repairs a full board cell by cell"),
        Row("depth-first", plain, "depth-first", "backtracking, fewest values first"),
        Row("cp-sat", solving, "cp-sat", "OR-Tools"),
        Row("python-constraint", solving, "python-constraint", "its BacktrackingSolver"),
        Row("ar", ar, Decoder("ar"), "raster, greedy"),
        Row("ar-legal", ar, Decoder("ar", veto="legal"), "raster, greedy among legal values"),
        Row("ar-solver", ar, Decoder("ar-solver", "solver"), "trained and decoded in solver order, greedy"),
        Row("ar-any", ar, Decoder("ar-random", "confidence"), "trained on random orders; the surest blank cell first"),
        Row(
            "ar-best-of-10",
            undoing,
            Decoder("ar", temperature=1.0, retraction="restart", attempts=10),
            "sampled, up to 10 restarts until right",
        ),
        Row(
            "ar-best-first",
            undoing,
            Decoder("ar", veto="legal", retraction="best-first", tokens=36 * BUDGET),
            "back to the alternative that loses least",
            BUDGET,
        ),
        Row(
            "ar-any-best-first",
            undoing,
            Decoder("ar-random", "confidence", veto="legal", retraction="best-first", tokens=36 * BUDGET),
            "the same, the surest blank cell first",
            BUDGET,
        ),
        Row(
            "ar-written",
            undoing,
            Decoder("ar-written", "solver", retraction="written", tokens=36 * BUDGET),
            "writes its own undo, no checker",
            BUDGET,
        ),
    ]
    for order in ("raster", "random", "confidence", "margin"):
        rows.append(Row(f"diffusion-{order}", still, Decoder("diffusion", order), f"{order} order, 1 cell a call"))
    for k in (4, 8):
        spec = Decoder("diffusion", "confidence", k)
        rows.append(Row(f"diffusion-confidence-{k}", still, spec, f"confidence order, {k} cells a call"))
    legal = Decoder("diffusion", "confidence", veto="legal")
    rows.append(Row("diffusion-legal", still, legal, "confidence order, 1 cell a call, legal values"))
    sure = replace(legal, threshold=0.9, calls=BUDGET)
    rows += [
        Row(
            "best-first",
            remasking,
            replace(sure, retraction="best-first"),
            "all cells above 90 % a call; back to the alternative that loses least",
        ),
        Row(
            "best-first-placebo",
            remasking,
            replace(sure, retraction="best-first", signal="random"),
            "the same, back to any alternative",
        ),
    ]
    for k in (1, 4, 8):
        cells = f"{k} cell{'s' * (k > 1)} a call"
        rows.append(Row(f"remask-{k}", remasking, _local(k, "violations"), f"violated cells, {cells}"))
        rows.append(Row(f"placebo-{k}", remasking, _local(k, "random"), f"as many at random, {cells}"))
    return rows


ROWS = {row.name: row for row in _rows()}
#: What `takeback ceiling` runs and shows unless told otherwise, each in plain words.
FIRST_SCREEN = {
    "ar": "AR",
    "ar-best-first": "AR goes back",
    "no-net-raster": "  no network",
    "diffusion-raster": "diffusion raster",
    "diffusion-confidence": "diffusion surest first",
    "best-first": "diffusion goes back",
    "best-first-placebo": "  placebo",
    "depth-first": "solver, depth-first",
}


def group_of(spec: Decoder) -> str:
    """The group of the table that a decoder belongs to."""
    if spec.model in ("uniform", "exact"):
        return GROUPS[0]
    first = 6 if model_word(spec.model) in PLACED else 4 if spec.model == "diffusion" else 2
    return GROUPS[first + (spec.retraction != "none")]


#: Rows of `takeback frontier`: spellings, all with one budget. Twins with another signal differ in nothing else.
FRONTIER_SPECS = {
    "free-depth": ("uniform:order=solver,veto=legal,retraction=depth", "the same search without a network"),
    "ar": ("ar:veto=legal", "raster, greedy"),
    "ar-restart": ("ar:veto=legal,temperature=1,retraction=restart", "sampled until right"),
    "ar-beam": ("ar:veto=legal,retraction=beam,width=16", "beam search"),
    "ar-depth": ("ar:veto=legal,retraction=depth", "depth-first"),
    "ar-best-first": ("ar:veto=legal,retraction=best-first", "best-first search over the values left"),
    "ar-solver": ("ar-solver:veto=legal", "solver order, greedy"),
    "ar-solver-best-first": ("ar-solver:veto=legal,retraction=best-first", "the same, best first"),
    "ar-any": ("ar-random:order=confidence,veto=legal", "asked about every blank cell, the surest first"),
    "ar-any-best-first": ("ar-random:order=confidence,veto=legal,retraction=best-first", "the same, best first"),
    "ar-written": ("ar-written", "writes its own undo, no checker"),
    "still": ("diffusion:order=confidence,veto=legal", "nothing retracted, one cell a call"),
    "still-90": ("diffusion:order=confidence,threshold=0.9,veto=legal", "nothing retracted, all cells above 90 %"),
    "restart": ("diffusion:order=confidence,threshold=0.9,veto=legal,temperature=1,retraction=restart", "until right"),
    "remask": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=remask,signal=violations,widen=0.3,redraft=1",
        "violated cells and 30 % of the others",
    ),
    "remask-placebo": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=remask,signal=random,widen=0.3,redraft=1",
        "as many at random",
    ),
    "worst": ("diffusion:order=confidence,threshold=0.9,veto=legal,retraction=worst,signal=stored", "least confident"),
    "worst-placebo": ("diffusion:order=confidence,threshold=0.9,veto=legal,retraction=worst,signal=random", "any"),
    "depth": ("diffusion:order=confidence,threshold=0.9,veto=legal,retraction=depth", "depth-first"),
    "best-first": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=best-first",
        "best-first search over the values left",
    ),
    "best-first-placebo": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=best-first,signal=random",
        "the same, back to any alternative",
    ),
    "ar-best-first-placebo": ("ar:veto=legal,retraction=best-first,signal=random", "AR, back to any alternative"),
    "ar-any-best-first-placebo": (
        "ar-random:order=confidence,veto=legal,retraction=best-first,signal=random",
        "AR on random orders, back to any alternative",
    ),
    "worst-quality": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=worst,signal=quality",
        "what the quality head trusts least (PRISM)",
    ),
    "worst-core": (
        "diffusion:order=confidence,threshold=0.9,veto=legal,retraction=worst,signal=core",
        "least confident of the oracle's core (upper bound)",
    ),
    "remdm-conf": ("diffusion:order=random,veto=legal,temperature=1,retraction=conf", "ReMDM"),
    "remdm-loop": ("diffusion:order=random,veto=legal,temperature=1,retraction=loop", "ReMDM"),
    "free-propagate-depth": ("uniform:order=solver,veto=propagate,retraction=depth", "no network, depth-first"),
    "still-propagate": ("diffusion:order=confidence,veto=propagate", "nothing retracted, one cell a call"),
    "depth-propagate": (
        "diffusion:order=confidence,threshold=0.9,veto=propagate,retraction=depth",
        "depth-first",
    ),
    "best-first-propagate": (
        "diffusion:order=confidence,threshold=0.9,veto=propagate,retraction=best-first",
        "best-first search over the values left",
    ),
    "best-first-propagate-placebo": (
        "diffusion:order=confidence,threshold=0.9,veto=propagate,retraction=best-first,signal=random",
        "the same, back to any alternative",
    ),
    "ar-propagate": ("ar:veto=propagate", "AR, raster, greedy"),
    "ar-best-first-propagate": (
        "ar:veto=propagate,retraction=best-first",
        "AR, best-first over the values left",
    ),
    "ar-best-first-propagate-placebo": (
        "ar:veto=propagate,retraction=best-first,signal=random",
        "AR, back to any alternative",
    ),
    "free-singles": ("uniform:order=solver,veto=singles,temperature=1", "no network, nothing retracted"),
    "free-singles-depth": ("uniform:order=solver,veto=singles,retraction=depth", "the same, depth-first"),
    "still-singles": ("diffusion:order=confidence,veto=singles", "nothing retracted, one cell a call"),
    "best-first-singles": (
        "diffusion:order=confidence,threshold=0.9,veto=singles,retraction=best-first",
        "best-first search over the values left",
    ),
}


def _budgeted(text: str) -> Decoder:
    """A spelling that may lack its budget, with a provisional one."""
    try:
        return parse(text)
    except BadInput as fault:
        try:
            model, words = split(text)
            return parse(f"{model}:{words},calls=1000" if words else f"{model}:calls=1000")
        except BadInput:
            raise fault from None


FRONTIER = {
    name: Row(name, group_of(spec := _budgeted(text)), spec, about) for name, (text, about) in FRONTIER_SPECS.items()
}


#: Old names of rows that were named after a retraction's old word.
OLD_ROWS = {name.replace("best-first", "discrepancy"): name for name in (*ROWS, *FRONTIER) if "best-first" in name}
OLD_ROWS |= {"local": "remask", "local-placebo": "remask-placebo"}


def modern_name(name: str) -> str:
    """A row's name or spelling under the present names ("NAME@100": of the frontier's rows that follow a budget)."""
    bare, at, budget = name.partition("@")
    return OLD_ROWS.get(bare, specs.modern(bare, RENAMED)[0]) + at + budget


def modern_trace(trace: Trace) -> Trace:
    """The trace with its decoder spelled under the present names."""
    return replace(trace, decoder=specs.modern(trace.decoder, RENAMED)[0])


def modern_identity(identity: dict) -> dict:
    """What a run depends on, its decoders under the present names."""
    if "seed" in identity:  # networks answered in float64 before it was an option
        identity = {"precision": "float64", **identity}
    if "decoders" not in identity:
        return identity
    decoders = {modern_name(name): specs.modern(text, RENAMED)[0] for name, text in identity["decoders"].items()}
    return {**identity, "decoders": decoders}


def _present(name: str) -> str:
    """The present name of a row that a user named or spelled; an old one is said once."""
    if name in OLD_ROWS:
        console.print(f"note: {name} is called {OLD_ROWS[name]} now; the old name works for one more release")
        return OLD_ROWS[name]
    text, notices = specs.modern(name, RENAMED)
    for notice in notices:
        console.print(f"note: {notice}")
    return text


def chosen(names: Sequence[str], table: Mapping[str, Row] | None = None) -> list[Row]:
    """The rows of those names, or all of the table if there are none. Raises BadInput for an unknown one.

    table: ROWS unless told otherwise. In others (the frontier's), spellings may lack a budget. Old names are read, with
    a notice.
    """
    table, read = (ROWS, parse) if table is None else (table, _budgeted)
    rows: dict[str, Row] = {}
    for name in map(_present, names) if names else table:
        if name in table:
            rows[name] = table[name]
        elif ":" in name or name in DECODER_WORDS["model"]:
            spec = read(name)
            if spec.model in PLACED:
                raise BadInput(f"decoder {name!r}: where is the model? {spec.model}:PATH:word=value,...")
            rows[name] = Row(name, group_of(spec), spec, str(spec))
        else:
            raise BadInput(
                f"no decoder {name!r}; there are {', '.join(table)}, or one spelled out like {ROWS['remask-4'].spec}"
            )
    return list(rows.values())


def irrevocable(row: Row) -> bool:
    """Whether the row commits one by one and by its rules never takes back."""
    return row.spec == "dsatur" if isinstance(row.spec, str) else row.spec.retraction == "none"


def steps_unseen(row: Row) -> bool:
    """Whether the row is a solver that shows its solution alone, so that nothing is known of its dead ends."""
    return row.spec in ("cp-sat", "python-constraint")
