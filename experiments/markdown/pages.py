"""Kept runs as pages: docs/results/NAME.md for each, and docs/results/README.md, which lists every table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments.cli.tables import cell
from experiments.markdown.kept import Kept
from experiments.scoring.statistics import Estimate

#: Below the repository's root.
PAGES = Path("docs/results")
#: Begins the last line of a page of a kept run.
MADE = "Made by `takeback markdown`"
MOST_NAMED = 40  # networks whose hashes a page gives
#: How a command's intervals are made.
WILSON = "Wilson's for shares, bootstrap for the rest"
INTERVALS = {
    "control": "bootstrap over targets, and networks where there are several; Wilson's for shares that are all alike",
    "factors": "bootstrap over networks and puzzles at once",
    "likelihood": "bootstrap over networks and puzzles at once",
    "reinforcement": "bootstrap over networks and puzzles at once",
    "policies": "bootstrap over networks (or heads) and puzzles at once",
    "selection": "bootstrap over networks and puzzles at once; Wilson's for shares of what was chosen",
    "subnetworks": "Student's over runs, or pairs of runs; of right fillings, bootstrap over runs and puzzles at once",
    "scaling": "residual bootstrap over runs for what is fitted; Wilson's for shares; normal over puzzles for a run",
    "samplers": "bootstrap over networks and puzzles at once; Wilson's for shares of one network's puzzles",
    "ablations": "bootstrap over networks and puzzles; of the validation loss the lowest and highest instead",
}


def figure(record: dict, percent: bool = False) -> str:
    """A figure with its interval: 48.0 [35, 61]; a dash where nothing was measured."""
    numbers = (None if record[part] is None else float(record[part]) for part in ("value", "low", "high"))
    text = cell(Estimate(*numbers, record["n"] or 0), percent).plain
    value, _, interval = text.partition("\n")
    low, dash, high = interval.partition(" to " if " to " in interval else "-")
    return value if not interval or interval == "n=1" else f"{value} [{low}, {high if dash else low}]"


def lines(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; all columns but the first are aligned right."""
    made = ["| " + " | ".join(heads) + " |", "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"]
    return "\n".join(made + ["| " + " | ".join(row) + " |" for row in rows])


def shown(record: Any, form: str) -> str:
    """A figure as a table writes it; a dash where a row has none."""
    if isinstance(record, str):
        return record
    if record is None or record["value"] is None:
        return "-"
    if form == "whole":
        return f"{record['value']:.0f}"
    if form == "whole share":
        ends = f" [{100 * record['low']:.0f}, {100 * record['high']:.0f}]" if record["low"] is not None else ""
        return f"{100 * record['value']:.0f}{ends}"
    text = figure(record, form == "share")
    if form == "counted number":  # it rests on some of the row's traces: how many is part of the figure
        return f"{text}, n={record['n']}"
    return f"{text} ({', '.join(f'{100 * one:.0f}' for one in record['each'])})" if "each" in record else text


def table(content: dict) -> str:
    """A kept table; where the rows' group changes, a line names it."""
    heads = [content["head"], *(column["head"] for column in content["columns"])]
    rows, group = [], ""
    for row in content["rows"]:
        if row.get("group", "") != group:
            group = row.get("group", "")
            rows.append([f"*{group}*", *[""] * (len(heads) - 1)])
        cells = (shown(row["figures"].get(column["key"]), column["form"]) for column in content["columns"])
        rows.append([row.get("shown", row["name"]), *cells])
    return lines(heads, rows)


def parts(tables: Iterable[dict]) -> list[str]:
    """Title, table and notes of each."""
    made = []
    for content in tables:
        made += [content["title"]] if content["title"] else []
        made += [table(content)]
        made += ["\n".join(content["notes"])] if content["notes"] else []
    return made


def page(kept: Kept) -> str:
    """docs/results/NAME.md."""
    content = kept.content
    made = [f"# {kept.name}", content["question"]]
    if content["line"]:
        made.append("\n".join(f"    {line}" for line in content["line"].splitlines()))
    elif content["command"]:
        made.append(f"A run of `takeback {content['command']}`; its command line was not kept.")
    made += [" ".join(_facts(content))] if content["command"] else []
    if content.get("recovered"):
        made.append(f"*Recovered {content['recovered'].rstrip('.')}.* What the table did not print is not known here.")
    several = len(content["tables"]) > 1
    for part in content["tables"]:
        made += [f"## {part['name']}"] if several else []
        made += parts([part])
    made += content["notes"]
    made.append(f"{MADE} from experiments/results/{kept.name}.json, which is what to change.")
    return "\n\n".join(made) + "\n"


def _facts(content: dict) -> list[str]:
    """What was run, in sentences."""
    said = []
    if content["n"] is not None:
        strata = ", ".join(f"{many} need {stratum} guesses" for stratum, many in content["strata"].items())
        said.append(f"{content['n']:,} {content['unit']}{f' ({strata})' if strata else ''}")
    said.append(f"seed {content['seed']}" if content["seed"] is not None else "no seed known")
    said.append(f"takeback {content['version']}" if content["version"] else "version not kept")
    if precision := (content["config"] or {}).get("precision"):
        said.append(f"networks in {precision}")
    facts = [", ".join(said).capitalize() + "."]
    facts.append(f"Intervals are 95 %: {INTERVALS.get(content['command'], WILSON)}.")
    # the first digits are enough to tell networks apart; the whole hashes are in the kept file
    nets = content["checkpoints"]
    named = [nets] if isinstance(nets, dict) else nets
    hashes = [f"{name} {digest[:8]}" for each in named for name, digest in each.items()]
    if len(hashes) > MOST_NAMED:
        return [*facts, f"{len(hashes)} networks; their hashes are in the kept file."]
    return facts + ([f"Networks: {', '.join(hashes)}."] if hashes else [])


def index(runs: Sequence[Kept]) -> str:
    """docs/results/README.md: a line a table."""
    made = [
        "# Results, table by table",
        "Every table of every kept run. Each is written by `takeback markdown` from experiments/results/NAME.json; a "
        "test writes them anew and compares, so none is typed. Intervals are 95 %. *Recovered*: read off the printed "
        "table of a run whose folder was not kept. Where a page names no precision, networks answered in float64: "
        "`--precision float64` repeats such a run.",
    ]
    rows = []
    for kept in runs:
        content = kept.content
        several = len(content["tables"]) > 1
        command = " ".join(f"`{' '.join(line.split())}`" for line in (content["line"] or "").splitlines())
        command = command or (f"`takeback {content['command']}`, line not kept" if content["command"] else "-")
        for part in content["tables"]:
            name = kept.name + (f", {part['name']}" if several else "")
            asked = content["question"] + (" *Recovered.*" if content.get("recovered") else "")
            rows.append([f"[{name}]({kept.name}.md)", asked, str(part["n"] or "-"), command])
    return "\n\n".join([*made, lines(("table", "question", "n", "command"), rows).replace("---:", "---")]) + "\n"
