"""Lesson 5: when search is certified necessary. make lesson N=5"""

import marimo

app = marimo.App(app_title="5. When search is needed")

with app.setup:
    import marimo as mo
    import numpy as np
    from classroom import checked, exercise, predict, result, table

    import takeback
    from csp.io import shipped_sets


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 5. When search is needed

    A puzzle that rules alone settle says nothing about taking back: nobody needs it there. So each puzzle here carries
    a *certificate*: how many **guesses** an exhaustive search with strong rules makes until it is through. 0 means that
    rules suffice.
    """)


@app.cell
def _():
    clues = predict("9x9 Sudokus, some of 0 guesses, some of more than 100. Which have fewer clues?", ["the hard ones, by far", "the easy ones", "about the same"])
    clues
    return (clues,)


@app.cell
def _(clues):
    rows = []
    for stratum in ("0", "1-3", "4-10", "11-100", ">100"):
        puzzles = shipped_sets.load("sudoku9", stratum, 100)
        counts = [int((puzzle.givens > 0).sum()) for puzzle in puzzles]
        rows.append([stratum, f"{np.mean(counts):.1f}", f"{min(counts)}-{max(counts)}", len(counts)])
    result(
        clues,
        table(["guesses", "clues (mean)", "from-to", "n"], rows),
        "About the same. The number of clues is not what makes a Sudoku hard. Nor are the famous ones with 17 clues, the "
        "fewest there can be: many of them need no guess at all.",
    )


@app.cell
def _():
    why = exercise("A benchmark uses Sudokus that need no guess, and reports that a decoder with backtracking solves all of them. How many of its solutions needed backtracking, as far as the puzzles go?")
    why
    return (why,)


@app.cell
def _(why):
    checked(why, 0, "Rules settle each of them. Its backtracking may have mended its own errors; that is another claim, about the decoder and not about the puzzles.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    ## A threshold

    Random graphs of 60 nodes, to be coloured with 3 colours. The more edges, the fewer graphs can be coloured. Where are
    they hard for a depth-first search?
    """)


@app.cell
def _():
    where = predict("At which mean degree does depth-first search take most back?", ["2: few edges, many choices", "about 4.7: where colourable graphs run out", "7: many edges, no solution"])
    where
    return (where,)


@app.cell
def _(where):
    solver, lines, medians = takeback.SOLVERS["depth-first"], [], {}
    for degree in (2.0, 3.0, 4.0, 4.7, 5.5, 7.0):
        graphs = [takeback.draw(f"gnp:n=60,degree={degree}", seed=0, split="any", index=index) for index in range(40)]
        back = [solver(graph, 0).retractions for graph in graphs]
        medians[degree] = np.median(back)
        lines.append([degree, sum(graph.difficulty.solutions > 0 for graph in graphs), f"{np.median(back):.0f}", f"{np.percentile(back, 90):.0f}"])
    hardest = max(medians, key=medians.get)
    result(
        where,
        table(["mean degree", "of 40 colourable", "taken back (median)", "(90th percentile)"], lines),
        "With few edges anything goes; with many a contradiction is found soon. The hard ones lie between, near the "
        "threshold (4.69 for large graphs; Krzakala and others 2004).",
    )
    return (hardest,)


@app.cell
def _(hardest):
    peak = exercise("At which of these degrees was the median highest?")
    peak
    return (peak,)


@app.cell
def _(hardest, peak):
    checked(peak, hardest, "Puzzles for a test of retraction are drawn there, and certified one by one.")


if __name__ == "__main__":
    app.run()
