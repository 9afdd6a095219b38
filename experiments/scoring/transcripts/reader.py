"""A reader of language models' transcripts: text in which a puzzle is filled, with or without second thoughts.

    >>> read("r1c2 = 3\\nundo r1c2", puzzle).trace.retractions
    1

The forms are in docs/bring-your-own.md. Every line goes through the recognisers in turn: boards (grids.py), tables
(tables.py), literals (answers.py), moves in prose (moves.py). What may be read in two ways is not
followed but named, and so is prose: a retraction that nobody made would be worse than one that was missed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from csp.constraints import NotEqual
from csp.io.instance_records import is_board
from csp.problem import Instance
from csp.trace import Costs, Trace, rewrites
from experiments.scoring.transcripts import answers, counting, grids, moves, tables
from experiments.scoring.transcripts.follow import Follower
from experiments.scoring.transcripts.grammar import LISTING
from experiments.scoring.transcripts.lines import Line, pieces, plain, spoken, undecorated
from experiments.scoring.transcripts.shapes import Names, Shape
from experiments.scoring.transcripts.statements import NOTHING, Commit, Pairs, Statement, Unread, Whole

SHORT = 5_000  # characters of a line of a table
SPAN = 100_000  # characters over which a literal may reach
_RULED = re.compile(r"[-+=|*_~#\s:.]*|```\w*|\W{0,4}(?:answer|solution|begin|end)?\W{0,4}|</?[\w|-]+>", re.IGNORECASE)
_PLACED = re.compile(
    r"\s*(?:[-*•]\s*)?\(?(?:r(?:ow)?\s*\d+,?\s*c|\(?\d+\s*,\s*\d+\)?\s*:|(?:node|vertex|v)?\s*\d+\s*(?::|->|→|=|-|,))",
    re.IGNORECASE,
)
_LISTED = re.compile(_PLACED.pattern + r"|\s*\d+\s+\d", re.IGNORECASE)
_SEVERAL = re.compile(r"(?::|->|→|=|\bin\b|∈)\s*[\[{(]?\s*\d{1,2}(?:\s*[,/]\s*\d{1,2}|\s\d{1,2})+\s*[\]})]?\s*\.?\s*$")


@dataclass(frozen=True)
class Transcript:
    """A trace made from a text, and what of the text is not in it.

    counting: where its places and colours count from. followed: statements that were followed; missed: those that were
    not, prose left out. altered: it ends with a full board that changes a given, so it ends wrong. claims: of each
    take-back that is said in words, the event that does it, None where there is none.
    """

    trace: Trace
    unread: tuple[Unread, ...]
    counting: counting.Counting
    followed: int = 0
    missed: int = 0
    altered: bool = False
    claims: tuple[int | None, ...] = ()

    @property
    def base(self) -> str | None:
        """What its places and colours count from, in words; None if it names none by number."""
        if self.counting.fault:
            return "counting begins at 0 and at 1, or is not said: places not followed"
        if not self.counting.numbered:
            return "colours count from 0" if self.counting.colours == 0 else None
        said = f"{'nodes' if self.counting.graph else 'rows and columns'} count from {self.counting.places}"
        said += "" if self.counting.why else " (no sign of it, so as usual)"
        return said + ", colours count from 0" * (self.counting.colours == 0)

    @property
    def nothing(self) -> bool:
        """Whether no move or answer was understood, so that there is no attempt to score."""
        return not len(self.trace.events) and not self.altered


def read(
    text: str,
    instance: Instance,
    decoder: str = "transcript",
    seed: int = 0,
    first_line: int = 1,
    index_from: int | None = None,
    final_only: bool = False,
    nodes_from: int = 0,
    names: Sequence[str] = (),
) -> Transcript:
    """The transcript of one attempt at the instance. An event's `call` is the number of the statement it is of.

    index_from: what rows, columns and nodes count from, where the text's own signs shall not decide. final_only: only
    the last answer, as one call. nodes_from, names: what nodes count from and are called in the
    puzzle's file, where the problem itself has no names.
    """
    shape = _shape(instance, names)
    lines = list(spoken(text, first_line))
    statements = list(_statements(lines, shape))
    mentioned = [
        (line.number, place)
        for line in lines
        if not line.quoted
        for part in pieces(line.text)
        for place in moves.places(part)
    ]
    base = counting.find(statements, mentioned, text, instance, shape.graph, index_from, nodes_from)
    if final_only:
        statements = _last(statements, shape)
    follower = Follower(instance, base, shape.graph)
    follower.all(statements)
    events, state = follower.events, follower.state
    if final_only:  # however it came about, it counts as one call
        events = list(rewrites(instance.givens, state, 1))
    end = "solved" if instance.solved(state) else ("wrong" if (state > 0).all() else "stuck")
    end = "wrong" if follower.altered else end
    calls = min(1, len(events)) if final_only else follower.calls
    trace = Trace(instance.id, decoder, seed, tuple(events), end, Costs(calls, len(text.split())))
    missed = sum(not fault.prose for fault in follower.unread)
    claims = () if final_only else tuple(follower.claims)
    return Transcript(trace, tuple(follower.unread), base, follower.followed, missed, follower.altered, claims)


def _shape(instance: Instance, names: Sequence[str]) -> Shape:
    problem = instance.problem
    graph = not is_board(problem) and all(isinstance(rule, NotEqual) for rule in problem.constraints)
    called = getattr(problem, "names", ()) or (names if graph and len(names) == problem.n else ())
    # names that are numbers are what nodes count by, not names
    nodes = {str(name).lower(): k for k, name in enumerate(called)} if not _numbers(called) else {}
    joined = problem.adjacency if graph else np.zeros((0, 0), dtype=bool)

    def edge(a: int, b: int) -> bool:
        return 0 <= a < len(joined) and 0 <= b < len(joined) and bool(joined[a, b])

    return Shape(problem.n, problem.d, Names(problem.d, graph, nodes), edge)


def _numbers(names: Sequence[str]) -> bool:
    """Whether names only count from 0 or 1."""
    return list(names) in ([str(k) for k in range(len(names))], [str(k + 1) for k in range(len(names))])


def _statements(lines: Sequence[Line], shape: Shape) -> Iterator[Statement]:
    """What every line says, in order."""
    at, listing, budget = 0, "", 40 * SPAN
    sign: str | None = None  # that of the lines under a heading
    while at < len(lines):
        line = lines[at]
        text = line.text
        if line.quoted or not text.strip():
            if line.quoted and text.strip():
                yield Unread(line.number, text.strip()[:80], line.quoted)
            listing, at = "" if not line.quoted else listing, at + 1
            continue
        # a list of edges or candidates under its heading
        if listing and _LISTED.match(text) and (sign is None or sign == _sign(text)):
            sign = _sign(text)
            yield Unread(line.number, text.strip()[:80], f"listed under {listing!r}")
            at += 1
            continue
        listing, sign = "", None
        found = grids.board(lines, at, shape) if not shape.graph else None
        if found:
            yield from found[0]
            at += found[1]
            continue
        found = tables.table(lines, at, shape) if len(text) < SHORT else None
        if found:
            yield from found[0]
            at += found[1]
            continue
        if any(bracket in text for bracket in "[{("):
            said, used, budget = _literals(lines, at, shape, budget)
            if said:
                yield from said
                at += used
                continue
        whole = grids.one_line(text, line.number, shape)
        if whole:
            yield whole
            at += 1
            continue
        block = _block(lines, at)
        if len(block) > 1:
            yield from _listed(
                [s for each in block for s in moves.moves(each.text, each.number, shape.names)], block, shape
            )
            at += len(block)
            continue
        said = [s for part in pieces(text) for s in moves.moves(part, line.number, shape.names)]
        if len(said) == 1 and isinstance(said[0], Unread) and said[0].why == NOTHING:
            if len(text) < SHORT and LISTING.search(text) and text.rstrip().endswith((":", ":**", ":*")):
                listing = text.strip()[:40]
            if len(text) < SHORT and _RULED.fullmatch(undecorated(text).strip()):
                said = []
        yield from said
        at += 1


def _literals(lines: Sequence[Line], at: int, shape: Shape, budget: int) -> tuple[list[Statement], int, int]:
    """The statements of literals that begin in line `at`, how many lines they take, and what is left of the budget.

    budget: characters that may still be looked at for literals over several lines, so that time is linear in the text.
    """
    line = lines[at]
    said = answers.literals(line.text, line.number, shape)
    if said:
        rest = line.text[said[1] :]
        # moves may follow a literal in its line; a literal's own brackets do not
        if any(isinstance(s, (Commit, Pairs, Whole)) for s in said[0]) and len(rest.strip()) > 3:
            for part in pieces(rest):
                said[0].extend(s for s in moves.moves(part, line.number, shape.names) if not isinstance(s, Unread))
        return said[0], 1, budget
    # lines up to that which closes what this one opens
    joined, opened, length = list[str](), 0, 0
    for each in (lines[k] for k in range(at, len(lines))):
        length += len(each.text) + 1
        if length > SPAN or budget <= 0 or each.quoted:
            break
        joined.append(each.text)
        opened += sum(c in "[{(" for c in each.text) - sum(c in "]})" for c in each.text)
        if opened <= 0:
            break
    text = "\n".join(joined)
    said = answers.literals(text, line.number, shape)
    budget -= length
    if not said or "\n" not in text[: said[1]]:
        return [], 0, budget
    return said[0], text[: said[1]].count("\n") + 1, budget


def _block(lines: Sequence[Line], at: int) -> list[Line]:
    """Lines from `at` on that begin with a place and go on with values: moves, or a list of candidates or edges."""
    block = []
    for line in (lines[k] for k in range(at, len(lines))):
        if line.quoted or not _PLACED.match(line.text) or len(line.text) > 120:
            break
        block.append(line)
    return block


def _sign(line: str) -> str:
    """What stands between the place and the value of a line: lines that list and lines that move differ in it."""
    found = re.search(r"(?<=[\d)\]*`])\s*(:|=|->|→|-)", line)
    return found[1] if found else ""


def _listed(said: list[Statement], block: Sequence[Line], shape: Shape) -> list[Statement]:
    """The block's statements, unless its lines list several values for a place, or edges."""
    several = {_sign(line.text): line.number for line in reversed(block) if _SEVERAL.search(plain(line.text))}
    if several:
        why = {
            line.number: f"line {several[_sign(line.text)]} beside it lists several values: candidates or neighbours"
            for line in block
            if _sign(line.text) in several
        }
        said = [_skipped(s, why[s.line]) if s.line in why else s for s in said]
    commits = [s for s in said if isinstance(s, Commit) and s.place.kind == "node"]
    bare = [s for s in commits if re.match(r"\d", s.text)]
    if shape.graph and len(bare) == len(said) > 1 and all(s.value.isdecimal() for s in bare):
        pairs = [(s.place.a, int(s.value)) for s in bare]
        joined = any(all(shape.edge(a - k, b - k) for a, b in pairs) for k in (0, 1))
        keys = {a for a, _ in pairs}
        if joined and len(keys) < shape.n and (len(keys) < len(pairs) or len(pairs) > 2):
            return [_skipped(s, "every pair is an edge: a list of edges, or colours") for s in said]
    return said


def _skipped(statement: Statement, why: str) -> Unread:
    """The statement as one that is not followed."""
    if isinstance(statement, Unread):
        return replace(statement, why=why if statement.why == NOTHING else statement.why)
    return Unread(statement.line, statement.text, why)


def _last(statements: Sequence[Statement], shape: Shape) -> list[Statement]:
    """The last whole answer, or, where there is none, everything: its last state is the answer."""
    for statement in reversed(statements):
        if isinstance(statement, Whole) and "." not in statement.values:
            return [statement]
        if isinstance(statement, Pairs) and len(statement.pairs) == shape.n:
            return [statement]
    return list(statements)
