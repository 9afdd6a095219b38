"""Lesson 3: order is not retraction. make lesson N=3"""

import marimo

app = marimo.App(app_title="3. Order is not retraction")

with app.setup:
    import marimo as mo
    from classroom import checked, exercise, predict, result, solved, table

    import takeback
    from csp.io import shipped_sets


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 3. Order is not retraction

    Diffusion is said to solve puzzles *because it can revise*. Here nothing is revised at all: every decoder commits
    one value a call and keeps it. What differs is the **order** in which cells are filled, and the **network**: AR
    (trained on random orders, so that it may be asked about any cell) or masked diffusion. Both have the same number of
    parameters and saw the same puzzles equally often.

    - *raster*: row by row. *random*: any blank cell. *confidence*: the cell whose value the network is surest of.
    """)


@app.cell
def _():
    puzzles = shipped_sets.load("sudoku6", "0", 40)  # 6x6 Sudokus that take no guess
    nets = {kind: takeback.load(takeback.shipped("sudoku6", kind)).model for kind in ("ar-random", "diffusion", "diffusion-blind")}

    def run(kind, order):
        traces = takeback.decode(takeback.parse(f"{kind}:order={order}"), nets[kind], puzzles, seed=0)
        return [takeback.score(trace, puzzle, takeback.pick(puzzle)) for trace, puzzle in zip(traces, puzzles)]

    return nets, puzzles, run


@app.cell
def _():
    order = predict(
        "AR solves few of these in raster order. The same AR network now fills the surest cell first, and still takes "
        "nothing back. How many does it solve?",
        ["as few", "about half", "nearly as many as diffusion"],
    )
    order
    return (order,)


@app.cell
def _(order, run):
    orders = ("raster", "random", "confidence")
    grid = {kind: [run(kind, one) for one in orders] for kind in ("ar-random", "diffusion")}
    result(
        order,
        mo.md("Solved %, with its 95 % interval, of 40 puzzles:"),
        table(["", *orders], [[kind, *map(solved, made)] for kind, made in grid.items()]),
        "Read it by rows and by columns. With a good *order* AR comes near diffusion; with the diffusion *network* even "
        "raster order does well. Each nearly suffices, and they replace each other. Retraction is nowhere in the table.",
    )
    return grid, orders


@app.cell
def _():
    why = exercise("A friend says: diffusion in confidence order beats AR in raster order, so revising helps. How many things differ between these two, besides revising, which neither does?")
    why
    return (why,)


@app.cell
def _(why):
    checked(why, 2, "The network and the order. A comparison that changes two things at once says nothing about either; that is how the popular claim came about.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    What is it about the diffusion network? It computes at the *blank* cells too, anew before each commit, and each blank
    cell sees what is computed at the others: a scratch pad. **Blind diffusion** is as large, saw the same puzzles
    as often, and learned the same bound (its masks were drawn in another way). It re-reads the board at each call, too.
    But no other cell sees what it computes at a blank one.
    """)


@app.cell
def _():
    pad = predict("Blind diffusion re-reads everything, but has no scratch pad. Does it do as AR or as diffusion?", ["as AR", "in between", "as diffusion"])
    pad
    return (pad,)


@app.cell
def _(grid, orders, pad, run):
    blind = {"diffusion-blind": [run("diffusion-blind", one) for one in orders]}
    result(
        pad,
        mo.md("Solved %, with its 95 % interval, of the same 40 puzzles:"),
        table(["", *orders], [[kind, *map(solved, made)] for kind, made in (grid | blind).items()]),
        "Compare the rows in raster order. Where blind diffusion stays near AR, the pad made the difference there, not the reading anew, and not revising. And the pad is not the order: with the surest cell first all three do well. One network of each kind; `takeback factors` compares small ones that differ in nothing else.",
    )


if __name__ == "__main__":
    app.run()
