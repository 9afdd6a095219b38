"""What takeback_steps.yaml calls: a puzzle as a prompt, a reply as numbers. A document is a line that `takeback
instances` writes.

Every number is a share of all replies, so that their means add up: need = met + unmet. A reply of which nothing is
understood counts 0 in all of them, `read` included; `undecided` are those whose dead ends the oracle could not settle.
"""

from __future__ import annotations

import takeback
from csp.io.instance_records import from_record

SHARES = ("solved", "read", "need", "met", "unmet")


def puzzle_of(doc: dict) -> takeback.Instance:
    """The puzzle of a document; a loader of JSON gives every line the fields of all, empty where it has none."""
    return from_record({name: value for name, value in doc.items() if value is not None}, str(doc.get("id")))


def doc_to_text(doc: dict) -> str:
    """What the model is asked."""
    return takeback.prompt(puzzle_of(doc), "steps")


def doc_to_target(doc: dict) -> str:
    """Nothing: any solution is right, and the checker says which is one."""
    return ""


def process_results(doc: dict, results: list[str]) -> dict[str, float]:
    """The shares of one reply, 1 or 0 each."""
    found = takeback.score_reply(results[0], puzzle_of(doc))
    undecided = bool(found["read"]) and found["need"] is None
    return {name: found[name] or 0.0 for name in SHARES} | {"undecided": float(undecided)}
