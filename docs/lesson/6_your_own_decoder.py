"""Lesson 6: build your own decoder and score it. make lesson N=6"""

import marimo

app = marimo.App(app_title="6. Your own decoder")

with app.setup:
    import marimo as mo
    import numpy as np
    from classroom import checked, exercise, predict, result, solved, table

    import takeback
    from csp.io import shipped_sets


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 6. Your own decoder

    A *model* is any object that says how likely each value of each blank cell is. The decode loop does the rest: order,
    veto, retraction, budget. This model is no network. It counts, of each value, how often the board holds it already,
    and thinks rare values likelier.
    """)


@app.class_definition
class RareFirst:
    name = "rare-first"

    def __init__(self, strength=1.0):
        self.strength = strength

    def open(self, boards):
        self.boards = boards
        return self

    def predict(self, rows, assignments, commit_order=None, wanted=None):
        d = self.boards.d
        held = np.stack([(assignments == value).sum(1) for value in range(1, d + 1)], axis=1)  # (rows, d)
        log_probs = -self.strength * held[:, None, :] * np.ones((*assignments.shape, 1))
        log_probs -= np.log(np.exp(log_probs).sum(-1, keepdims=True))
        asked = (assignments == 0) & self.boards.real[rows]
        nothing = np.zeros(len(rows), dtype=np.int64)
        return takeback.Prediction(log_probs, asked, nothing, nothing.astype(float))


@app.cell
def _():
    puzzles = shipped_sets.load("sudoku6", "0", 100)

    def run(model, words):
        traces = takeback.decode(takeback.parse(f"uniform:{words}"), model, puzzles, seed=0)
        return [takeback.score(trace, puzzle, takeback.pick(puzzle)) for trace, puzzle in zip(traces, puzzles)]

    return (run,)


@app.cell
def _():
    better = predict("With legality as veto, nothing taken back, the fewest legal values first: does thinking rare values likelier help?", ["yes, clearly", "hardly", "it hurts"])
    better
    return (better,)


@app.cell
def _(better, run):
    words = "order=fewest,veto=legal"
    result(
        better,
        table(
            ["model", "solved % [95 %]", "lost boards", "first dead (median)"],
            [
                [name, solved(scores), sum(bool(s.need) for s in scores), f"{np.median([s.first_dead for s in scores if s.need]):.0f}"]
                for name, scores in {"every value alike": run(takeback.Uniform(), words), "rare first": run(RareFirst(), words)}.items()
            ],
        ),
        "Compare intervals, not figures: a hundred puzzles tell apart what differs by some ten points.",
    )


@app.cell
def _():
    back = exercise("Let it go back: words = 'order=fewest,veto=legal,retraction=depth,calls=500'. Of 100, how many does RareFirst solve now?")
    back
    return (back,)


@app.cell
def _(back, run):
    searched = {name: run(model, "order=fewest,veto=legal,retraction=depth,calls=500") for name, model in {"alike": takeback.Uniform(), "rare": RareFirst()}.items()}
    number = sum(score.solved for score in searched["rare"])
    twin = sum(score.solved for score in searched["alike"])
    checked(back, number, f"Its twin, every value alike, solves {twin} by the same rule. Show the twin whenever you show a search.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    Now yours. Change `predict`, for example: a value that fits in only one cell of a row is certain there. Then check
    that your model keeps the promises that every model must keep: `takeback conform model yourfile:YourModel`.
    """)


if __name__ == "__main__":
    app.run()
