"""Lesson 2: a perfect AR model loses no board, a real one does. make lesson N=2"""

import marimo

app = marimo.App(app_title="2. A perfect model, and a real one")

with app.setup:
    import marimo as mo
    from classroom import checked, exercise, predict, result, solved, table

    import takeback


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 2. A perfect model, and a real one

    An autoregressive (AR) model says how likely each value of the next cell is, given the cells before. The chain rule
    makes the likelihood of a whole board out of that: *p(x) = p(x1) p(x2 | x1) p(x3 | x1, x2) ...*

    On a small board these numbers can be computed exactly, by counting: of the solutions that extend the board, how many
    have a 3 here? A model that says just that is *perfect*. It may never take anything back.
    """)


@app.cell
def _():
    drawn = [takeback.draw("sudoku4:solutions=several", seed=0, split="test", index=index) for index in range(100)]
    puzzles = list({puzzle.id: puzzle for puzzle in drawn}.values())  # of boards this small there are few

    def attempts(noise, order="raster"):
        """The scores of ten attempts at each puzzle. noise: the share of each answer that is spoiled."""
        decoder = takeback.parse(f"exact:order={order},temperature=1,noise={noise}")
        traces = [trace for seed in range(10) for trace in takeback.decode(decoder, takeback.Exact(noise), puzzles, seed)]
        return [takeback.score(trace, puzzle, takeback.pick(puzzle)) for trace, puzzle in zip(traces, 10 * puzzles)]

    return (attempts,)


@app.cell
def _():
    perfect = predict(
        "The perfect model samples each value at random, in proportion to its probability, and never goes back. "
        "Of puzzles with several solutions, how many does it solve?",
        ["about half: it has to be lucky", "most, not all", "all"],
    )
    perfect
    return (perfect,)


@app.cell
def _(attempts, perfect):
    assert all(score.solved for order in ("raster", "random") for score in attempts(0, order))
    result(
        perfect,
        "**All**, row by row and in a random order alike: a value that no solution has there has probability 0, and is never written.",
        "So *AR cannot because it cannot take back* is no law. Nothing in the architecture loses a board: errors do.",
    )


@app.cell(hide_code=True)
def _():
    mo.md("""
    A real network errs. Let a share *e* of each answer go to values that no solution has. Then each risky commit kills
    the board with probability *e*, and of *m* risky commits all must go well: *(1 - e)^m*.
    """)


@app.cell
def _():
    real = predict(
        "The model now puts 10 % of each answer on values that cannot be right. Of 100 attempts, how many succeed?",
        ["about 90", "about 50", "fewer than 40"],
    )
    real
    return (real,)


@app.cell
def _(attempts, real):
    rows = []
    for noise in (0.02, 0.1, 0.3):
        scores = attempts(noise)
        expected = sum((1 - noise) ** score.blanks for score in scores) / len(scores)
        rows.append([noise, solved(scores), f"{100 * expected:.0f}"])
    blanks = sum(score.blanks for score in scores) / len(scores)
    result(
        real,
        table(["e", "solved % [95 %]", "(1 - e)^m, %"], rows),
        f"n = {len(scores)}. An error of 10 % is not paid once but at each of about {blanks:.0f} blanks. (A cell that may hold every value is not risky: the formula's column, which counts every blank, is too low.)",
    )


@app.cell
def _():
    need = exercise("A network is wrong at 1 of 100 risky commits. Of boards with 50 of them, what percentage does it finish? (a whole number)")
    need
    return (need,)


@app.cell
def _(need):
    checked(need, round(100 * 0.99**50), "0.99 to the power 50. With 1 error in 1,000 it would be 95.")


@app.cell
def _():
    tries = exercise("How many fresh attempts does that network need on average until one succeeds? (one decimal)")
    tries
    return (tries,)


@app.cell
def _(tries):
    checked(tries, f"{0.99**-50:.1f}", "The mean number of independent tries is 1 over the chance of one. Starting anew is a way of taking back, too; lesson 4 asks what it costs.")


if __name__ == "__main__":
    app.run()
