"""`takeback ask`: put puzzles to a served model, keep every reply as it came, and score what was said.

    takeback ask --endpoint http://localhost:8000/v1 --model qwen3 --puzzles hard.jsonl
    takeback ask --puzzles hard.jsonl --style steps --show-prompt
    takeback ask --compare results/ask-qwen3-steps results/ask-llama3-steps

Any server that speaks OpenAI's chat protocol will do: vLLM, llama.cpp, Ollama, hosted ones. A reply that is kept is
never asked for again; a run that was stopped goes on with the same command. docs/served-models.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import tyro

from csp.errors import BadInput
from csp.problem import Instance
from experiments import score
from experiments.ask import results, tables
from experiments.ask.asking import Asking, kept
from experiments.ask.prompts import prompt, readable, template
from experiments.ask.questions import Question, questions
from experiments.ask.results import Asked
from experiments.ask.server import Fault, Server
from experiments.cli.options import slug
from experiments.cli.signals import interrupted_says
from experiments.cli.terminal import console, progress
from experiments.engine.folder import OtherRun, RunFolder, kept_in
from experiments.puzzle_files.options import PuzzleOptions

KEY = "OPENAI_API_KEY"
TOLD = 20  # lines of progress, at most, where there is no terminal
FAULTS_SHOWN = 3


@dataclass(frozen=True)
class Ask(PuzzleOptions):
    """Ask a served model to solve puzzles: when did it need to take something back, and did it?"""

    endpoint: Annotated[str | None, tyro.conf.arg(metavar="URL")] = None
    """Of an OpenAI-compatible server, like http://localhost:8000/v1 (vLLM) or http://localhost:11434/v1 (Ollama)."""
    model: Annotated[str | None, tyro.conf.arg(metavar="NAME")] = None
    """What the server calls the model."""
    puzzles: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """The puzzles: any format of `takeback instances`."""
    colours: Annotated[int | None, tyro.conf.arg(metavar="K")] = None
    """Number of colours for a graph's file."""
    count: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Only the first N puzzles of the file."""
    style: Literal["steps", "answer", "free"] = "steps"
    """steps: a move a line, take-backs in words; answer: the finished puzzle alone; free: reason, then the puzzle."""
    prompt: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """A prompt of your own in place of the style's: text in which $puzzle, $rules, $move, $undo, $answer are filled."""
    samples: Annotated[int, tyro.conf.arg(metavar="K")] = 1
    """Replies a puzzle."""
    temperature: float | None = None
    """Of sampling (default: the server's own)."""
    top_p: float | None = None
    """Likewise."""
    seed: int | None = None
    """Each request is sent a seed that derives from it (default: none is sent; some servers refuse it)."""
    max_tokens: Annotated[int, tyro.conf.arg(metavar="N")] = 4096
    """The longest reply, reasoning included; what reaches it is counted as cut off."""
    length_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """What the server calls that limit; newer hosted models take max_completion_tokens alone."""
    extra: Annotated[str | None, tyro.conf.arg(metavar="JSON")] = None
    """Further fields of each request, like '{"reasoning_effort": "low"}'."""
    parallel: Annotated[int, tyro.conf.arg(metavar="N")] = 4
    """Requests under way at a time."""
    retries: Annotated[int, tyro.conf.arg(metavar="N")] = 5
    """Further attempts after a busy or failing server, a time-out or a dropped connection."""
    timeout: float = 600.0
    """Seconds until a request is given up."""
    token_budget: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """Tokens that all requests of the folder may cost together; asking stops before that is passed."""
    key_from: Annotated[str, tyro.conf.arg(metavar="VARIABLE")] = KEY
    """The environment variable that holds the server's key, if it wants one. A key is never written anywhere."""
    reasoning: tyro.conf.FlagCreatePairsOff[bool] = False
    """Score what the model reasoned, too, before what it answered."""
    score_cut_off: tyro.conf.FlagCreatePairsOff[bool] = False
    """Score replies that were cut off as far as they go."""
    show_prompt: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print what would be sent for the first puzzle, and send nothing."""
    compare: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR ...")] = ()
    """Ask nothing: score these folders of `takeback ask` together, in pairs on the same puzzles."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for replies and results (default: results/ask-MODEL-STYLE; results/ask-compare)."""
    workers: int = 0
    """Processes that score; 0 = as many as there are cores. Changes no figure."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print JSON instead of tables."""

    @property
    def asked_in(self) -> str:
        """The style's name, or that of the prompt's file."""
        return self.prompt.stem if self.prompt else self.style

    def settings(self) -> dict[str, object]:
        """What a request holds besides its prompt and its limit of tokens, left out where it is the server's own."""
        named = {"temperature": self.temperature, "top_p": self.top_p}
        return {"model": self.model} | {name: value for name, value in named.items() if value is not None}

    def further(self) -> dict[str, object]:
        """--extra. Raises BadInput unless it is a JSON object without fields that have options of their own."""
        try:
            made = json.loads(self.extra or "{}")
        except ValueError as fault:
            raise BadInput(f"--extra: not JSON ({fault})") from None
        if not isinstance(made, dict):
            raise BadInput('--extra: not a JSON object, like \'{"reasoning_effort": "low"}\'')
        own = ("model", "messages", "temperature", "top_p", "seed", "max_tokens", "max_completion_tokens")
        if taken := [name for name in made if name in own]:
            raise BadInput(f"--extra: {taken[0]} has an option of its own, or is not to be set")
        if made.get("stream") or made.get("n", 1) != 1:
            raise BadInput("--extra: replies come whole and one by one; there is no stream and no n (--samples)")
        return made


def main(options: Ask) -> None:
    """Run it. Raises BadInput for options that do not fit, and if the server ended the asking."""
    if options.compare:
        _compare(options)
        return
    if options.puzzles is None:
        raise BadInput("--puzzles FILE: which puzzles are asked about? `takeback instances make` draws some")
    text = template(options.style, options.prompt)
    if options.show_prompt:
        first = options.puzzles_of(options.puzzles, options.colours)[0]
        print(prompt(readable(first), text))
        return
    _ask(options, text)


def _check(options: Ask) -> None:
    """Raises BadInput for numbers out of range, and where no server or model is named."""
    if options.endpoint is None or options.model is None:
        missing = "--endpoint URL" if options.endpoint is None else "--model NAME"
        raise BadInput(f"{missing} is needed to ask a model (--show-prompt asks none, --compare DIR DIR neither)")
    for name in ("samples", "max_tokens", "parallel", "count", "token_budget"):
        if (number := getattr(options, name)) is not None and number < 1:
            raise BadInput(f"--{name.replace('_', '-')} {number}: at least 1")
    if options.retries < 0 or options.workers < 0:
        raise BadInput("--retries and --workers are at least 0")
    if not 0 < options.timeout < float("inf"):
        raise BadInput(f"--timeout {options.timeout:g}: seconds, more than 0")
    if not options.model.isprintable() or not 0 < len(options.model) <= 150:
        raise BadInput("--model: 1 to 150 printable characters")


def _key(options: Ask) -> str | None:
    """The server's key. Raises BadInput if a variable was named and is not set, or holds what no header can."""
    key = os.environ.get(options.key_from, "").strip()
    if not key and options.key_from != KEY:
        raise BadInput(f"--key-from {options.key_from}: no such variable in the environment, or an empty one")
    if not (key.isascii() and key.isprintable()):
        raise BadInput(f"the key in {options.key_from} holds characters that no key has")
    return key or None


def _ask(options: Ask, text: str) -> None:
    """Ask what is missing, then score all that is there."""
    _check(options)
    extra, key = options.further(), _key(options)
    server = Server(options.endpoint or "", key, options.timeout)
    read = options.read_puzzles(options.puzzles, options.colours, options.count, one_kind=False)
    instances = [readable(instance) for instance in read]
    settings = options.settings()
    sent = settings | extra | {options.length_field: options.max_tokens}
    every = questions(instances, text, sent, options.samples, options.max_tokens, options.seed)
    decoder = f"{options.model} {options.asked_in}"
    folder = _folder(options.out or Path("results") / slug(f"ask-{options.model}-{options.asked_in}"), {})
    state = kept(folder.path, {question.key for question in every})

    asking = _Run(options, folder, server, state, every)
    with interrupted_says(lambda: f"{asking.came} replies came; {kept_in(folder.path)}"):
        asking.run()
    if asking.failed and not state.replies:
        raise BadInput(asking.stopped)
    collected = results.collect(every, state, decoder, options.reasoning, options.score_cut_off)
    asked = results.write(folder.path, instances, collected)
    rows = _score(options, folder.path, instances, asked)
    about = {
        "endpoint": server.endpoint,
        "settings": sent | {"seed": options.seed},
        "prompt": text,
        "samples": options.samples,
        "stopped": asking.stopped,
        "tokens spent": state.spent,
        "takeback": metadata.version("takeback"),
        "openai": metadata.version("openai"),
        "rows": rows,
    }
    complete = all(one.replied for one in asked)
    folder.write_card({"status": "complete" if complete else "stopped", **about})
    folder.unlock()
    _say_what_is_left(asked, state.spent, folder.path)
    if asking.failed:
        raise BadInput(f"{asking.stopped}; {kept_in(folder.path)}")
    if asking.stopped:
        console.print(f"stopped: {asking.stopped}")


def _folder(path: Path, about: dict) -> RunFolder:
    """The folder, whatever was asked there before: replies are told apart by their keys."""
    try:
        return RunFolder(path, {"command": "ask", **about})
    except OtherRun:
        held = "replies of a model" if about else "several folders compared"
        raise BadInput(f"{path} holds {held}; choose another --out") from None


class _Run:
    """Asks what a folder lacks, and shows how far it is."""

    def __init__(self, options: Ask, folder: RunFolder, server: Server, state: object, every: Sequence[Question]):
        self.options, self.server, self.every, self.state = options, server, every, state
        self.missing = [question for question in every if question.key not in state.replies]
        self.loop = Asking(
            folder.path,
            server,
            state,
            options.token_budget,
            options.parallel,
            options.retries,
            self._told,
            console.print,
        )
        self.came = 0
        self.ended = 0

    def run(self) -> None:
        """Ask, unless nothing is missing."""
        have = len(self.every) - len(self.missing)
        if have:
            console.print(f"{have} of {len(self.every)} replies are there already")
        if not self.missing:
            return
        with progress("replies") as self.bar:
            self.task = self.bar.add_task("asking", total=len(self.every), completed=have)
            self.loop.run(self.missing)

    def _told(self, question: Question, outcome: dict | Fault) -> None:
        self.ended += 1
        self.came += not isinstance(outcome, Fault)
        self.bar.advance(self.task)
        step = max(1, len(self.missing) // TOLD)
        if not console.is_terminal and (self.ended % step == 0 or self.ended == len(self.missing)):
            failed = self.ended - self.came
            console.print(f"{self.came}/{len(self.missing)} replies" + f", {failed} failed" * bool(failed))

    @property
    def stopped(self) -> str:
        """Why it ended before all was asked, "" if it did not."""
        return self.loop.stopped

    @property
    def failed(self) -> bool:
        """Whether that was the server's fault."""
        return self.loop.failed


def _score(options: Ask, folder: Path, instances: Sequence[Instance], asked: Sequence[Asked]) -> list[dict]:
    """Score a folder's transcripts by `takeback score`, and show all there is; the rows of what was asked."""
    made = None
    if any(one.scored for one in asked):
        words = score.ScoreCommand(
            folder / "transcripts.jsonl", folder / "puzzles.jsonl", out=folder / "score", workers=options.workers
        )
        try:
            made = score.scored(words)
        except BadInput as fault:
            console.print(f"nothing could be scored: {fault}")
    rows = tables.counts(instances, asked, made)
    if options.json:
        found = made.about if made else {"rows": [], "pairs": []}
        print(json.dumps({"asked": rows, "rows": found["rows"], "pairs": found["pairs"]}, indent=1))
    else:
        tables.tell(rows, made)
    return rows


def _say_what_is_left(asked: Sequence[Asked], spent: int, folder: Path) -> None:
    """Name the first faults, count the rest, and say where everything is."""
    faults = [one for one in asked if one.status == "failed"]
    for one in faults[:FAULTS_SHOWN]:
        console.print(f"failed: puzzle {one.instance}, sample {one.seed}: {one.fault}")
    if faults:
        console.print(f"{len(faults)} failed in all (asked.jsonl names each); the same command asks them again")
    console.print(f"{spent:,} tokens in all, as far as is known; replies, transcripts and scores are in {folder}")
    if any(one.scored for one in asked):
        console.print(f"every figure: takeback score {folder}/transcripts.jsonl --instances {folder}/puzzles.jsonl")


def _compare(options: Ask) -> None:
    """Score several folders together."""
    for folder in options.compare:
        if not folder.is_dir():
            raise BadInput(f"--compare {folder}: no such folder")
    instances, made = results.together(options.compare)
    folder = _folder(options.out or Path("results") / "ask-compare", {"of": "several"})
    asked = results.write(folder.path, instances, made)
    rows = _score(options, folder.path, instances, asked)
    folder.write_card({"status": "complete", "folders": [str(path) for path in options.compare], "rows": rows})
    folder.unlock()
    console.print(f"all of it together is in {folder.path}")


if __name__ == "__main__":
    from experiments.cli.dispatch import run

    run(main, Ask)
