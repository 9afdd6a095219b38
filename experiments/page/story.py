"""The story that `takeback site` tells: five scenes, with traces of the shipped networks and figures of kept runs.

    python -m experiments.page.story           # writes built/story.json, which the package ships

Boards are found by rules that are written down here, not by eye: the first of a shipped stratum on which what the scene
speaks of happens. One board shows what can happen; how often it does is said by the kept runs' figures beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
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
from solvers import SOLVERS
from solvers.oracles.pick import pick

ROOT = Path(__file__).parents[2]
SEED = 0
LOOKED_AT = 40  # puzzles of a stratum among which a scene's board is found
LEAST_LAG = 6  # commits that a scene's lost board goes on unknowing


@dataclass(frozen=True)
class Scene:
    """says: before it is played; comes_to: afterwards, with figures of kept runs; table: the same, a head and rows;
    claim: the first words of the claim of RESULTS.md behind it.
    """

    title: str
    says: str
    comes_to: str = ""
    claim: str = ""
    table: tuple[tuple[str, ...], ...] = ()


SCENES = [
    Scene(
        "You write like a language model",
        "A language model writes one piece of text after another, and what is written stays. Do the same: fill the "
        "board cell by cell, in reading order. Each row, each column and each box of 2 rows by 3 columns holds 1 to 6"
        " once.",
    ),
    Scene(
        "An AR network plays your board",
        "AR, autoregressive, means just that: one after another, nothing taken back. It asks its network once a "
        "value: a call. The line above the board is an exact solver in this page; the network does not know what it "
        "says.",
        "Of {{ceiling-sudoku6|n}} boards like this one it solves {{ceiling-sudoku6|ar|solved}}.",
        "On easy 6x6 boards",
    ),
    Scene(
        "The same network, with rules and a way back",
        "A program around the network now knows the rules. When a blank cell has no value left, it goes back to an "
        "earlier choice: the one whose next best value the network thinks likeliest.",
        "It solves {{ceiling-sudoku6|ar-best-first|solved}} of such boards. But so does the program alone, with every"
        " value equally likely in the network's place: {{ceiling-sudoku6|no-net-raster|solved}}. Rules and going back"
        " do it here; the network adds next to nothing.",
        "AR that takes back is not at a ceiling",
    ),
    Scene(
        "Diffusion: the surest cell first",
        "A diffusion network reads the whole board at each call and says how likely each value is in every blank "
        "cell: the small figures, the darker the likelier. A program writes the surest one and takes nothing back. "
        "The left board is yours; the right one is harder: it takes guessing. It is here because it gets lost.",
        "Of easy boards it solves {{ceiling-sudoku6|diffusion-confidence|solved}} without taking anything back, and "
        "of boards that take 11 to 100 guesses {{frontier-sudoku6-11-100/11-100|still|300}}: there its surest value "
        "may be wrong. What it computes at a blank cell, other cells see: a scratch pad. Row by row it solves "
        "{{order-and-network|diffusion:order=raster|solved}} of easy boards; as large a network without that sight "
        "{{order-and-network|diffusion-blind:order=raster|solved}}, about as AR.",
        "On easy 6x6 boards",
    ),
    Scene(
        "A hard board: where to go back",
        "Three searches on a 9x9 board. The first two use a diffusion network, and write all cells that it is 90 % "
        "sure of at once. At a failure the first goes back to the choice that the network thinks likeliest. The "
        "second is its placebo, as in medicine: it goes back to any choice at random. The third has no network and "
        "tries value after value.",
        "Where to go back is what the network knows here: against its placebo it solves more boards within 100 calls."
        " But the search without a network solves them all, in less time: a call is far more work than a step of a "
        "search. A network is worth its work only where no program knows the rules; these boards are small so that an"
        " exact solver can judge every move.",
        "Where search is needed and calls are few",
        (
            ("of {{ceiling-sudoku9-11-100|n}} such boards", "solved", "seconds a board"),
            (
                "goes back to the likeliest, 100 calls",
                "{{ceiling-sudoku9-11-100|best-first|solved}}",
                "{{ceiling-sudoku9-11-100|best-first|seconds|value}}",
            ),
            (
                "its placebo: back to any, 100 calls",
                "{{ceiling-sudoku9-11-100|best-first-placebo|solved}}",
                "{{ceiling-sudoku9-11-100|best-first-placebo|seconds|value}}",
            ),
            (
                "no network, no limit",
                "{{ceiling-sudoku9-11-100|depth-first|solved}}",
                "{{ceiling-sudoku9-11-100|depth-first|seconds|value}}",
            ),
        ),
    ),
]


def story() -> dict[str, Any]:
    """What the page is given: scenes, puzzles, traces, what the diffusion network believed."""
    made = _Boards()
    ar, back = ROWS["ar"].spec, ROWS["ar-best-first"].spec
    still = ROWS["diffusion-confidence"].spec
    easy, hard = (shipped_sets.load("sudoku6", stratum, LOOKED_AT) for stratum in ("0", "11-100"))
    solved = {trace.instance for trace in made.run(still, easy) if trace.end == "solved"}
    yours = made.first([i for i in easy if i.id in solved], ar, lambda s: not s.solved and (s.lag or 0) >= LEAST_LAG)
    made.add("AR network", yours, ar)
    made.add("AR network that goes back", yours, replace(back, tokens=0, calls=300))
    made.add("diffusion on your board", yours, still)
    made.add("diffusion on a harder board", made.first(hard, still, lambda s: not s.solved), still)

    # On the hard board both searches with the network end solved, so that there is an end to see.
    races = {
        "goes back to the likeliest": replace(ROWS["best-first"].spec, calls=2000),
        "its placebo: goes back anywhere": replace(ROWS["best-first-placebo"].spec, calls=2000),
    }
    nine = shipped_sets.load("sudoku9", "11-100", LOOKED_AT)
    raced = next(i for i in nine if all(made.run(spec, [i])[0].end == "solved" for spec in races.values()))
    for name, spec in races.items():
        made.add(name, raced, spec)
    made.add("no network", raced, "depth-first")
    scenes = [
        {
            "title": scene.title,
            "says": scene.says,
            "comes to": filled(ROOT, scene.comes_to),
            "claim": _claim(scene.claim),
            "table": [[filled(ROOT, cell) for cell in row] for row in scene.table],
        }
        for scene in SCENES
    ]
    return {"scenes": scenes, "puzzles": made.puzzles, "traces": made.traces}


class _Boards:
    """Puzzles and traces as they are added, by name."""

    def __init__(self) -> None:
        self.models: dict[str, Any] = {}
        self.puzzles: list[dict] = []
        self.traces: list[dict] = []
        self.places: dict[str, int] = {}

    def model(self, spec: Decoder, instance: Instance) -> Any:
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

    def add(self, name: str, instance: Instance, spec: Decoder | str) -> None:
        """A trace of a decoder or a solver and, of diffusion on a small board, what it said at each call."""
        if instance.id not in self.places:
            self.places[instance.id] = len(self.puzzles)
            self.puzzles.append(puzzle_record(instance))
        recording = None
        if isinstance(spec, str):
            trace = SOLVERS[spec](instance, SEED)
        else:
            recording = Recording(self.model(spec, instance))
            [trace] = decode(spec, recording, [instance], SEED)
        record = trace_record(trace, instance, pick(instance), len(self.traces), self.places[instance.id])
        record |= {"name": name, "spec": str(spec)}
        if recording is not None and recording.name == "diffusion" and instance.problem.n <= 36:
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
    write_atomically(build.STORY, json.dumps(story(), separators=(",", ":"), ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
