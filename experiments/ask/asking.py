"""The loop that asks: several requests at once, each tried again where that may help, within a budget of tokens.

    DIR/replies.jsonl     a line a reply, its body as it came; on disk before anything else is done with it
    DIR/requests.jsonl    two lines a request: before it is sent (what it may cost), after it (what it cost, or a fault)

A request that was begun and not ended (the process was killed) counts with what it may have cost.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from csp.errors import BadInput
from csp.seeds import key, uniform
from experiments.ask import journal
from experiments.ask.budget import Budget
from experiments.ask.journal import Journal
from experiments.ask.questions import Question
from experiments.ask.server import Fault, Server

FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0  # seconds before a request is tried again: doubled each time, up to that
LONGEST_ASKED = 600.0  # seconds that a server may ask to wait
SAID_FROM = 5.0  # seconds of such a wait that is told
#: Faults that the first question shows to be those of all.
OF_ALL = ("unreachable", "not a chat server")
IN_A_ROW = 5  # failures of different questions without a reply between them, after which asking ends


@dataclass
class Kept:
    """What a folder holds. replies: record by key; spent: tokens, as far as known, else at most; requests: sent."""

    replies: dict[str, dict] = field(default_factory=dict)
    faults: dict[str, dict] = field(default_factory=dict)  # the last of each key
    spent: int = 0
    requests: int = 0


def kept(folder: Path, wanted: set[str]) -> Kept:
    """What a folder holds of the questions with those keys, and what all of its requests cost. Raises BadInput for
    files that are not what was written.
    """
    try:
        return _kept(folder, wanted)
    except (KeyError, TypeError) as fault:
        raise BadInput(f"{folder}: replies.jsonl or requests.jsonl is not what takeback ask writes ({fault})") from None


def _kept(folder: Path, wanted: set[str]) -> Kept:
    made, open_ = Kept(), dict[int, int]()
    for record in journal.read(folder / "requests.jsonl"):
        made.requests = max(made.requests, record["request"])
        if "most" in record:
            open_[record["request"]] = record["most"]
        else:
            open_.pop(record["request"], None)
            made.spent += record["spent"]
            if "fault" in record and record["key"] in wanted:
                made.faults[record["key"]] = record
    for record in journal.read(folder / "replies.jsonl"):
        if record["request"] in open_:  # killed between the reply and the line that it has ended
            open_.pop(record["request"])
            made.spent += record["spent"]
        if record["key"] in wanted:
            made.replies.setdefault(record["key"], record)
    made.spent += sum(open_.values())
    return made


class Asking:
    """Asks questions until none is left, the budget would be passed, or the server is of no use.

    told: called with what became of each question; say: with what a user should know meanwhile. stopped: why it ended
    early, "" if it did not; failed: whether that was the server's fault.
    """

    def __init__(
        self,
        folder: Path,
        server: Server,
        state: Kept,
        limit: int | None,
        parallel: int,
        retries: int,
        told: Callable[[Question, dict | Fault], None] = lambda question, outcome: None,
        say: Callable[[str], object] = lambda line: None,
    ):
        self.folder, self.server, self.state, self.limit = folder, server, state, limit
        self.told, self.say, self.fresh = told, say, not state.replies
        self.parallel, self.retries = parallel, retries
        self.stopped, self.failed = "", False
        self.in_a_row, self.replied = 0, False
        self.not_before = 0.0  # of time.monotonic: when a server that asked to wait is asked again

    def run(self, questions: Sequence[Question]) -> None:
        """Ask them. Raises BadInput if what comes cannot be kept; what the server does raises nothing."""
        asyncio.run(self._all(iter(questions)))

    async def _all(self, left: Iterator[Question]) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # of connections that are dropped
        self.budget = Budget(self.limit, self.state.spent)
        with (
            Journal(self.folder / "replies.jsonl") as self.replies,
            Journal(self.folder / "requests.jsonl", durable=False) as self.requests,
        ):
            try:
                # one alone first: what is wrong with the address, the key or the model shows at once
                for question in left:
                    await self._one(question)
                    break
                async with asyncio.TaskGroup() as group:
                    for _ in range(self.parallel):
                        group.create_task(self._worker(left))
            except BaseExceptionGroup as several:
                raise several.exceptions[0] from None
            finally:
                self.state.spent = self.budget.spent + self.budget.taken
                await self.server.close()

    async def _worker(self, left: Iterator[Question]) -> None:
        while not self.stopped:
            question = next(left, None)
            if question is None:
                return
            await self._one(question)

    async def _one(self, question: Question) -> None:
        """Ask, and again where that may help; keep what comes."""
        for attempt in range(self.retries + 1):
            if (pause := self.not_before - time.monotonic()) > 0:
                await asyncio.sleep(pause)
            if self.stopped:
                return
            if not await self.budget.take(question.worst):
                self.stopped = self.stopped or (
                    f"the next request may cost {question.worst:,} tokens, and of --token-budget {self.limit:,} "
                    f"{self.budget.spent:,} are spent; a larger one goes on from here"
                )
                return
            if self.stopped:  # while it waited for the budget
                self.budget.settle(question.worst, 0)
                return
            outcome = await self._attempt(question)
            if not isinstance(outcome, Fault):
                self.in_a_row, self.replied = 0, True
                self.told(question, outcome)
                return
            if not outcome.retry or outcome.stop or attempt == self.retries:
                break
            if not await self._wait(question, attempt, outcome):
                break
        self._failed(question, outcome)

    async def _attempt(self, question: Question) -> dict | Fault:
        """One request, set aside in the budget and written down before it is sent."""
        self.state.requests += 1
        number = self.state.requests
        head = {"request": number, "key": question.key}
        self.requests.add(head | {"most": question.worst})
        spent = question.worst
        try:
            outcome = await self.server.send(question)
            if isinstance(outcome, Fault):
                spent = question.worst if outcome.spent else 0
                about = {"fault": outcome.kind, "message": outcome.message}
                self.requests.add(head | {"spent": spent} | about | ({"body": outcome.body} if outcome.body else {}))
                return outcome
            total = outcome.reply.total_tokens
            spent = question.worst if total is None else total
            record = head | {
                "instance": question.instance.id,
                "sample": question.sample,
                "settings": dict(question.settings),
                "prompt": question.prompt,
                "spent": spent,
                "seconds": round(outcome.seconds, 3),
                "body": outcome.body,
            }
            self.replies.add(record)
            self.state.replies[question.key] = record
            self.requests.add(head | {"spent": spent})
            return record
        finally:
            self.budget.settle(question.worst, spent)

    async def _wait(self, question: Question, attempt: int, fault: Fault) -> bool:
        """Wait before the next attempt; False if the server asks for longer than anybody waits."""
        if fault.wait is not None:
            if fault.wait > LONGEST_ASKED:
                return False
            self.not_before = max(self.not_before, time.monotonic() + fault.wait)  # for all: it is the server's wish
            if fault.wait > SAID_FROM:
                self.say(f"{fault.message}; the server asks to wait {fault.wait:.0f} s")
            return True
        share = float(uniform(np.array([key("back-off", question.key)], dtype=np.uint64), attempt)[0])
        await asyncio.sleep(min(LONGEST_WAIT, FIRST_WAIT * 2**attempt) * (0.75 + 0.25 * share))
        return True

    def _failed(self, question: Question, fault: Fault) -> None:
        """Count it, and end the asking where the fault is not the question's own."""
        self.state.faults[question.key] = {"key": question.key, "fault": fault.kind, "message": fault.message}
        self.told(question, fault)
        if fault.kind == "context":  # of this prompt alone
            return
        self.in_a_row += 1
        first = not self.replied and (self.fresh or fault.kind in OF_ALL)
        if fault.stop or first or self.in_a_row >= max(IN_A_ROW, 2 * self.parallel):
            self.stopped, self.failed = self.stopped or fault.message, True
