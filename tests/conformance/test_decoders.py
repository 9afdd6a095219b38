"""What every decoder must do, over every allowed combination of words, with untrained networks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from csp.errors import BadInput
from csp.trace import replay, to_json
from experiments.rows import ROWS
from generators.decoders import Decoder, parse
from generators.decoding import decode


@st.composite
def decoders(draw):
    """Any allowed combination."""

    from generators import decoders as words

    while True:
        retraction = draw(st.sampled_from(words.WORDS["retraction"]))
        options = {
            "model": draw(st.sampled_from(words.WORDS["model"])),
            "order": draw(st.sampled_from(words.WORDS["order"])),
            "k": draw(st.integers(1, 4)),
            "veto": draw(st.sampled_from(words.WORDS["veto"])),
            "temperature": draw(st.sampled_from([0.0, 1.0])),
            "redraft": draw(st.sampled_from([0.0, 0.7])),
            "retraction": retraction,
            "signal": draw(st.sampled_from(["random", "violations"])) if retraction == "remask" else "none",
            "widen": draw(st.sampled_from([0.0, 0.3])),
            "attempts": draw(st.integers(1, 3)),
            "calls": draw(st.integers(1, 40)),
        }
        if options["model"] == "ar":
            options.update(order="raster", k=1)
        return Decoder(**options)


def conform(decoder, instance, trace):
    states = replay(trace, instance.givens)  # raises if a given changed or an event is impossible
    assert (trace.end == "solved") == bool(instance.solved(states[-1]))
    assert trace.decoder == str(decoder) and trace.instance == instance.id
    if decoder.retraction == "none":
        assert trace.retractions == 0
    if decoder.calls:
        assert trace.costs.calls <= decoder.calls
    commits = np.array([event.call for event in trace.events if event.value])
    assert not len(commits) or np.bincount(commits).max() <= decoder.k
    calls = [event.call for event in trace.events]
    assert calls == sorted(calls) and all(1 <= call <= trace.costs.calls for call in calls)
    if decoder.veto == "legal" and decoder.k == 1:
        for before, event in zip(states, trace.events):
            if event.value:
                near = instance.problem.adjacency[event.cell]
                assert event.value not in before[near]


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
@settings(max_examples=40)
@given(decoder=decoders(), seed=st.integers(0, 5))
def test_any_combination_conforms(tiny_models, few, family, decoder, seed):
    for instance, trace in zip(few[family], decode(decoder, tiny_models[family][decoder.model], few[family], seed)):
        conform(decoder, instance, trace)


@pytest.mark.parametrize("family", ["sudoku4", "colouring"])
@settings(max_examples=15)
@given(decoder=decoders(), seed=st.integers(0, 5), data=st.data())
def test_a_trace_depends_on_instance_decoder_and_seed_alone(tiny_models, few, family, decoder, seed, data):
    model = tiny_models[family][decoder.model]
    together = [to_json(trace) for trace in decode(decoder, model, few[family], seed)]
    alone = [to_json(decode(decoder, model, [instance], seed)[0]) for instance in few[family]]
    order = data.draw(st.permutations(range(len(few[family]))))
    shuffled = decode(decoder, model, [few[family][index] for index in order], seed)
    assert together == alone
    assert [together[index] for index in order] == [to_json(trace) for trace in shuffled]


@pytest.mark.parametrize("name", [name for name, row in ROWS.items() if isinstance(row.spec, Decoder)])
def test_rows_give_the_same_traces_at_batch_sizes_1_and_64(tiny_models, name):
    from csp.generate import draw

    spec = replace(ROWS[name].spec, calls=min(ROWS[name].spec.calls, 30))
    instances = [draw("sudoku4", 2, "test", index) for index in range(64)]
    model = tiny_models["sudoku4"][spec.model]
    together = decode(spec, model, instances, 7)
    alone = [decode(spec, model, [instance], 7)[0] for instance in instances]
    assert [to_json(t) for t in together] == [to_json(t) for t in alone]
    for instance, trace in zip(instances, together):
        conform(spec, instance, trace)


@given(decoders())
def test_spelling_round_trips(decoder):
    assert parse(str(decoder)) == decoder


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("gpt", "no decoder 'gpt'"),
        ("diffusion:order=best", "no order 'best'"),
        ("diffusion:k=0", "at least 1"),
        ("diffusion:k=many", "'many' is not a whole number for k"),
        ("diffusion:speed=9", "'speed=9' is not one of"),
        ("ar:k=2", "next cell only"),
        ("ar:order=random", "next cell only"),
        ("diffusion:retraction=remask,calls=9", "needs a signal"),
        ("diffusion:signal=violations", "only it takes one"),
        ("diffusion:retraction=remask,signal=random", "calls=N"),
        ("diffusion:widen=2", "share"),
        ("diffusion:temperature=nan", "finite|at least 0"),
        ("diffusion:redraft=inf", "finite"),
    ],
)
def test_words_that_do_not_go_together_are_refused(text, words):
    with pytest.raises(BadInput, match=words):
        parse(text)
