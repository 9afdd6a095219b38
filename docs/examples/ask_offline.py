"""Two models of known behaviour, asked and compared, without any network: one never takes back, one does at random.

    python docs/examples/ask_offline.py [FOLDER]

It starts the server of scripted_models.py on this machine, runs `takeback ask` on each, then `takeback ask --compare`.
Folders with the replies are left in FOLDER (results/ask-offline).
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import scripted_models

import takeback

COUNT = 10


def ask(*words: str, quiet: bool = False) -> None:
    """Run `takeback ask`, as a shell would."""
    command = [sys.executable, "-m", "experiments.cli.entry", "ask", *words]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL if quiet else None)


def main() -> None:
    """Draw puzzles, ask both models, compare them."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/ask-offline")
    puzzles = [takeback.draw("sudoku4", seed=1, split="test", index=index) for index in range(COUNT)]
    puzzles += [takeback.draw("colouring", seed=1, split="test", index=index) for index in range(COUNT)]
    folder.mkdir(parents=True, exist_ok=True)
    takeback.write_puzzles(folder / "puzzles.jsonl", puzzles)

    with scripted_models.server(puzzles) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/v1"
        for model in ("never", "random"):
            about = ("--endpoint", address, "--model", model, "--puzzles", str(folder / "puzzles.jsonl"))
            ask(*about, "--out", str(folder / model), quiet=True)
        server.shutdown()
    ask("--compare", str(folder / "never"), str(folder / "random"), "--out", str(folder / "compared"))

    print("What the scripts know of themselves:")
    for model in ("never", "random"):
        scripts = [scripted_models.played(model, puzzle) for puzzle in {p.id: p for p in puzzles}.values()]
        solved = sum(bool(script.puzzle.solved(script.board)) for script in scripts)
        claimed, made, needless = (sum(getattr(s, name) for s in scripts) for name in ("claimed", "made", "needless"))
        print(
            f"{model}: {solved} of {len(scripts)} solved; {claimed} take-backs said, {made} made, {needless} needless"
        )


if __name__ == "__main__":
    main()
