"""The story that `takeback site` tells: five scenes, with traces of the shipped networks and figures of kept runs.

    python -m experiments.page.story           # writes built/story.json, which the package ships

Boards are found by rules that are written down here, not by eye: the first of a shipped stratum on which what the scene
speaks of happens. One board shows what can happen; how often it does is said by the kept runs' figures beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from csp.io import shipped_sets
from csp.io.files import read_text, write_atomically
from csp.problem import Instance
from csp.trace import Trace
from experiments.engine.decoder_catalogue import ROWS
from experiments.markdown.fill import filled
from experiments.page import build
from experiments.page.payload import puzzle_record, trace_record
from experiments.page.probabilities import Recording
from experiments.scoring.scorer import score
from generators import checkpoint
from generators.decoding.loop import decode
from generators.decoding.spec import Decoder
from generators.models.uniform import Uniform
from solvers.oracles.pick import pick

PLACE = build.BUILT / "story.json"
ROOT = Path(__file__).parents[2]
SEED = 0
LOOKED_AT = 40  # puzzles of a stratum among which a scene's board is found
LEAST_LAG = 6  # commits that a scene's lost board goes on unknowing
#: Scene: its title, its sentence, the claim of RESULTS.md that it rests on (its first words).
SCENES = [
    (
        "You are the decoder",
        "Fill the board cell by cell, in reading order. You cannot take a value back.",
        "",
    ),
    (
        "The AR network plays the same board",
        "It writes in reading order too and cannot take a token back. Watch its light: no solution is left long "
        "before anything shows. Of {{ceiling-sudoku6|n}} such boards it solves {{ceiling-sudoku6|ar|solved}}.",
        "On easy 6x6 boards",
    ),
    (
        "Now it may take back",
        "The same network goes back to the untried value that loses least, and solves {{ceiling-sudoku6|ar-best-"
        "first|solved}}. Is that the network? A search without any network, by the same order and rule, solves "
        "{{ceiling-sudoku6|no-net-raster|solved}}.",
        "AR that takes back is not at a ceiling",
    ),
    (
        "Diffusion takes nothing back, and mostly need not",
        "The small figures are what the network believes, call by call, of cells that are still blank; AR speaks of "
        "its next cell only. Surest cell first, it solves {{ceiling-sudoku6|diffusion-confidence|solved}} of easy "
        "boards. The second board needs search, and there it is lost too.",
        "On easy 6x6 boards",
    ),
    (
        "A hard board: where to go back",
        "Three searches on a 9x9 board, in step by calls (a pass of the network, or a step of a search). Going back "
        "to where the network was least sure solves {{ceiling-sudoku9-11-100|best-first|solved}} of {{ceiling-"
        "sudoku9-11-100|n}} such boards, going back anywhere {{ceiling-sudoku9-11-100|best-first-placebo|solved}}; "
        "plain depth-first search without a network {{ceiling-sudoku9-11-100|depth-first|solved}}.",
        "Where search is needed and calls are few",
    ),
]


def story() -> dict[str, Any]:
    """What the page is given: scenes, puzzles, traces, what the diffusion network believed."""
    made = _Boards()
    ar, back = ROWS["ar"].spec, ROWS["ar-best-first"].spec
    easy, hard = (shipped_sets.load("sudoku6", stratum, LOOKED_AT) for stratum in ("0", "11-100"))
    lost = made.first(easy, ar, lambda s: not s.solved and (s.lag or 0) >= LEAST_LAG)
    made.add("ar", lost, ar)
    made.add("ar goes back", lost, replace(back, tokens=0, calls=300))

    still = ROWS["diffusion-confidence"].spec
    made.add("diffusion, easy board", made.first(easy, still, lambda s: s.solved), still)
    made.add("diffusion, hard board", made.first(hard, still, lambda s: not s.solved), still)

    # On the hard board all three end solved, so that there is an end to see.
    races = {
        "best-first": replace(ROWS["best-first"].spec, calls=2000),
        "its placebo": replace(ROWS["best-first-placebo"].spec, calls=2000),
        "no network": Decoder("uniform", "fewest", veto="legal", retraction="depth", calls=2000),
    }
    nine = shipped_sets.load("sudoku9", "11-100", LOOKED_AT)
    raced = next(i for i in nine if all(made.run(spec, [i])[0].end == "solved" for spec in races.values()))
    for name, spec in races.items():
        made.add(name, raced, spec)
    scenes = [{"title": title, "says": filled(ROOT, says), "claim": _claim(claim)} for title, says, claim in SCENES]
    return {"scenes": scenes, "puzzles": made.puzzles, "traces": made.traces}


class _Boards:
    """Puzzles and traces as they are added, by name."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.puzzles: list[dict] = []
        self.traces: list[dict] = []
        self.places: dict[str, int] = {}

    def model(self, spec: Decoder, instance: Instance) -> Any:
        if spec.model == "uniform":
            return Uniform()
        family = instance.family if instance.family != "sudoku" else f"sudoku{instance.problem.d}"
        name = f"{family} {spec.model}"
        if name not in self.models:
            self.models[name] = checkpoint.load(checkpoint.shipped(family, spec.model), family).model
        return self.models[name]

    def run(self, spec: Decoder, instances: Sequence[Instance]) -> list[Trace]:
        return decode(spec, self.model(spec, instances[0]), instances, SEED)

    def first(self, instances: Sequence[Instance], spec: Decoder, fits: Callable[[Any], bool]) -> Instance:
        """The first instance whose trace's score fits."""
        traces = self.run(spec, instances)
        pairs = zip(instances, traces, strict=True)
        return next(instance for instance, trace in pairs if fits(score(trace, instance, pick(instance))))

    def add(self, name: str, instance: Instance, spec: Decoder) -> None:
        """A trace and, of networks that speak of every blank cell, what they said at each call."""
        if instance.id not in self.places:
            self.places[instance.id] = len(self.puzzles)
            self.puzzles.append(puzzle_record(instance))
        recording = Recording(self.model(spec, instance))
        [trace] = decode(spec, recording, [instance], SEED)
        record = trace_record(trace, instance, pick(instance), len(self.traces), self.places[instance.id])
        record |= {"name": name, "spec": str(spec)}
        if spec.model == "diffusion" and instance.problem.n <= 36:
            record["said"] = recording.said(0)
        self.traces.append(record)


def _claim(begins: str) -> str:
    """The bold sentence of RESULTS.md that begins so."""
    if not begins:
        return ""
    return next(
        line.split("**")[1] for line in read_text(ROOT / "RESULTS.md").splitlines() if line.startswith(f"**{begins}")
    )


def main() -> None:
    """Write built/story.json."""
    write_atomically(PLACE, json.dumps(story(), separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
