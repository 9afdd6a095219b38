"""Lesson 4: taking back, and its controls. make lesson N=4"""

import marimo

app = marimo.App(app_title="4. Taking back")

with app.setup:
    import marimo as mo
    import numpy as np
    from classroom import checked, exercise, predict, result, solved, table

    import takeback
    from csp.io import shipped_sets


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 4. Taking back

    At a failure (a blank cell has no legal value left) a decoder may go back. Four ways: **restart** takes everything
    back; **depth** goes to the last choice with a value left; **best-first** to the choice that loses least
    probability; its **placebo** to any choice, drawn at random.

    Whoever claims that *the network* knows where to go back needs two controls: the placebo, and the **no-net twin**, the
    same rule with every value equally likely.
    """)


@app.cell
def _():
    puzzles = shipped_sets.load("sudoku6", "0", 40)
    ar = takeback.load(takeback.shipped("sudoku6", "ar")).model

    def run(spelled, model):
        traces = takeback.decode(takeback.parse(spelled), model, puzzles, seed=0)
        return [takeback.score(trace, puzzle, takeback.pick(puzzle)) for trace, puzzle in zip(traces, puzzles)]

    return ar, run


@app.cell
def _():
    twin = predict(
        "AR alone solves about 1 of 10 of these. With best-first search within 300 calls it solves nearly all. What does the same search do without any network?",
        ["nearly nothing", "about half", "nearly all, in more calls"],
    )
    twin
    return (twin,)


@app.cell
def _(ar, run, twin):
    ways = {
        "AR, nothing taken back": ("ar", ar),
        "AR, restarts": ("ar:veto=legal,retraction=restart,attempts=0,redraft=1,calls=300", ar),
        "AR, depth-first": ("ar:veto=legal,retraction=depth,calls=300", ar),
        "AR, best-first": ("ar:veto=legal,retraction=best-first,calls=300", ar),
        "AR, its placebo": ("ar:veto=legal,retraction=best-first,signal=random,calls=300", ar),
        "no network, depth-first": ("uniform:veto=legal,retraction=depth,calls=300", takeback.Uniform()),
    }
    scores = {name: run(*way) for name, way in ways.items()}
    rows = [[name, solved(of), f"{np.median([one.calls for one in of]):.0f}"] for name, of in scores.items()]
    result(
        twin,
        table(["", "solved % [95 %]", "calls (median)"], rows),
        "Going back helps; that the network helps has to be shown against the last row, and that it knows *where* "
        "against the placebo. On easy boards both controls do about as well: the search does it.",
    )


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## What it costs

    A model errs at each of *m* risky commits with probability *e*. If it must begin anew after every failure it needs
    *(1 - e)^-m* attempts of *m* commits; if each wrong commit is seen and taken back at once, *m / (1 - e)* commits in all.
    """)


@app.cell
def _():
    law = predict("e = 0.2 and about 11 commits. How many more commits do restarts need than taking back at once?", ["about twice as many", "about ten times as many", "a hundred times as many"])
    law
    return (law,)


@app.cell
def _(law):
    noise = 0.2
    drawn = [takeback.draw("sudoku4", seed=0, split="test", index=index) for index in range(100)]
    small = list({puzzle.id: puzzle for puzzle in drawn}.values())  # of boards this small there are few
    decoder = takeback.parse(f"exact:noise={noise},temperature=1,retraction=restart,attempts=0,calls=5000")
    traces = [trace for seed in range(10) for trace in takeback.decode(decoder, takeback.Exact(noise), small, seed)]
    m = np.array([(puzzle.givens == 0).sum() for puzzle in small])
    measured, expected, once = np.mean([t.costs.calls for t in traces]), np.mean(m * (1 - noise) ** -m), np.mean(m / (1 - noise))
    result(
        law,
        table(["", "commits a board (mean)"], [["restarts, measured", f"{measured:.0f}"], ["restarts, by the formula", f"{expected:.0f}"], ["taken back at once, by the formula", f"{once:.0f}"]]),
        f"(The formula counts every blank as risky; where all values are possible no error can be made, so that the measured figure is lower; n = {len(traces)}.)",
    )
    return (noise,)


@app.cell
def _():
    cost = exercise("e = 0.05, m = 50. How many attempts do restarts need on average? (a whole number)")
    cost
    return (cost,)


@app.cell
def _(cost):
    checked(cost, round(0.95**-50), "0.95 to the power -50. Taken back at once it would be 53 commits in all, about one attempt.")


if __name__ == "__main__":
    app.run()
