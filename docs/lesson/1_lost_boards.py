"""Lesson 1: what a commit is, and the moment a board is lost. make lesson N=1"""

import marimo

app = marimo.App(app_title="1. The moment a board is lost")

with app.setup:
    import marimo as mo
    import numpy as np
    from classroom import board, checked, exercise, predict, result

    import takeback


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 1. The moment a board is lost

    A *decoder* fills a board one cell at a time. Giving a cell a value is a **commit**. While some solution still
    extends the board it is **alive**; the commit that ends that is a **dead end**. An *oracle*, a program that
    searches exactly, can tell. The decoder cannot.
    """)


@app.cell
def _():
    puzzle = takeback.draw("sudoku4", seed=0, split="test", index=3)
    board(puzzle, puzzle.givens)
    return (puzzle,)


@app.cell
def _(puzzle):
    # No network: in every cell each value is equally likely. Row by row, and it may not even look at the rules.
    decoder = takeback.parse("uniform:order=raster,temperature=1")
    trace = takeback.decode(decoder, takeback.Uniform(), [puzzle], seed=1)[0]
    states = takeback.replay(trace, puzzle.givens)  # the board before any event and after each
    blanks = int((puzzle.givens == 0).sum())
    return blanks, states, trace


@app.cell
def _(blanks):
    when = predict(f"It writes {blanks} values. After which is the board lost?", ["the first or second", "about half of them", "nearly all"])
    when
    return (when,)


@app.cell
def _(puzzle, states, trace, when):
    alive = takeback.pick(puzzle).alive(states)
    pictures = [
        board(puzzle, state, trace.events[place - 1].cell if place else None, not lives)
        for place, (state, lives) in enumerate(zip(states[:5], alive))
    ]
    result(when, mo.hstack(pictures, justify="start", wrap=True), "Each picture is one commit further. The frame turns when no solution is left.")
    return (alive,)


@app.cell
def _():
    shows = exercise("The board is lost at one commit, but a rule is broken, or a cell has no value left, only some commits later. How many later? (0: at once)")
    shows
    return (shows,)


@app.cell
def _(puzzle, shows, trace):
    score = takeback.score(trace, puzzle, takeback.pick(puzzle))
    checked(shows, score.lag, f"The scorer calls this the **lag**. The board died at commit {score.first_dead}; whoever can see only rules learns of it {score.lag} commits later.")
    return (score,)


@app.cell(hide_code=True)
def _():
    mo.md("""
    One board can mislead. Here are 200 attempts at 6x6 boards, by the same decoder, but it now leaves out values that
    stand in the same row, column or box (*veto=legal*). So no rule is ever broken.
    """)


@app.cell
def _():
    many = predict("Of 200 attempts that never break a rule, how many end solved?", ["nearly all", "about half", "hardly any"])
    many
    return (many,)


@app.cell
def _(many):
    boards = [takeback.draw("sudoku6", seed=0, split="test", index=index) for index in range(200)]
    traces = takeback.decode(takeback.parse("uniform:order=raster,veto=legal,temperature=1"), takeback.Uniform(), boards, seed=0)
    scores = [takeback.score(trace, puzzle, takeback.pick(puzzle)) for trace, puzzle in zip(traces, boards)]
    solved = sum(score.solved for score in scores)
    first = [score.first_dead for score in scores if score.need]
    result(
        many,
        f"**{solved} of 200.** The others were lost after {np.median(first):.0f} commits (median), and it showed {np.median([s.lag for s in scores if s.lag is not None]):.0f} commits later.",
        "To break no rule is not to be right: a legal value can leave some other cell, far away, without a value.",
    )
    return scores, solved


@app.cell
def _(scores):
    worth = exercise("Of these 200, how many were lost and ended solved all the same?")
    assert sum(bool(score.met) for score in scores) == 0
    worth
    return (worth,)


@app.cell
def _(worth):
    checked(worth, 0, "It could not be otherwise: nothing is ever taken back. That is an identity and no finding; what is found is how early, how unseen, and how often boards are lost.")


if __name__ == "__main__":
    app.run()
