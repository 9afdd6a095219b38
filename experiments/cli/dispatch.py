"""The `takeback` command: one subcommand an experiment. Errors are one line and a non-zero exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import tyro

from csp.errors import BadInput, Undecided
from experiments.cli import signals
from experiments.cli.terminal import console

# OpenMP's idle threads spin on cores that others need: on a busy machine two threads took three times as long as one.
# Read when torch is first imported, which only the commands do.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

ABOUT = """takeback: does a generator that cannot take a token back hit a ceiling?

Sudoku and graph-colouring puzzles are solved by autoregressive and masked-diffusion networks and by solvers;
an exact oracle says when each of them went wrong, and what it would have had to take back."""


def guarded(job: Callable[[], None]) -> int:
    """Run a job; its exit code. What the user can put right is one line on standard error, no traceback."""
    try:
        job()
        sys.stdout.flush()
        return 0
    except KeyboardInterrupt as fault:
        return _interrupted(fault)
    except Exception as fault:
        # an exception that a signal raised within a library may come out of it as another one
        return _interrupted(fault) if signals.came() else _failed(fault)


def _interrupted(fault: BaseException) -> int:
    """End the workers and say that it was interrupted; the exit code."""
    line, code = signals.ended(fault)
    signals.end_workers()
    console.print(f"takeback: {line}")
    return code


def _failed(fault: Exception) -> int:
    """Say in one line what went wrong; the exit code."""
    match fault:
        case BadInput() | Undecided():
            console.print(f"takeback: {fault}")
            return 3 if isinstance(fault, Undecided) else 2
        case BrokenPipeError():
            _drop_output()
            return 141
        case OSError():
            console.print(f"takeback: {fault.filename or 'system'}: {fault.strerror or fault}")
            _drop_output()
            return 2
        case MemoryError():
            console.print("takeback: out of memory; try a smaller --batch-size")
            return 2
    if os.environ.get("TAKEBACK_DEBUG"):
        raise fault
    text = str(fault).splitlines()[0] if str(fault) else ""
    console.print(f"takeback: internal error, {type(fault).__name__}: {text} (TAKEBACK_DEBUG=1 shows where)")
    return 70


def _drop_output() -> None:
    """If standard output takes nothing (a closed pipe, a full disk), send the rest nowhere: it is flushed at exit."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(main: Callable[[Any], None], options: type, prog: str | None = None) -> None:
    """Parse the command line into options and run main on it; exits."""
    signals.install()

    def job() -> None:
        parsed = tyro.cli(options, prog=prog, args=modern(options, sys.argv[1:]))
        with signals.answered():
            main(parsed)

    sys.exit(guarded(job))


def modern(options: type, words: Sequence[str]) -> list[str]:
    """The words of a command line with old spellings of options replaced by the new ones, each with a notice.

    They stand in RENAMED_OPTIONS of the module that the options are from: {"thin": "drop-givens"}.
    """
    made = list(words)
    for old, new in getattr(sys.modules[options.__module__], "RENAMED_OPTIONS", {}).items():
        for place, word in enumerate(made):
            name, equals, value = word.partition("=")
            for dashes in ("--", "--no-"):
                if name == dashes + old:
                    made[place] = f"{dashes}{new}{equals}{value}"
                    console.print(f"note: {name} is called {dashes}{new} now; the old name works for one release")
    return made


#: name: (module, options class, function, what it answers); imported only when needed: torch takes seconds to load.
EXPERIMENTS = {
    "ceiling": ("experiments.ceiling.command", "Ceiling", "main", "who needs to take a token back, and cannot?"),
    "frontier": ("experiments.frontier", "Frontier", "main", "success against calls and FLOPs"),
    "evaluate": ("experiments.evaluate", "Evaluate", "main", "your puzzles, or a shipped set, by need of search"),
    "score": ("experiments.score", "ScoreCommand", "main", "your decoder's traces, or a model's transcripts"),
    "ask": ("experiments.ask.command", "Ask", "main", "a served model, at any OpenAI-compatible endpoint"),
    "site": ("experiments.site", "Site", "main", "the story in five scenes, in your browser"),
    "report": ("experiments.report", "Report", "main", "a run as a page: boards played back, when each was lost"),
    "gif": ("experiments.gif", "Gif", "main", "a puzzle of a run as a moving picture, for slides"),
    "serve": ("experiments.serve", "Serve", "main", "the runs of a folder as pages, on this machine only"),
    "decoders": ("experiments.decoders", "Decoders", "main", "every word that a decoder can be spelled with"),
    "control": ("experiments.control.command", "Control", "main", "steering frozen networks towards targets"),
    "factors": ("experiments.factors.command", "Factors", "main", "which of order, workspace, search closes the gap?"),
    "likelihood": (
        "experiments.likelihood.command",
        "Likelihood",
        "main",
        "how far off are estimates of a diffusion net's likelihood?",
    ),
    "reinforcement": (
        "experiments.reinforcement.command",
        "Reinforcement",
        "main",
        "do estimated likelihoods hurt a policy that learns from rewards?",
    ),
    "policies": (
        "experiments.policies.command",
        "Policies",
        "main",
        "does learning the order gain more, or learning what to take back?",
    ),
    "subnetworks": (
        "experiments.subnetworks.command",
        "Subnetworks",
        "main",
        "which weights does learning from rewards change?",
    ),
    "scaling": ("experiments.scaling.command", "Scaling", "main", "does scaling need autoregression?"),
    "selection": (
        "experiments.selection.command",
        "Selection",
        "main",
        "does data chosen by gradients beat all of it?",
    ),
    "samplers": (
        "experiments.samplers.command",
        "Samplers",
        "main",
        "published ways to take back, on networks that learned to revise",
    ),
    "ablations": ("experiments.ablations", "Ablations", "main", "what each choice in training buys"),
    "train": ("experiments.train", "Train", "main", "train a network"),
    "export": ("experiments.export", "Export", "main", "a network as an ONNX file, for other programs"),
    "results": ("experiments.query", "Query", "main", "the runs you have; questions about them in SQL"),
    "markdown": ("experiments.markdown.command", "Markdown", "main", "a run's tables; the documents' figures"),
}
INSTANCES = {
    "make": ("experiments.instances.make", "Make", "make", "draw puzzles of a family that need search"),
    "grade": ("experiments.instances.grade", "Grade", "grade", "certify how much search puzzles need"),
    "convert": ("experiments.instances.convert", "Convert", "convert", "a file of puzzles in another format"),
    "from": ("experiments.instances.borrow", "From", "fetch", "puzzles of another project, certified"),
    "sweep": ("experiments.instances.sweep", "Sweep", "main", "graphs across the colouring threshold"),
    "families": ("experiments.instances.families", "Families", "families", "what can be drawn, and its words"),
}
CONFORM = {
    "solver": ("experiments.conform.solver", "Solver", "main", "a solver: right, and right about what is unsolvable?"),
    "model": ("experiments.conform.model", "Model", "main", "a model, by itself and under any decoder"),
    "traces": ("experiments.conform.traces", "Traces", "main", "traces, whatever made them"),
}
GROUPS = {
    "instances": ("make, grade and convert puzzles that are known to need search", INSTANCES),
    "conform": ("run our properties on a solver, model or traces of yours", CONFORM),
}
#: Old names of commands, each with its present one.
RENAMED = {"recipes": "ablations"}
Jobs = dict[str, tuple[str, str, str, str]]


def overview(jobs: Jobs, prog: str, about: str) -> str:
    """The commands, a line each."""
    lines = [about, "", f"usage: {prog} COMMAND [--help]", ""]
    lines += [f"  {name:<10} {what}" for name, (*_, what) in jobs.items()]
    if jobs is EXPERIMENTS:
        lines += [f"  {name:<10} {what}: {', '.join(members)}" for name, (what, members) in GROUPS.items()]
    return "\n".join(lines)


def dispatch(jobs: Jobs, prog: str, about: str, words: Sequence[str]) -> None:
    """Run the job that the first word names, with the options that the others give; without one, list the jobs.

    Raises BadInput for a word that names none.
    """
    if not words or words[0] in ("-h", "--help"):
        print(overview(jobs, prog, about))
        return
    name = words[0]
    if name in RENAMED and name not in jobs:
        console.print(f"note: {name} is called {RENAMED[name]} now; the old name works for one more release")
        name = RENAMED[name]
    if name not in jobs:
        every = [*jobs, *(GROUPS if jobs is EXPERIMENTS else ())]
        raise BadInput(f"no command {name!r}; there are {', '.join(every)}")
    module, options, function, _ = jobs[name]
    loaded = import_module(module)
    kind = getattr(loaded, options)
    parsed = tyro.cli(kind, prog=f"{prog} {name}", args=modern(kind, words[1:]))
    with signals.answered():
        getattr(loaded, function)(parsed)


def entry() -> None:
    """The command line, as experiments/cli/entry.py starts it."""
    signals.install()

    def job() -> None:
        words = sys.argv[1:]
        if words and words[0] in GROUPS:
            about, members = GROUPS[words[0]]
            dispatch(members, f"takeback {words[0]}", f"takeback {words[0]}: {about}.", words[1:])
        else:
            dispatch(EXPERIMENTS, "takeback", ABOUT, words)

    sys.exit(guarded(job))


if __name__ == "__main__":
    entry()
