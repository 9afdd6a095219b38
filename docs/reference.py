"""Pages of the site that are made of the program itself: commands, words, Python names. python docs/reference.py OUT"""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from pathlib import Path

import takeback
from experiments.cli.dispatch import EXPERIMENTS, GROUPS
from experiments.engine.decoder_catalogue import FRONTIER, ROWS
from generators.decoding.spec import DECODER_WORDS


def commands() -> str:
    """Every command with its options, as --help prints them."""
    parts = ["# Commands", "What `--help` prints, of every command."]
    names = [[name] for name in EXPERIMENTS] + [
        [group, name] for group, (_, members) in GROUPS.items() for name in members
    ]
    for words in names:
        environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1", "TERM": "dumb"}
        command = [sys.executable, "-m", "experiments.cli.entry", *words, "--help"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        parts.append(f"## takeback {' '.join(words)}\n```text\n{done.stdout.strip()}\n```")
    return "\n\n".join(parts) + "\n"


def words() -> str:
    """The words that a decoder is spelled with."""
    parts = [
        "# Words of a decoder",
        "A decoder is spelled `model:word=value,word=value`. The first value is the default.",
    ]
    for word, values in DECODER_WORDS.items():
        parts.append(
            f"## {word}\n| | |\n|---|---|\n" + "\n".join(f"| `{value}` | {does} |" for value, does in values.items())
        )
    rows = [f"| `{name}` | {row.about} | `{row.spec}` |" for table in (ROWS, FRONTIER) for name, row in table.items()]
    parts.append("## Decoders with names\n| name | | spelled |\n|---|---|---|\n" + "\n".join(dict.fromkeys(rows)))
    return "\n\n".join(parts) + "\n"


def python() -> str:
    """The public names, each with its docstring."""
    parts = ["# Python", "`import takeback` gives these names; each is imported when it is first asked for."]
    for name in takeback.__all__:
        thing = getattr(takeback, name)
        try:
            signature = str(inspect.signature(thing)) if callable(thing) else ""
        except ValueError:
            signature = ""
        documented = inspect.isclass(thing) or inspect.isfunction(thing)
        said = inspect.getdoc(thing) if documented else repr(type(thing).__name__)
        parts.append(
            f"## {name}\n```text\n{name}{signature}\n\n{said or ''}\n```\nFrom `{getattr(thing, '__module__', '')}`."
        )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    """Write OUT/commands.md, OUT/words.md and OUT/python.md."""
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    for page in (commands, words, python):
        (out / f"{page.__name__}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
