"""The table of what was asked: how many replies there are of which kind, and what share of them is right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from csp.problem import STRATA, Instance
from experiments.ask.replies import STATUSES
from experiments.ask.results import Asked
from experiments.cli.tables import Line, cell, show
from experiments.score import Scored, say_unread, show_pairs, show_transcripts
from experiments.scoring.statistics import Estimate, proportion
from experiments.scoring.tallies import Tally

HEADS = ("model", "guesses", "asked", "answered", "cut off", "no answer", "failed", "unread")
LEGEND = (
    "asked: questions that were sent, however often. cut off: the reply reached --max-tokens; no answer: the model "
    "or a filter refused, or the reply was empty; failed: there is no reply. unread: no move or grid in the reply was "
    "understood. solved: of the replies that were read; then of all replies, where those that were cut off, refused, "
    "empty or unread count as not solved. What failed is in neither. tokens: of a reply, as the server counts (mean). "
    "Below each figure its 95 % interval."
)

#: Of the replies that were read.
NEEDS = {
    "need %": "need",
    "met %": "met",
    "unmet %": "unmet",
    "claimed": "claimed",
    "done %": "claims done",
    "taken back": "taken",
    "needless %": "taken needless",
}
NEEDS_LEGEND = (
    "n: replies that were read. need: entered a dead end, a board that no solution extends; met: and solved it all the "
    "same; unmet: and did not. claimed: take-backs said in words, a reply; done: of those, a value left its cell and "
    "was not put back. taken back: values that left their cells, a reply, said or not; needless: of those, from a "
    "board that a solution still extended."
)


def counts(instances: Sequence[Instance], asked: Sequence[Asked], scored: Scored | None) -> list[dict]:
    """By decoder and stratum of search need: how many of each kind, and shares solved, as plain data."""
    need = {instance.id: "?" if instance.difficulty is None else instance.difficulty.stratum for instance in instances}
    kinds: dict[tuple[str, str], Counter] = {}
    tokens: dict[tuple[str, str], Tally] = {}
    for one in asked:
        for key in ((one.decoder, need[one.instance]), (one.decoder, "all")):
            kinds.setdefault(key, Counter())[one.status] += 1
            kinds[key]["scored"] += one.scored
            tokens.setdefault(key, Tally()).add(one.tokens)
    order = [*STRATA, "?", "all"]
    return [
        _row(key, kinds[key], tokens[key], scored)
        for key in sorted(kinds, key=lambda key: (key[0], order.index(key[1])))
    ]


def _row(key: tuple[str, str], kinds: Counter, tokens: Tally, scored: Scored | None) -> dict:
    sums = scored.total.get(key) if scored is not None else None
    right, read = (sums.counts["solved"], sums.n) if sums else (0, 0)
    replies = sum(kinds[status] for status in STATUSES)
    return {
        "decoder": key[0],
        "stratum": key[1],
        "asked": replies + kinds["failed"],
        "answered": kinds["answered"],
        "cut off": kinds["cut off"],
        "no answer": kinds["refused"] + kinds["empty"],
        "failed": kinds["failed"],
        "not asked": kinds["not asked"],
        "unread": kinds["scored"] - read,
        "read": read,
        "replies": replies,
        "solved of read": proportion(right, read)._asdict(),
        "solved of replies": proportion(right, replies)._asdict(),
        "tokens": tokens.estimate("mean")._asdict(),
    }


def tell(rows: Sequence[Mapping], made: Scored | None) -> None:
    """Print what was asked, what was needed and taken back, and pairs of models."""
    _show_asked(rows)
    if made is not None:
        show_transcripts(made.figures, "Dead ends and take-backs", NEEDS, NEEDS_LEGEND)
        show_pairs(made.pairs)
        say_unread(made.total)


def _show_asked(rows: Sequence[Mapping]) -> None:
    lines: list[Line] = []
    waiting = any(row["not asked"] for row in rows)
    heads = [*HEADS, *(["not asked"] if waiting else [])]
    for row in rows:
        numbers = [str(row[head]) for head in heads[2:]]
        shares = [cell(Estimate(**row[name]), percent=True) for name in ("solved of read", "solved of replies")]
        lines.append((row["decoder"], row["stratum"], *numbers, *shares, cell(Estimate(**row["tokens"]))))
    show("Asked", (*heads, "solved, % of read", "% of replies", "tokens"), lines, keep=2, notes=(LEGEND,))
