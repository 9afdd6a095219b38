"""Models whose behaviour is known, behind a server that speaks OpenAI's chat protocol on this machine alone.

    python docs/examples/scripted_models.py puzzles.jsonl 8123      # then takeback ask --endpoint http://localhost:8123/v1

    never      fills cell after cell with a value that breaks no rule yet (or else with 1); never takes anything back
    random     the same, and after some moves takes back one of its earlier ones, drawn at random, and fills it anew
    search     searches depth-first, and says every take-back
    claims     as never, but says take-backs that it does not make: of blank cells, and of a value that it puts back

What each writes, and what it knows of its own take-backs, is a Script.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np

import takeback
from csp.io.instance_records import is_board
from csp.seeds import stream
from experiments.ask.prompts import readable, words


@dataclass
class Script:
    """lines: the reply. board: as the model knows it. claimed, made: take-backs that it says, and that it makes."""

    puzzle: takeback.Instance
    lines: list[str] = field(default_factory=list)
    claimed: int = 0
    made: int = 0
    needless: int = 0  # made on a board that a solution extends

    def __post_init__(self) -> None:
        self.board = self.puzzle.givens.copy()
        self.oracle = takeback.pick(self.puzzle)

    def place(self, cell: int) -> str:
        """What the prompt calls a cell."""
        d = self.puzzle.problem.d
        if is_board(self.puzzle.problem):
            return f"r{cell // d + 1}c{cell % d + 1}"
        names = getattr(readable(self.puzzle).problem, "names", ())
        return names[cell] if names else f"node {cell}"

    def write(self, cell: int, value: int) -> None:
        """Commit a value."""
        self.board[cell] = value
        self.lines.append(f"{self.place(cell)} = {value}")

    def claim(self, cell: int) -> None:
        """Say a take-back."""
        self.claimed += 1
        self.lines.append(f"undo {self.place(cell)}")

    def take_back(self, cell: int) -> None:
        """Say it and make it."""
        self.claim(cell)
        self.made += 1
        self.needless += bool(self.oracle.alive(self.board[None])[0])
        self.board[cell] = 0

    def fitting(self, cell: int) -> list[int]:
        """The values of a blank cell that break no rule yet."""
        found = []
        for value in range(1, self.puzzle.problem.d + 1):
            tried = self.board.copy()
            tried[cell] = value
            if not self.puzzle.problem.violated(tried).any():
                found.append(value)
        return found

    def blank(self) -> list[int]:
        """The cells that are to be filled."""
        return np.nonzero(self.board == 0)[0].tolist()


def never(script: Script, rng: np.random.Generator) -> None:
    """Reading order, a fitting value drawn at random, 1 if none fits."""
    for cell in script.blank():
        fitting = script.fitting(cell)
        script.write(cell, int(rng.choice(fitting)) if fitting else 1)


def at_random(script: Script, rng: np.random.Generator) -> None:
    """After every third move or so one of the earlier ones is taken back, and filled with another value."""
    for cell in script.blank():
        fitting = script.fitting(cell)
        script.write(cell, int(rng.choice(fitting)) if fitting else 1)
        if rng.random() < 0.3:
            written = np.nonzero((script.board > 0) & (script.puzzle.givens == 0))[0]
            again = int(rng.choice(written))
            before = int(script.board[again])
            script.take_back(again)
            others = [value for value in range(1, script.puzzle.problem.d + 1) if value != before]
            script.write(again, int(rng.choice([v for v in script.fitting(again) if v != before] or others)))


def search(script: Script, rng: np.random.Generator) -> None:
    """Depth-first, the cell with the fewest fitting values first."""

    def go() -> bool:
        left = script.blank()
        if not left:
            return True
        cell = min(left, key=lambda cell: len(script.fitting(cell)))
        for value in script.fitting(cell):
            script.write(cell, value)
            if go():
                return True
            script.take_back(cell)
        return False

    go()


def claims(script: Script, rng: np.random.Generator) -> None:
    """Every other move is followed by a take-back that is none."""
    for number, cell in enumerate(script.blank()):
        fitting = script.fitting(cell)
        value = int(rng.choice(fitting)) if fitting else 1
        script.write(cell, value)
        left = script.blank()
        if number % 4 == 0 and left:
            script.claim(left[-1])  # there is nothing in it
        elif number % 4 == 2:
            script.claim(cell)
            script.write(cell, value)  # the same again


MODELS: dict[str, Callable[[Script, np.random.Generator], None]] = {
    "never": never,
    "random": at_random,
    "search": search,
    "claims": claims,
}


def played(model: str, puzzle: takeback.Instance) -> Script:
    """What a model does with a puzzle: the same every time."""
    script = Script(puzzle)
    MODELS[model](script, stream("scripted", model, puzzle.id))
    return script


class Handler(BaseHTTPRequestHandler):
    """Answers POST .../chat/completions; `puzzles` are those that prompts may be about."""

    puzzles: Sequence[takeback.Instance] = ()

    def do_POST(self) -> None:
        """The script of the puzzle whose words are in the prompt."""
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prompt = asked["messages"][-1]["content"]
        known = [puzzle for puzzle in self.puzzles if words(readable(puzzle))["puzzle"] in prompt]
        if asked["model"] not in MODELS or not known:
            what = f"no model {asked['model']!r}" if asked["model"] not in MODELS else "a puzzle that is not known here"
            self._answer(404, {"error": {"message": what}})
            return
        text = "\n".join(played(asked["model"], known[0]).lines)
        counted = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        counted["total_tokens"] = sum(counted.values())
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "finish_reason": "stop", "message": message}
        about = {"id": "scripted", "object": "chat.completion", "created": 0, "model": asked["model"]}
        self._answer(200, about | {"choices": [choice], "usage": counted})

    def do_GET(self) -> None:
        """The names of the models."""
        self._answer(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in MODELS]})

    def _answer(self, status: int, about: dict) -> None:
        body = json.dumps(about).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *words: object) -> None:
        """Nothing: the program that asks shows how far it is."""


def server(puzzles: Sequence[takeback.Instance], port: int = 0) -> ThreadingHTTPServer:
    """A server on loopback, not yet running; port 0 takes a free one."""
    handler = type("Scripted", (Handler,), {"puzzles": puzzles})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)


if __name__ == "__main__":
    with server(takeback.read_puzzles(Path(sys.argv[1])), int(sys.argv[2])) as running:
        print(
            f"takeback ask --endpoint http://127.0.0.1:{running.server_port}/v1 --model never --puzzles {sys.argv[1]}"
        )
        running.serve_forever()
