"""`takeback gif DIR --puzzle N`: boards of a run played back as a moving picture, for slides.

    takeback gif results/ceiling-sudoku6-100-seed0 --puzzle 3 --decoders ar ar-best-first
    takeback gif results/ceiling-sudoku6-100-seed0 --puzzle 3 --out board.mp4       # where ffmpeg is there

The same boards, in step by calls, with the same marks as the page of `takeback report`: the commit that killed a board
is hatched, a dashed frame stands around a board that is lost, what is taken back is struck out.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from csp.errors import BadInput
from csp.families.sudoku import SYMBOLS
from csp.io.files import replacing, write_atomically
from experiments.cli.terminal import console, progress
from experiments.page import payload

INK, BLUE, ORANGE, LINE, GIVEN = "#1b1d21", "#0b5cad", "#b84300", "#c9ced6", "#eceff3"
SIDE = 3.2  # inches of a board
HOLD = 8  # frames that the last state stays


@dataclass(frozen=True)
class Gif:
    """A moving picture of one puzzle of a run: up to four decoders side by side, in step by calls."""

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """Folder of a finished run of ceiling, frontier or evaluate."""
    puzzle: Annotated[int, tyro.conf.arg(metavar="N")] = 1
    """Which puzzle, as the run's page numbers them."""
    decoders: Annotated[tuple[str, ...], tyro.conf.arg(metavar="NAME ...")] = ()
    """Which decoders, left to right (default: the first two)."""
    frames: Annotated[int, tyro.conf.arg(metavar="N")] = 120
    """At most so many; a long search is shown in larger steps."""
    speed: Annotated[float, tyro.conf.arg(metavar="X")] = 3.0
    """Frames a second."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """.gif, .mp4, or .png for the last frame (default: DIR/puzzle-N.gif)."""


def main(options: Gif) -> None:
    """Write it. Raises BadInput for a puzzle or decoder that the run has not, or boards that are no grids."""
    if options.frames < 2 or not 0 < options.speed <= 50:
        raise BadInput("--frames is at least 2, --speed above 0 and at most 50")
    out = options.out or options.folder / f"puzzle-{options.puzzle}.gif"
    if out.suffix not in (".gif", ".mp4", ".png"):
        raise BadInput(f"{out}: a picture is .gif, .mp4 or .png")
    if out.suffix == ".mp4" and shutil.which("ffmpeg") is None:
        raise BadInput(f"{out}: mp4 needs ffmpeg, which is not on this machine; .gif does not")
    data = payload.read(options.folder, most=1, decoders=options.decoders, first=options.puzzle)
    [puzzle] = data["puzzles"]
    if "shape" not in puzzle:
        raise BadInput(f"{puzzle['id']} is a graph; takeback report plays graphs back")
    names = [decoder["name"] for decoder in data["decoders"]]
    wanted = options.decoders or tuple(names[:2])
    if len(wanted) > 4:
        raise BadInput(f"{len(wanted)} decoders: at most four stand side by side")
    runs = [data["traces"][names.index(name)] for name in wanted]

    with progress("frames") as bar:
        moments = _moments(runs, options.frames)
        task = bar.add_task("drawing", total=len(moments))
        pictures = []
        for picture in _pictures(puzzle, runs, wanted, moments if out.suffix != ".png" else moments[-1:]):
            pictures.append(picture)
            bar.advance(task)
    _write(pictures, out, options.speed)
    console.print(f"wrote {out}: {len(pictures)} frame{'s' * (len(pictures) > 1)}")


def _moments(runs: Sequence[dict], most: int) -> list[int]:
    """Calls at which a frame is drawn: all of them, or evenly spaced ones, the last one for longer."""
    last = max(run["calls"] for run in runs)
    steps = np.unique(np.linspace(0, last, min(most, last + 1)).round().astype(int))
    return [*steps.tolist(), *[last] * HOLD]


def _pictures(puzzle: dict, runs: Sequence[dict], names: Sequence[str], moments: Sequence[int]) -> Iterator[Any]:
    """A picture a moment."""
    from matplotlib.figure import Figure
    from PIL import Image

    for moment in moments:
        canvas = Figure(figsize=(SIDE * len(runs) + 0.2, SIDE + 0.75), layout="constrained")
        for axes, run, name in zip(np.atleast_1d(canvas.subplots(1, len(runs))), runs, names, strict=True):
            _board(axes, puzzle, run, name, moment)
        buffer = io.BytesIO()
        canvas.savefig(buffer, dpi=110, facecolor="white")
        yield Image.open(buffer).convert("RGB")


def _board(axes, puzzle: dict, run: dict, name: str, moment: int) -> None:
    """One board at a moment, with its marks, and below it what is to be said."""
    from matplotlib.patches import Rectangle

    side, regions = puzzle["shape"]["side"], puzzle["shape"]["regions"]
    events = np.reshape(run["events"], (-1, 3))
    count = int((events[:, 0] <= moment).sum())
    state = np.array(puzzle["givens"])
    for _, cell, value in events[:count]:
        state[cell] = value
    alive = sum(event < count for event in run["alive"] or ()) % 2 == 0
    killers = [event for event in run["dead"] if event < count]
    killer = int(events[killers[-1], 1]) if killers and not alive else None
    latest = events[count - 1] if count else None

    for cell in range(side * side):
        row, column = divmod(cell, side)
        corner = column, side - 1 - row
        shade = GIVEN if puzzle["givens"][cell] else "#e6f0fa" if latest is not None and latest[1] == cell else "white"
        axes.add_patch(Rectangle(corner, 1, 1, facecolor=shade, edgecolor=LINE, lw=0.8))
        if cell == killer:
            axes.add_patch(Rectangle(corner, 1, 1, facecolor="#fdeee3", edgecolor=ORANGE, hatch="///", lw=0))
        text = SYMBOLS[state[cell]] if state[cell] and state[cell] < len(SYMBOLS) else str(state[cell] or "")
        hue = INK if puzzle["givens"][cell] else ORANGE if cell == killer else BLUE
        weight = "bold" if puzzle["givens"][cell] or cell == killer else "normal"
        middle = corner[0] + 0.5, corner[1] + 0.46
        axes.text(*middle, text, ha="center", va="center", color=hue, fontsize=100 / side, weight=weight)
        if latest is not None and latest[1] == cell and latest[2] == 0:
            axes.plot([corner[0] + 0.2, corner[0] + 0.8], [corner[1] + 0.2, corner[1] + 0.8], color=ORANGE, lw=2)
        if column + 1 < side and regions[cell] != regions[cell + 1]:
            axes.plot([column + 1, column + 1], [corner[1], corner[1] + 1], color=INK, lw=1.8)
        if row + 1 < side and regions[cell] != regions[cell + side]:
            axes.plot([column, column + 1], [corner[1], corner[1]], color=INK, lw=1.8)
    look = {"ec": INK, "lw": 2.4} if alive else {"ec": ORANGE, "lw": 3, "ls": (0, (4, 2))}
    axes.add_patch(Rectangle((0, 0), side, side, fill=False, clip_on=False, **look))
    axes.set_xlim(-0.05, side + 0.05)
    axes.set_ylim(-0.05, side + 0.05)
    axes.set_aspect("equal")
    axes.axis("off")
    axes.set_title(name, fontsize=12, weight="bold", color=INK)
    over = count == len(events)
    said = "solved" if over and run["end"] == "solved" else "alive" if alive else "lost: no solution is left"
    back = int((events[:count, 2] == 0).sum())
    below = f"{said}; call {min(moment, run['calls'])}, {back} taken back"
    axes.text(side / 2, -0.4, below, ha="center", va="top", fontsize=10, color=BLUE if alive else ORANGE)


def _write(pictures: Sequence[Any], out: Path, speed: float) -> None:
    """As the file's ending says."""
    if out.suffix == ".mp4":
        _film(pictures, out, speed)
        return
    buffer = io.BytesIO()
    if out.suffix == ".png":
        pictures[-1].save(buffer, format="PNG")
    else:
        # few colours, the same in all frames: a GIF has 256, and these boards need no more than 64
        palette = pictures[-1].quantize(64)
        frames = [picture.quantize(palette=palette) for picture in pictures]
        about = {"duration": round(1000 / speed), "loop": 0, "optimize": True}
        frames[0].save(buffer, format="GIF", save_all=True, append_images=frames[1:], **about)
    write_atomically(out, buffer.getvalue())


def _film(pictures: Sequence[Any], out: Path, speed: float) -> None:
    """Raises BadInput with ffmpeg's last line if it fails."""
    import subprocess

    wide, high = (size - size % 2 for size in pictures[0].size)  # its codec wants even numbers
    raw = b"".join(picture.crop((0, 0, wide, high)).tobytes() for picture in pictures)
    command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}"]
    command += ["-r", str(speed), "-i", "-", "-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe"]
    done = subprocess.run([*command, "-f", "mp4", "-"], input=raw, capture_output=True, check=False)
    if done.returncode:
        raise BadInput(f"{out}: ffmpeg failed ({done.stderr.decode(errors='replace').strip().splitlines()[-1:]})")
    with replacing(out) as file:
        file.write(done.stdout)
