"""Decoders drawn by hypothesis, any words that are allowed together, and batches of puzzles for them to fill.

@given(decoders(("uniform", "net")))
def test_mine(decoder): ...                     # a generators.decoding.spec.Decoder
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from csp.errors import BadInput
from experiments.conform.cases import Batch
from experiments.conform.strategies import puzzles
from generators.decoding.spec import DECODER_DEFAULTS, DECODER_WORDS, REMDM, SCHEDULED, SIGNALLED, Decoder

CHOICES = {
    **{word: st.sampled_from(list(choices)) for word, choices in DECODER_WORDS.items()},
    "k": st.integers(1, 4),
    "threshold": st.sampled_from([0.0, 0.5]),
    "temperature": st.sampled_from([0.0, 1.0]),
    "redraft": st.sampled_from([-1.0, 0.0, 0.7]),
    "widen": st.sampled_from([0.0, 0.3]),
    "anneal": st.sampled_from([0.0, 1.0]),
    "eta": st.sampled_from([0.0, 0.1]),
    "tenure": st.integers(1, 20),
    "noise": st.sampled_from([0.0, 0.2]),
    "attempts": st.integers(0, 3),
    "width": st.integers(1, 3),
    "calls": st.integers(0, 40),
    "tokens": st.sampled_from([0, 300]),
    "edit_above": st.sampled_from([0.3, 0.5]),
    "revise": st.integers(1, 3),
    "backtrack": st.sampled_from([0.1, 0.3]),
    "scatter": st.sampled_from([0.0, 0.5]),
}


@st.composite
def decoders(draw, kinds=tuple(DECODER_WORDS["model"])):
    """Any allowed combination: a model and a retraction, then other words, each kept if the result is allowed."""
    model, retraction = draw(st.sampled_from(kinds)), draw(CHOICES["retraction"])
    base = {
        "model": model,
        "order": DECODER_DEFAULTS[model].order,
        "calls": draw(st.integers(1, 40)),
        "retraction": retraction,
    }
    if retraction in SIGNALLED:
        base["signal"] = draw(CHOICES["signal"].filter(lambda signal: signal != "none"))
    if retraction in REMDM:
        base["order"] = "random"
    if retraction in SCHEDULED:
        base["order"] = "confidence"
    if retraction == "walk":
        base["temperature"] = 1.0
    try:
        decoder = Decoder(**base)
    except BadInput:
        decoder = replace(DECODER_DEFAULTS[model], calls=base["calls"])
    for word in draw(st.permutations(sorted(set(CHOICES) - {"model", "retraction"})))[:9]:
        value = draw(CHOICES[word])
        try:
            decoder = replace(decoder, **{word: value})
        except BadInput:
            continue
    return decoder


COLOURS = 3  # of the graphs of a batch, whose boards have one number of values


def headless(decoder: Decoder) -> bool:
    """Whether it needs a model alone, as a user's is: no trained head beside it, no answers about filled cells."""
    learned = decoder.signal == "quality" or "learned" in (decoder.retraction, decoder.order)
    return not learned and not decoder.rereads


@st.composite
def batches(draw, names, decoder=None, most=3):
    """Batches of up to `most` puzzles of one of those families, and that decoder, or any of a user's model ("net")."""
    name = draw(st.sampled_from(names))
    instances = draw(st.lists(puzzles(name, colours=COLOURS), min_size=1, max_size=most))
    if decoder is None:  # nobody's model brings heads along
        decoder = draw(decoders(("net",)).filter(headless))
    return Batch(tuple(instances), draw(st.integers(0, 9)), draw(st.integers(0, 6)), decoder)
