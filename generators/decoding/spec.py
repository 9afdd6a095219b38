"""Decoders by name: which model, which order, which veto, which retraction, which signal, and a budget.

    >>> parse("diffusion:order=confidence,k=4,veto=legal,retraction=remask,signal=violations,calls=200")
    Decoder(model='diffusion', order='confidence', k=4, ...)

order says which blank cells are filled next, veto which values are ruled out first (and with that what a failure
is seen by), retraction what is taken back, signal what retraction may look at. Every row of a table thus states the
four separately. `takeback decoders` prints the words below and what each of them does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace

from csp import specs
from csp.errors import BadInput

#: word: its choices, each with what it does.
DECODER_WORDS: dict[str, dict[str, str]] = {
    "model": {
        "uniform": "no network: every value is equally likely",
        "exact": "exact conditionals by counting all solutions (small instances); noise=E spoils a share E of them",
        "ar": "autoregressive network, trained and decoded in raster order",
        "ar-random": "autoregressive network trained on random orders: may be asked about any blank cell",
        "ar-solver": "autoregressive network trained and decoded in solver order",
        "ar-written": "autoregressive network trained on depth-first traces: it writes its own undo",
        "ar-inplace": "AR on random orders behind a prompt that holds the blank cells too",
        "ar-inplace-supervised": "the same; the prompt's blanks have learned their values",
        "diffusion": "masked-diffusion network: every call reads the whole board and speaks about every blank cell",
        "diffusion-blind": "the same, but no token may look at a blank cell's",
        "diffusion-causal": "the same, but a commit sees the clues and earlier commits only",
        "diffusion-raster": "the same as diffusion, trained on raster prefixes",
        "net": "the network at hand, whatever its words (takeback factors)",
        "hf": "Hugging Face language model in a folder of yours: hf:PATH, then its words (docs/hugging-face.md)",
    },
    "order": {
        "raster": "lowest cell first",
        "random": "any blank cell",
        "fewest": "fewest values that the veto leaves (legal ones without a veto)",
        "solver": "cells that a naked or hidden single settles, then fewest legal values, then most blank neighbours",
        "confidence": "highest probability of the value chosen",
        "margin": "largest gap between the two likeliest values (Kim et al. 2025)",
        "entropy": "lowest entropy of the values",
        "learned": "the cell that a trained head says, by the network's answers",
    },
    "veto": {
        "none": "nothing is ruled out; a failure is seen when the board is full and wrong",
        "legal": "values that a committed neighbour holds; a failure is a blank cell that has none left",
        "propagate": "also values after which unit propagation empties a cell; a failure is when that happens anyway",
        "singles": "the same with hidden singles (a value with one cell left)",
        "oracle": "values that no solution has there (upper bound); a failure is a dead board",
    },
    "retraction": {
        "none": "nothing is ever taken back",
        "restart": "after a failure everything; attempts=N in all (best of N; 0: until the budget is spent)",
        "beam": "width=W boards side by side, the likeliest kept; each of them costs a call",
        "rewind": "rewind to the first suspect: it and all that was committed after it",
        "worst": "rewind to the most suspect commit (stored: the least confident) with a value left, take its next one",
        "depth": "depth-first search: rewind to the last commit with a value left, take its next value",
        "best-first": "best-first search over all values left anywhere, by log-probability lost (signal=random: any)",
        "remask": "blank the suspects alone, wherever they are",
        "cap": "ReMDM: any visible cell, at rate min(eta, most) (Wang et al. 2025)",
        "rescale": "ReMDM: at rate eta * most",
        "conf": "ReMDM: rates by softmax of minus the stored confidence, times most",
        "loop": "ReMDM: nine tenths visible are held for half the calls while 2 % are remasked a call",
        "learned": "after each call, each committed cell with the chance that a trained head gives it",
        "written": "what the network writes as undo",
        "edit": "a committed value is replaced where another has more than edit_above (LLaDA 2.1's editing)",
        "correct": "each call, the `revise` most suspect committed cells are drawn anew (informed corrector)",
        "rethink": "every cell is predicted anew each call, the surest are kept (Ye et al. 2025)",
        "p2": "path planning: the least likely are blanked, filled ones too, scored times eta (Peng et al. 2025)",
        "critic": "all blanks are filled, then the cells that a head doubts most blanked (Token-Critic; a call)",
        "walk": "VGB: after each call the last commit goes with a chance that rises as values run out",
    },
    "signal": {
        "none": "retraction looks at nothing",
        "random": "placebo: as many cells as the signal of `dose` would take, chosen at random",
        "stored": "lowest probability at the time of the commit",
        "left-out": "lowest probability given all other cells (a call a cell)",
        "quality": "lowest by a head trained to tell right from wrong (PRISM; needs its checkpoint; a call)",
        "reread": "lowest probability that a network trained on wrong cells gives what stands there (a call)",
        "violations": "cells in visible conflict, or around a blank cell that has no value left",
        "neighbourhood": "those and all their neighbours",
        "core": "commits that cannot stand together, by the oracle (upper bound)",
    },
    "memory": {
        "none": "what was taken back may be written again at once",
        "tabu": "not for `tenure` retractions, unless nothing else is left there",
        "nogoods": "commits that the oracle's core said cannot stand together are not completed again (upper bound)",
    },
    "dose": {
        "violations": "how many cells a ranking signal takes: as many as are in visible conflict",
        "neighbourhood": "as many as the neighbourhood signal would take",
        "core": "as many as the core signal would take",
        "one": "one",
    },
}
#: Old names of values, each with its new one. Random numbers are still hashed from the old ones (Decoder.stream).
RENAMED = {"retraction": {"discrepancy": "best-first", "local": "remask", "first": "rewind"}}
PLACED = ("hf",)  # models that are named with where they are: hf:PATH
AR_ONE = ("ar", "ar-solver", "ar-written")  # networks that speak about one cell, in the order they are trained for
ORDER_OF = {"ar": "raster", "ar-solver": "solver", "ar-written": "solver"}
STATIC = ("raster", "random", "fewest", "solver")  # orders that need no answer of the model
REMDM = ("cap", "rescale", "conf", "loop")
TREE = ("worst", "depth", "best-first")  # retractions that go on with the next value
SCHEDULED = ("rethink", "p2", "critic")  # how much is blank falls linearly with the calls (decoding/revisions.py)
REVISING = ("edit", "correct", *SCHEDULED)  # retractions that replace values, on boards that no sign says are lost
WITHOUT_SIGN = (*REMDM, *REVISING)  # take back whatever the board looks like, until it is right or the budget is spent
RANKING = ("random", "stored", "left-out", "quality", "reread")  # signals that rank; the others point
SIGNALLED = ("rewind", "worst", "remask", "correct")  # retractions that look at a signal
#: Retractions that may look at a signal, and do without it: at random they are their own placebo.
OPTIONAL = {
    "best-first": ("random",),
    "learned": ("random",),
    "edit": ("random",),
    "walk": ("random",),
    "rethink": ("random",),
    "p2": ("random", "quality"),
    "critic": ("random", "quality"),
}
#: Models that speak about filled cells too.
REREAD = ("uniform", "diffusion", "diffusion-blind", "diffusion-causal", "diffusion-raster", "net")
ETA = {"cap": 0.008, "rescale": 0.015}


@dataclass(frozen=True)
class Decoder:
    """A decoding policy. Raises BadInput for words that do not exist or do not go together.

    k: cells committed a call, those of highest priority first; threshold: and every other whose value has at least this
    probability (0: off). With a veto, a cell whose value the others of its call have made illegal is left for later.
    temperature: 0 takes the likeliest value; otherwise values are sampled at it. redraft: the same, for everything
    after the first retraction (-1: as temperature).
    widen: remask takes this share of the other committed cells, chosen at random, too; anneal: the part of it that is
    gone, linearly, by the end of the budget. eta: ReMDM's rate (0: the paper's).
    loops: how often the network's blocks are run over (0: as in training).
    edit_above: what an edit's probability exceeds; revise: cells that correct draws anew a call; backtrack: walk's
    weight of the way back; scatter: scale of the Gumbel noise on the scores of rethink, p2 and critic, which falls with
    the blanks (Ye et al.: 0.5).
    calls, tokens, seconds: the budget, after which no call begins (0: no limit); seconds are measured, so that traces
    under such a budget are not the same from run to run.
    """

    model: str
    order: str = "raster"
    k: int = 1
    threshold: float = 0.0
    veto: str = "none"
    temperature: float = 0.0
    retraction: str = "none"
    signal: str = "none"
    memory: str = "none"
    dose: str = "violations"
    attempts: int = 10
    width: int = 4
    redraft: float = -1.0
    widen: float = 0.0
    anneal: float = 0.0
    tenure: int = 10
    eta: float = 0.0
    noise: float = 0.0
    loops: int = 0
    calls: int = 0
    tokens: int = 0
    seconds: float = 0.0
    edit_above: float = 0.5
    revise: int = 1
    backtrack: float = 0.3
    scatter: float = 0.0

    def __post_init__(self) -> None:
        for word, choices in DECODER_WORDS.items():
            specs.one_of(word, model_word(self.model) if word == "model" else getattr(self, word), choices)
        if fault := next((say for wrong, say in _faults(self) if wrong), None):
            raise BadInput(fault)

    def __str__(self) -> str:
        """The spelling that parse reads; fields at their defaults are left out."""
        plain = replace(DECODER_DEFAULTS[model_word(self.model)], model=self.model)
        return specs.format(self.model, self, plain)

    @property
    def stream(self) -> str:
        """What random numbers are hashed from: the spelling under the old names, so that a new name moves no trace."""
        text = str(self)
        for word, names in RENAMED.items():
            for old, new in names.items():
                text = text.replace(f"{word}={new}", f"{word}={old}")
        return text

    @property
    def limited(self) -> bool:
        """Whether there is a budget."""
        return bool(self.calls or self.tokens or self.seconds)

    @property
    def rereads(self) -> bool:
        """Whether the model is asked about filled cells."""
        by_itself = self.retraction == "critic" and self.signal == "none"
        return self.retraction in ("edit", "rethink", "p2") or by_itself or self.signal == "reread"

    def heat(self, redrafting: bool) -> float:
        """The temperature, before or after the first retraction."""
        return self.redraft if redrafting and self.redraft >= 0 else self.temperature


def _faults(a: Decoder):
    """(whether it is so, what is wrong with it), most basic first."""
    # Numbers first, then what the model can do, what the retraction needs, and words that would change nothing.
    plain = {f.name: f.default for f in fields(Decoder)}

    def changed(*names: str) -> bool:
        return any(getattr(a, name) != plain[name] for name in names)

    many = a.k != 1 or a.threshold != 0
    yield min(a.k, a.width, a.tenure, a.revise) < 1, "k, width, tenure and revise are at least 1"
    yield (
        min(a.attempts, a.calls, a.tokens, a.seconds, a.temperature, a.eta, a.loops, a.scatter) < 0,
        ("attempts, calls, tokens, seconds, temperature, eta, loops and scatter are at least 0"),
    )
    yield (
        any(not 0 <= share <= 1 for share in (a.widen, a.anneal, a.threshold, a.noise, a.edit_above, a.backtrack))
        or (a.eta > 1 and a.retraction != "p2"),
        ("widen, anneal, threshold, noise, edit_above, backtrack and (but of p2) eta are shares from 0 to 1"),
    )
    yield (
        a.model in AR_ONE and (a.order != ORDER_OF[a.model] or many),
        (f"model {a.model} speaks of its next cell only: order={ORDER_OF.get(a.model)}, k=1, no threshold"),
    )
    yield (
        (a.model == "ar-written") != (a.retraction == "written"),
        ("retraction=written and model ar-written go together: the network writes what it takes back"),
    )
    yield a.noise > 0 and a.model != "exact", "noise goes with model exact"
    yield a.loops > 0 and a.model in ("uniform", "exact"), "loops goes with a network"
    yield a.loops > 0 and model_word(a.model) in PLACED, "loops goes with this package's networks"
    signalled = a.retraction in SIGNALLED
    yield (
        signalled and a.signal == "none",
        (f"retraction={a.retraction} needs a signal: {', '.join(w for w in DECODER_WORDS['signal'] if w != 'none')}"),
    )
    optional = OPTIONAL.get(a.retraction, ())
    yield (
        a.signal != "none" and not signalled and a.signal not in optional,
        (
            f"only retraction={', '.join(SIGNALLED)} look at a signal of any kind"
            + f"; {a.retraction} looks at signal={' or '.join(optional)} alone" * bool(optional)
        ),
    )
    yield (
        a.rereads and a.model not in REREAD,
        f"retraction={a.retraction},signal={a.signal} asks about filled cells too: models {', '.join(REREAD)}",
    )
    yield (
        a.retraction == "learned" and (not a.calls or a.tokens or a.seconds),
        "retraction=learned runs for a number of calls: calls=N, no other budget",
    )
    yield (
        a.dose != "violations" and (a.signal not in RANKING or a.retraction not in ("rewind", "remask")),
        (f"dose goes with retraction=rewind or remask and a signal that ranks: {', '.join(RANKING)}"),
    )
    yield (
        a.memory != "none" and a.retraction not in ("restart", "rewind", "remask", "learned"),
        ("memory goes with retraction=restart, rewind, remask and learned: trees never write the same thing twice"),
    )
    yield (
        a.memory == "tabu" and a.retraction == "restart",
        "memory=tabu goes with retraction=rewind, remask and learned",
    )
    yield (
        a.memory == "nogoods" and a.retraction == "learned",
        "memory=nogoods asks what is wrong with boards that are lost; retraction=learned goes back from others too",
    )
    yield changed("tenure") and a.memory != "tabu", "tenure goes with memory=tabu"
    yield changed("attempts") and a.retraction != "restart", "attempts goes with retraction=restart"
    yield changed("width") and a.retraction != "beam", "width goes with retraction=beam"
    yield changed("widen", "anneal") and a.retraction != "remask", "widen and anneal go with retraction=remask"
    yield (
        changed("redraft") and a.retraction not in ("restart", "rewind", "remask"),
        ("redraft goes with retraction=restart, rewind and remask"),
    )
    yield changed("eta") and a.retraction not in (*ETA, "p2"), "eta goes with retraction=cap and rescale, and p2"
    yield changed("edit_above") and a.retraction != "edit", "edit_above goes with retraction=edit"
    yield changed("revise") and a.retraction != "correct", "revise goes with retraction=correct"
    yield changed("backtrack") and a.retraction != "walk", "backtrack goes with retraction=walk"
    yield changed("scatter") and a.retraction not in SCHEDULED, f"scatter goes with retraction={', '.join(SCHEDULED)}"
    yield (
        a.retraction in (*TREE, "beam", "written") and a.temperature > 0,
        (f"retraction={a.retraction} takes the likeliest value that is left: temperature=0"),
    )
    yield a.order == "learned" and a.retraction == "beam", "retraction=beam asks no learned order"
    yield a.retraction == "beam" and many, "retraction=beam commits one cell a call: k=1, no threshold"
    yield (
        a.retraction in REMDM and (a.order != "random" or many or a.model in AR_ONE),
        (
            f"retraction={a.retraction} draws which cells are filled itself: order=random, k=1, "
            f"and a model that speaks about every cell"
        ),
    )
    yield (
        a.retraction in SCHEDULED and (a.order != "confidence" or many),
        f"retraction={a.retraction} keeps the cells of the highest scores, however many: order=confidence, k=1",
    )
    yield (
        a.retraction in REVISING and a.model in AR_ONE,
        f"retraction={a.retraction} asks about any cell; model {a.model} speaks about the next one alone",
    )
    yield a.retraction == "walk" and many, "retraction=walk commits one cell a call: k=1, no threshold"
    yield a.retraction == "walk" and not a.temperature, "retraction=walk samples its values: temperature=1"
    yield (
        a.retraction in (*REMDM, *SCHEDULED) and (not a.calls or a.tokens or a.seconds),
        (f"retraction={a.retraction} runs for a number of calls: calls=N, no other budget"),
    )
    for_ever = (*SIGNALLED, *TREE, "written", "edit", "walk")
    endless = a.retraction in for_ever or (a.retraction == "restart" and not a.attempts)
    yield endless and not a.limited, f"retraction={a.retraction} needs a budget: calls=N, tokens=N or seconds=S"
    yield a.anneal > 0 and not a.calls, "anneal follows the calls: calls=N"


def parse(text: str) -> Decoder:
    """A Decoder from "model:word=value,..." or "hf:PATH:word=value,...". Raises BadInput, naming what is wrong."""
    model, words = split(text)
    known = f"{model_word(model)}:{words}"
    try:
        made = specs.parse(known, DECODER_DEFAULTS, "decoder", ("model",), RENAMED)
    except BadInput as fault:
        raise BadInput(str(fault).replace(repr(known), repr(text), 1)) from None
    return made if model in DECODER_DEFAULTS else replace(made, model=model)


def model_word(model: str) -> str:
    """The word of DECODER_WORDS that a model goes under: "hf" for "hf:PATH", for any other itself."""
    word = model.partition(":")[0]
    return word if word in PLACED else model


def split(text: str) -> tuple[str, str]:
    """(model, words) of a spelling. What stands behind the last colon of a place is words if it reads like them."""
    word, _, rest = text.partition(":")
    if word not in PLACED or not rest:
        return word, rest
    place, colon, last = rest.rpartition(":")
    if all(re.fullmatch(r"[a-z]+=[^/\\]*", part) for part in last.split(",")) or (colon and not last):
        return f"{word}:{place}" if place else word, last
    return text, ""


#: model: its decoder with the default words.
DECODER_DEFAULTS = {
    model: Decoder(model) for model in DECODER_WORDS["model"] if model not in ("ar-solver", "ar-written")
}
DECODER_DEFAULTS["ar-solver"] = Decoder("ar-solver", "solver")
DECODER_DEFAULTS["ar-written"] = Decoder("ar-written", "solver", retraction="written", calls=2000)
