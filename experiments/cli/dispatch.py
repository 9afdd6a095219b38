"""The `takeback` command: one subcommand an experiment. Errors are one line and a non-zero exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

import tyro

from csp.errors import BadInput
from experiments.cli.terminal import console
from solvers.oracles.base import Undecided

ABOUT = """takeback: does a generator that cannot take a token back hit a ceiling?

Sudoku and graph-colouring puzzles are solved by autoregressive and masked-diffusion networks and by solvers;
an exact oracle says when each of them went wrong, and what it would have had to take back."""


def guarded(job: Callable[[], None]) -> int:
    """Run a job; its exit code. What the user can put right is one line on standard error, no traceback."""
    try:
        job()
        sys.stdout.flush()
        return 0
    except (BadInput, Undecided) as fault:
        console.print(f"takeback: {fault}")
        return 3 if isinstance(fault, Undecided) else 2
    except KeyboardInterrupt:
        console.print("takeback: interrupted; what was finished is kept, and the same command goes on from there")
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as fault:
        console.print(f"takeback: {fault.filename or 'system'}: {fault.strerror or fault}")
        return 2
    except MemoryError:
        console.print("takeback: out of memory; try a smaller --batch-size")
        return 2
    except Exception as fault:
        if os.environ.get("TAKEBACK_DEBUG"):
            raise
        text = str(fault).splitlines()[0] if str(fault) else ""
        console.print(f"takeback: internal error, {type(fault).__name__}: {text} (TAKEBACK_DEBUG=1 shows where)")
        return 70


def run(main: Callable[[Any], None], options: type, prog: str | None = None) -> None:
    """Parse the command line into options and run main on it; exits."""
    sys.exit(guarded(lambda: main(tyro.cli(options, prog=prog, args=modern(options, sys.argv[1:])))))


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


#: name: (module, options class, function); imported only when needed, because torch takes seconds to load.
EXPERIMENTS = {
    "ceiling": ("experiments.ceiling", "Ceiling", "main"),
    "evaluate": ("experiments.evaluate", "Evaluate", "main"),
    "frontier": ("experiments.frontier", "Frontier", "main"),
    "control": ("experiments.control.command", "Control", "main"),
    "decoders": ("experiments.decoders", "Decoders", "main"),
    "score": ("experiments.score", "ScoreCommand", "main"),
    "ablations": ("experiments.ablations", "Ablations", "main"),
    "train": ("experiments.train", "Train", "main"),
}
INSTANCES = {
    "make": ("experiments.instances.make", "Make", "make"),
    "grade": ("experiments.instances.grade", "Grade", "grade"),
    "convert": ("experiments.instances.convert", "Convert", "convert"),
    "from": ("experiments.instances.borrow", "From", "fetch"),
    "sweep": ("experiments.instances.sweep", "Sweep", "main"),
    "families": ("experiments.instances.families", "Families", "families"),
}
GROUPS = {"instances": ("make, grade and convert puzzles that are known to need search", INSTANCES)}
Jobs = dict[str, tuple[str, str, str]]


def dispatch(jobs: Jobs, prog: str, about: str, words: Sequence[str]) -> None:
    """Run the job that the first word names, with the options that the others give."""
    wanted = {words[0]: jobs[words[0]]} if words and words[0] in jobs else jobs
    modules = {name: import_module(module) for name, (module, _, _) in wanted.items()}
    kinds = {name: getattr(modules[name], options) for name, (_, options, _) in wanted.items()}
    if len(wanted) == 1:  # one subcommand alone is parsed as itself
        (name,) = wanted
        parsed = tyro.cli(kinds[name], prog=f"{prog} {name}", args=modern(kinds[name], words[1:]))
    else:
        parsed = tyro.extras.subcommand_cli_from_dict(kinds, prog=prog, description=about, args=words)
        name = next(name for name, kind in kinds.items() if type(parsed) is kind)
    getattr(modules[name], wanted[name][2])(parsed)


def entry() -> None:
    """The console script."""

    def job() -> None:
        words = sys.argv[1:]
        if words and words[0] in GROUPS:
            about, members = GROUPS[words[0]]
            dispatch(members, f"takeback {words[0]}", f"takeback {words[0]}: {about}.", words[1:])
        else:
            heads = "\n".join(f"  {name}: {about}; see `takeback {name} --help`" for name, (about, _) in GROUPS.items())
            dispatch(EXPERIMENTS, "takeback", f"{ABOUT}\n\nCommand groups:\n{heads}", words)

    sys.exit(guarded(job))
