"""What the traces of a decoder must be: true to its words, within its budget, the same whatever stands beside them.

>>> trace_of_decoder_fault(decoder, instance, trace) is None
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from csp.io.trace_records import to_json
from csp.problem import Instance
from csp.trace import Trace, replay
from experiments.conform.harness import Finding
from experiments.conform.trace_properties import trace_fault
from generators.decoding.spec import REMDM, REVISING, TREE, Decoder


def neighbours_fault(
    run: Callable[[Sequence[Instance]], list[Trace]], instances: Sequence[Instance], order: Sequence[int], alone: int
) -> Finding | None:
    """Which instance has another trace when all are run in that order, or (the first `alone` of it) by itself."""
    together = list(map(to_json, run(instances)))
    moved = list(map(to_json, run([instances[number] for number in order])))
    for place, number in enumerate(order):
        if moved[place] != together[number]:
            return Finding(f"board {number + 1} has another trace in a batch of the same boards in another order")
        if place < alone and to_json(run([instances[number]])[0]) != together[number]:
            return Finding(f"board {number + 1} has another trace beside its neighbours than alone")
    return None


def trace_of_decoder_fault(decoder: Decoder, instance: Instance, trace: Trace) -> Finding | None:
    """What is wrong with a trace that the decode loop made for a decoder; None if nothing is."""
    if fault := trace_fault(trace, instance, irrevocable=decoder.retraction == "none"):
        return fault
    own = str(decoder).removeprefix("net") if decoder.model == "net" else str(decoder)  # after a model's own name
    if not trace.decoder.endswith(own) or trace.instance != instance.id:
        return Finding(f"it is said to be of {trace.decoder} on {trace.instance}")
    return over_budget(decoder, instance, trace) or _against_its_words(decoder, instance, trace)


def over_budget(decoder: Decoder, instance: Instance, trace: Trace) -> Finding | None:
    """Whether more calls were made than the decoder may make."""
    per_call = decoder.width if decoder.retraction == "beam" else 1
    review = instance.blanks if decoder.signal == "left-out" else 1  # a signal that asks the model costs calls
    asks = decoder.signal != "none" or decoder.retraction == "critic"
    most = decoder.calls + per_call - 1 + (review if asks else 0)
    if decoder.calls and trace.costs.calls > most:
        return Finding(f"{trace.costs.calls} calls; the decoder may make {most}")
    return None


def takes_nothing_back(decoder: Decoder, instance: Instance, trace: Trace) -> Finding | None:
    """Whether a decoder without retraction retracts."""
    if decoder.retraction == "none" and trace.retractions:
        return Finding(f"retraction=none, but {trace.retractions} cells are taken back")
    return None


def _against_its_words(decoder: Decoder, instance: Instance, trace: Trace) -> Finding | None:
    """An event before any call, a call that commits more than k cells, a commit that the veto rules out. The latter two
    may be what a search restores of another board of its.
    """
    if len(trace.events) and trace.events[0].call < 1:
        return Finding("its first event is before any call")
    if decoder.retraction in (*TREE, *REMDM, "beam"):
        return None
    commits = np.array([event.call for event in trace.events if event.value])
    many = decoder.threshold or decoder.retraction in REVISING  # replaced values are committed beside the k
    if not many and len(commits) and np.bincount(commits).max() > decoder.k:
        return Finding(f"call {np.bincount(commits).argmax()} commits more than k={decoder.k} cells")
    if decoder.veto != "none":
        for before, event in zip(replay(trace, instance.givens), trace.events):
            if event.value and event.value in before[instance.problem.adjacency[event.cell]]:
                return Finding(f"veto={decoder.veto}, but cell {event.cell} was committed to a neighbour's value")
    return None
