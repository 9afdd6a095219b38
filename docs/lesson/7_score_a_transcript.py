"""Lesson 7: score a language model's transcript. make lesson N=7"""

import marimo

app = marimo.App(app_title="7. Score a transcript")

with app.setup:
    import json
    import tempfile
    from pathlib import Path

    import marimo as mo
    from classroom import checked, exercise, predict, result, table

    import takeback
    from csp.io.instance_records import write_jsonl
    from experiments.score import ScoreCommand
    from experiments.score import main as score


@app.cell(hide_code=True)
def _():
    mo.md("""
    # 7. Score a transcript

    A language model writes text. What of it is a *move*? A statement that gives a cell a value, or takes one back. A
    reader turns text into moves, and says what it could not read; nothing is guessed. Then the same scorer as for any
    decoder tells when the board was lost.
    """)


@app.cell
def _():
    puzzle = takeback.draw("sudoku4", seed=0, split="test", index=3)
    free = [int(cell) for cell in range(16) if not puzzle.givens[cell]]

    def says(cell, value):
        return f"Row {cell // 4 + 1}, column {cell % 4 + 1} is {value}."

    wrong = puzzle.witness[free[1]] % 4 + 1
    honest = [says(cell, puzzle.witness[cell]) for cell in free]
    sorry = [honest[0], says(free[1], wrong), "Wait, that cannot be right.", f"Undo row {free[1] // 4 + 1}, column {free[1] % 4 + 1}.", *honest[1:]]
    stubborn = [honest[0], says(free[1], wrong), "Let me think about the third row.", *honest[2:]]
    texts = {"honest": honest, "sorry": sorry, "stubborn": stubborn}
    mo.md("**One of the transcripts**\n\n" + "\n".join(f"> {line}\n>" for line in sorry[:6]) + "\n> ...")
    return puzzle, texts


@app.cell
def _(puzzle, texts):
    folder = Path(tempfile.mkdtemp())
    (folder / "puzzles.jsonl").write_text(write_jsonl([puzzle]))
    lines = [json.dumps({"instance": puzzle.id, "decoder": name, "text": "\n".join(said)}) for name, said in texts.items()]
    (folder / "chats.jsonl").write_text("\n".join(lines) + "\n")
    with mo.redirect_stdout():
        score(ScoreCommand(folder / "chats.jsonl", folder / "puzzles.jsonl", out=folder / "run", workers=1, json=True))
    return (folder,)


@app.cell
def _():
    which = predict("Three transcripts: one without error, one that errs and erases, one that errs and goes on. Which of them *needed* to take something back?", ["only the one that erased", "the last two", "none"])
    which
    return (which,)


@app.cell
def _(folder, which):
    kept = {row["decoder"]: row for row in json.loads((folder / "run" / "run.json").read_text())["rows"] if row["stratum"] == "all"}
    rows = [[name, *(int(row[key]["value"]) for key in ("solved", "need", "met", "retractions"))] for name, row in kept.items()]
    result(
        which,
        table(["transcript", "solved", "needed it", "and recovered", "taken back"], rows),
        "The last two entered a dead end. One met the need, the other could have and did not. A model that writes "
        "*undo* can take back: text is its undo.",
    )
    return (kept,)


@app.cell
def _():
    prose = exercise("'Wait, that cannot be right.' and 'Let me think about the third row.' are no moves. How many lines of the stubborn transcript were read as no move?")
    prose
    return (prose,)


@app.cell
def _(folder, prose):
    attempts = {one["decoder"]: one for one in map(json.loads, (folder / "run" / "attempts.jsonl").read_text().splitlines())}
    stubborn_ = attempts["stubborn"]
    checked(prose, stubborn_["lines of prose"], f"It followed {stubborn_['statements followed']} statements. `skipped.txt` lists every line that was not read, and why.")


@app.cell(hide_code=True)
def _():
    mo.md("""
    With texts of your own: `takeback score chats.jsonl --instances puzzles.jsonl`, then `takeback report DIR` plays back
    what was read. Look at some boards before you believe a table.
    """)


if __name__ == "__main__":
    app.run()
