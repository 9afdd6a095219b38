"""Names at the ends of a plot's lines: near their lines, apart from each other, one name for lines that coincide.

>>> label_ends(axes, {"ar": (x, y, "red"), "diffusion": (x, y2, "blue")}, gap=3.5)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

#: Dashes that can be told apart, for lines of one colour.
DASHES = (
    "-",
    (0, (5, 1.5)),
    (0, (1, 1)),
    (0, (6, 1.5, 1, 1.5)),
    (0, (3, 3)),
    (0, (1, 3)),
    (0, (8, 2, 1, 2, 1, 2)),
    (0, (10, 3)),
    (0, (2, 1, 2, 4)),
    (0, (12, 2, 3, 2)),
)


def spaced(heights: np.ndarray, gap: float | int, low: float, high: float) -> np.ndarray:
    """Rising heights (n,) moved as little as needed to be at least `gap` apart, within low..high as far as they fit.

    Least squares under order constraints: with gaps taken off, pool neighbours that would cross (isotonic regression).
    """
    wanted = heights - gap * np.arange(len(heights))
    blocks: list[list[float]] = []  # sum, count
    for height in wanted:
        blocks.append([height, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1] = [blocks[-1][0] + total, blocks[-1][1] + count]
    flat = np.concatenate([np.full(count, total / count) for total, count in blocks]) if blocks else wanted
    flat = np.clip(flat, low, max(low, high - gap * (len(heights) - 1)))
    return flat + gap * np.arange(len(heights))


def label_ends(axes: Any, lines: Mapping[str, tuple[np.ndarray, np.ndarray, str]], gap: float | int) -> None:
    """Write each line's name beside its last point, in its colour, joined to it by a thin line where it had to move.

    lines: name: (x, y, colour). Lines with the same points share a label, "a = b". gap: between labels, in data units.
    """
    together: dict[bytes, list[str]] = {}
    for name, (x, y, _) in lines.items():
        together.setdefault(np.round(np.concatenate([x, y]), 9).tobytes(), []).append(name)
    groups = sorted(together.values(), key=lambda names: lines[names[0]][1][-1])
    ends = np.array([lines[names[0]][1][-1] for names in groups], dtype=float)
    low, high = axes.get_ylim()
    for names, end, height in zip(groups, ends, spaced(ends, gap, low, high), strict=True):
        x, _, colour = lines[names[0]]
        axes.annotate(
            " = ".join(names),
            (x[-1], end),
            xytext=(12, 0) if abs(height - end) < 1e-9 else (axes.get_xlim()[1] * 1.03, height),
            textcoords="offset points" if abs(height - end) < 1e-9 else "data",
            fontsize=8,
            color=colour,
            va="center",
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.4, "shrinkA": 0, "shrinkB": 0},
        )
