"""`takeback conform traces`: run the properties on traces in a file.

    takeback conform traces traces.jsonl --instances puzzles.jsonl
    takeback conform traces traces.jsonl --instances puzzles.jsonl --property end --line 7

Exits with 0 if no property failed and with 1 if one did.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from csp.errors import BadInput
from csp.io.trace_records import from_lenient, from_record
from csp.problem import Instance
from csp.trace import Trace
from experiments.conform.harness import Finding
from experiments.conform.options import Names
from experiments.conform.report import show
from experiments.conform.trace_properties import Claim, draw_result, is_irrevocable, trace_results
from experiments.puzzle_files.options import PuzzleOptions
from experiments.scoring.line_scorer import instance_of, parsed
from experiments.scoring.transcripts.records import records


@dataclass(frozen=True)
class Traces(PuzzleOptions):
    """Test traces: JSON Lines as in docs/bring-your-own.md, section 1."""

    file: Annotated[Path, tyro.conf.Positional]
    """A trace a line."""
    instances: Annotated[Path, tyro.conf.arg(metavar="FILE")]
    """The puzzles that they are about: any format of `takeback instances`."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a .col graph."""
    irrevocable: Names = ()
    """Decoders that claim to take nothing back, besides those whose names say retraction=none."""
    property: Names = ()
    """Only these properties, by the names in the report."""
    line: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Judge this line alone."""


def main(options: Traces) -> None:
    """Run it. Raises BadInput for files that cannot be read; exits with 1 if a property failed."""
    lines = records(options.file)
    instances = options.read_puzzles(options.instances, options.colours, one_kind=False, maybe_none=True)
    claims = [
        (number, _claim(line, f"line {number}", fault, instances, options.irrevocable))
        for number, line, fault in lines
        if options.line in (None, number)
    ]
    named = {claim.trace.decoder for _, claim in claims if isinstance(claim, Claim)}
    for name in options.irrevocable:
        if name not in named:
            raise BadInput(
                f"--irrevocable {name}: no trace is of such a decoder; there are {', '.join(sorted(named)[:12])}"
            )
    if not claims:
        raise BadInput(f"{options.file}: no {'trace' if options.line is None else f'line {options.line}'} in it")
    results = trace_results(claims, options.property)

    begin = shlex.join(["takeback", "conform", "traces", str(options.file), "--instances", str(options.instances)])
    print(f"{options.file}: {len(claims)} trace{'s' * (len(claims) > 1)}\n")
    show(results, lambda name, found: f"{begin} --property {name} --line {found[0]}", draw_result)


def _claim(
    line: str, spot: str, fault: str, instances: Sequence[Instance], irrevocable: Sequence[str]
) -> Claim | Finding:
    """The trace of a line, whether or not its events can have happened; a Finding for a line that holds none."""
    try:
        if fault:
            raise BadInput(f"{spot}: {fault}")
        record = parsed(line, spot)
        instance = instance_of(record, {instance.id: instance for instance in instances}, list(instances))
        trace = _trace(record, instance, spot)
    except BadInput as said:
        return Finding(str(said) if str(said).startswith(spot) else f"{spot}: {said}")
    return Claim(trace, instance, trace.decoder in irrevocable or is_irrevocable(trace.decoder), record)


def _trace(record: dict, instance: Instance, spot: str) -> Trace:
    """As csp.io.trace_records.from_lenient, but events are taken as they are. Raises BadInput for what is no trace."""
    try:
        return from_lenient(record, instance, spot)
    except BadInput:
        events = record.get("events")
        if not isinstance(events, list) or not all(isinstance(event, list) for event in events):
            raise
    numbered = [event if len(event) == 3 else [number, *event] for number, event in enumerate(events, 1)]
    plain = {"decoder": "anonymous", "seed": 0, "end": "stuck", "tokens": 0, "flops": 0.0, "calls": len(numbered)}
    return from_record(plain | record | {"instance": instance.id, "events": numbered}, spot)
