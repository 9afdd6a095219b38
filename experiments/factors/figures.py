"""interaction: solved share by order, a line a network; shapley: what each factor adds. As PNG and SVG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from experiments.cli.line_labels import DASHES, label_ends
from experiments.cli.terminal import save_figure
from experiments.factors.comparisons import Study, share_of
from experiments.factors.grid import NO_NET, ORDERS, Preset
from experiments.factors.networks import MAIN
from experiments.factors.resampling import estimate, estimate_share

COLOURS = ("#d62728", "#ff7f0e", "#bcbd22", "#2ca02c", "#9467bd", "#1f77b4", "#7f7f7f")


def draw(preset: Preset, study: Study, folder: Path) -> list[str]:
    """Write both figures; their names."""
    made = _save(_interaction(study), folder, "interaction")
    try:
        return made + _save(_shapley(preset, study), folder, "shapley")
    except KeyError:  # some corner was not run
        return made


def _interaction(study: Study):
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(9, 5), layout="constrained")
    axes = canvas.subplots()
    places, lines = np.arange(len(ORDERS)), {}
    for number, net in enumerate([*MAIN, NO_NET]):
        try:
            figures = [estimate_share(study.plain(net, [order]), study.n) for order in ORDERS]
        except KeyError:
            continue
        colour = COLOURS[number]
        heights = np.array([100 * f.value for f in figures])
        reach = [
            [h - 100 * f.low for h, f in zip(heights, figures)],
            [100 * f.high - h for h, f in zip(heights, figures)],
        ]
        axes.errorbar(
            places + 0.02 * number, heights, yerr=np.maximum(reach, 0), color=colour, ls=DASHES[number % len(DASHES)],
            marker="o", ms=4, lw=1.6, capsize=2,
        )  # fmt: skip
        lines[net] = (places + 0.02 * number, heights, colour)
    axes.set_xticks(places, [{"confidence": "surest first"}.get(order, order) for order in ORDERS])
    axes.set_xlim(-0.15, len(ORDERS) + 0.1)
    axes.set_ylim(-3, 103)
    axes.set_ylabel("solved, % (lines: 95 % intervals)")
    axes.set_xlabel("the order in which cells are filled; one cell a call, nothing vetoed, nothing taken back")
    axes.set_title(
        f"Order and network: {study.set} of {', '.join(study.strata)} guesses, n = {study.n} a point", fontsize=11
    )
    label_ends(axes, lines, gap=4)
    return canvas


def _shapley(preset: Preset, study: Study):
    from matplotlib.figure import Figure

    added = study.shapley(preset.factors)
    canvas = Figure(figsize=(8, 3.6), layout="constrained")
    axes = canvas.subplots()
    order = sorted(added, key=lambda factor: added[factor][0])
    for place, factor in enumerate(order):
        # a share of the whole gap; none if there is no gap
        share = estimate(100 * share_of(added, [factor]), study.n)
        if share.value is None:
            continue
        axes.barh(place, share.value, color="#1f77b4")
        reach = [[max(0, share.value - share.low)], [max(0, share.high - share.value)]]
        axes.errorbar(share.value, place, xerr=reach, color="black", capsize=3, lw=1)
    axes.set_yticks(range(len(order)), order)
    axes.axvline(0, color="black", lw=0.6)
    axes.set_xlabel("share of the gap, % of its log-odds (lines: 95 % intervals)")
    what = f"{study.set} of {', '.join(study.strata)} guesses, n = {study.n} a corner"
    axes.set_title(f"From AR to diffusion: what each change adds, over all sequences of them\n{what}", fontsize=11)
    return canvas


def _save(canvas, folder: Path, name: str) -> list[str]:
    """As PNG and as SVG."""
    names = [f"{name}.png", f"{name}.svg"]
    for one in names:
        save_figure(canvas, folder / one)
    return names
