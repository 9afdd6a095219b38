"""Lesson 8: steer a board with a gradient, and what that does not show. make lesson N=8"""

import marimo

app = marimo.App(app_title="8. Steer by gradient")

with app.setup:
    import marimo as mo
    import numpy as np
    import torch
    from classroom import board, checked, exercise, predict, result, share, table

    import takeback
    from generators.control.semantic_loss import Energies


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 8. Steer a whole board with a gradient

    Values are discrete, gradients are not. So let every cell hold a *distribution* over values, made from free numbers.
    A rule then has a smooth **energy**: minus the log of the probability that it holds. Move all numbers downhill at
    once and read off the likeliest values: no cell is ever committed. People call this *control of continuous latents*.
    """)


@app.cell
def _():
    def steered(puzzles, starts, steps=200, spoil=False):
        """(puzzles * starts, n): boards after so many steps downhill. spoil: each gets another board's gradient."""
        draw = torch.Generator().manual_seed(0)
        n, d = puzzles[0].problem.n, puzzles[0].problem.d
        givens = torch.as_tensor(np.repeat([puzzle.givens for puzzle in puzzles], starts, axis=0))
        known = torch.nn.functional.one_hot(givens.clamp(min=1) - 1, d).float()
        logits = torch.randn(len(givens), n, d, generator=draw).requires_grad_()
        energies = Energies(puzzles[0].problem.constraints)
        optimiser = torch.optim.Adam([logits], lr=0.1)
        for _ in range(steps):
            optimiser.zero_grad()
            energies(torch.where(givens[..., None] > 0, known, logits.softmax(-1))).sum().backward()
            if spoil:
                logits.grad = logits.grad[torch.randperm(len(logits), generator=draw)]
            optimiser.step()
        return torch.where(givens > 0, givens, logits.detach().argmax(-1) + 1).numpy()

    def right(puzzle, boards):
        return [not broken.any() for broken in puzzle.problem.violated(boards)]

    return right, steered


@app.cell
def _():
    empty = takeback.draw("grid4", seed=0, split="any", index=0)
    works = predict("64 boards of 4x4, all cells free, 200 steps each from a random start. How many end as valid Sudoku grids?", ["hardly any", "about half", "nearly all"])
    works
    return empty, works


@app.cell
def _(empty, right, steered, works):
    boards = steered([empty], 64)
    found = right(empty, boards)
    placebo = right(empty, steered([empty], 64, spoil=True))
    result(
        works,
        board(empty, boards[found.index(True)]),
        table(["", "valid % [95 %]"], [["downhill", share(sum(found), 64)], ["placebo: another board's gradient", share(sum(placebo), 64)]]),
        "The gradient does it: the same steps in somebody else's direction do nothing.",
    )


@app.cell
def _():
    who = exercise("How many parameters does the network have that steered these boards?")
    who
    return (who,)


@app.cell
def _(who):
    checked(who, 0, "There is none. The energy was told the rules; the steps are a search on them. A paper that steers a network so must show what the network adds: the same steps without it.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    Of 4x4 grids 288 are valid. Control is a claim about *rare* targets. Now a 6x6 puzzle: of all ways to fill it, one is right.
    """)


@app.cell
def _():
    rare = predict("The same 200 steps on 10 Sudokus of 6x6 that take no guess, 16 starts each. In how many attempts is the board right?", ["nearly all", "about half", "fewer than 1 in 10"])
    rare
    return (rare,)


@app.cell
def _(rare, right, steered):
    puzzles = [takeback.draw("sudoku6", seed=0, split="test", index=index) for index in range(10)]
    hits = sum(right(puzzles[0], steered(puzzles, 16)))
    traces = [takeback.SOLVERS["depth-first"](puzzle, 0) for puzzle in puzzles]
    steps = np.median([trace.costs.calls for trace in traces])
    result(
        rare,
        table(
            ["", "right % [95 %]", "steps (median)"],
            [["downhill, told all rules", share(hits, 160), 200],
             ["depth-first search", share(sum(trace.end == "solved" for trace in traces), 10), f"{steps:.0f}"]],
        ),
        "Each step downhill looks at the whole board, and still gets stuck where every small change makes it worse. "
        "Search goes back instead. And neither board shows that a gradient controls a *generator*: none was there. That "
        "takes the twin without a network, the placebo, equal compute, and targets so rare that luck misses them.",
    )


if __name__ == "__main__":
    app.run()
