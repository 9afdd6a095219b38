"""Lesson 9: how likely is a filling? The same cells in another order, and what an estimate cannot see. make lesson N=9"""

import marimo

app = marimo.App(app_title="9. How likely is a filling?")

with app.setup:
    import itertools
    import math

    import marimo as mo
    import numpy as np
    from classroom import board, checked, exercise, predict, result, table

    import takeback
    from generators.likelihood.conditionals import ExactConditionals
    from generators.likelihood.estimators import ESTIMATORS
    from generators.likelihood.order_marginal import Table
    from generators.likelihood.order_policies import Uniform


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 9. How likely is a filling?

    Learning from rewards makes right answers likelier. For that one must say *how likely an answer was*. Of an
    autoregressive network that is easy: one order, and the probabilities along it are multiplied. A diffusion network
    may fill the cells in any order: four cells in 24, ten in 3,628,800. The likelihood is the sum over all of them.

    So it is estimated. The cheapest estimate asks the network once, with every cell blank, and multiplies what it says of
    each: the *mean field*. Here is a board on which one can see what that misses: a *deadly rectangle*, four blank cells
    where two values can be exchanged.
    """)


@app.cell
def _():
    full = np.array([1, 2, 3, 4, 3, 4, 1, 2, 2, 1, 4, 3, 4, 3, 2, 1])
    blank = [0, 1, 8, 9]
    givens = full.copy()
    givens[blank] = 0
    puzzle = takeback.Instance(takeback.draw("sudoku4", 0, "test", 0).problem, givens, "lesson", "a deadly rectangle")
    board(puzzle, givens)
    return blank, full, puzzle


@app.cell
def _():
    field = predict(
        "A perfect model, lesson 2's, says of each blank cell alone: 1 or 2, one half each. What is the mean field's "
        "probability of a right filling, and of one with two equal values in a row?",
        ["1/2 and 0", "1/16 and 0", "1/16 and 1/16"],
    )
    field
    return (field,)


@app.cell
def _(blank, field, full, puzzle):
    ask = ExactConditionals([puzzle])
    rng, rows = np.random.default_rng(0), []
    for chosen in itertools.product((1, 2), repeat=len(blank)):
        values = full.copy()
        values[blank] = chosen
        exact = Table.of(ask, 0, values).log_likelihood(Uniform()).item()
        mean_field = ESTIMATORS["mean-field"](ask, np.array([0]), values[None], values[None], rng).item()
        rows.append([" ".join(map(str, chosen)), "yes" if puzzle.solved(values) else "no",
                     f"{math.exp(exact):.4f}", f"{math.exp(mean_field):.4f}"])  # fmt: skip
    result(
        field,
        table(["top left, top right, low left, low right", "right", "exactly", "mean field"], rows),
        "**1/16 and 1/16.** Decoded cell by cell the model never errs: the first value settles the other three, and each of the two solutions has probability 1/2. The mean field gives all sixteen fillings the same number: it cannot tell the 2 right ones from the 14 wrong ones.",
    )


@app.cell
def _():
    nats = exercise("By how many nats (natural logarithms) is the mean field too low for a right filling? ln 2 = 0.69 (two decimals)")
    nats
    return (nats,)


@app.cell
def _(nats):
    checked(nats, f"{3 * math.log(2):.2f}", "ln(1/2) - ln(1/16) = 3 ln 2: three of the four cells are told what to be by the first, and the mean field makes each of them guess.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    Exactly, the likelihood needs no list of all orders. Which cells are filled says everything about a state: *F(S)*, the
    chance that just the cells of S are filled rightly at some time, is the sum over the cell that came last. So four
    cells take 2^4 states instead of 24 orders.
    """)


@app.cell
def _():
    states = exercise("How many states do ten cells take, where the orders are 3,628,800? (a whole number)")
    states
    return (states,)


@app.cell
def _(states):
    checked(states, 2**10, "2 to the power 10. Twenty cells take a million: this is for small boards, on which estimates can be judged.")


@app.cell
def _():
    mo.md("""
    Does it matter that an estimate is off? A learner divides the likelihood after a step by the one before, and what is
    off alike in both falls out. `takeback likelihood` measures how far off each estimate is, `takeback reinforcement`
    what becomes of networks that learn with them. Predict before you run them.
    """)


if __name__ == "__main__":
    app.run()
