"""What is asked: a question is a puzzle, a prompt, settings and a sample's number; its key is a digest of them all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from csp import seeds
from csp.problem import Instance
from experiments.ask.prompts import prompt

#: Tokens that a server's chat template may put around a prompt.
AROUND = 300


@dataclass(frozen=True)
class Question:
    """One request. settings: all that it holds besides the prompt, its model among it; most: tokens of a reply."""

    instance: Instance
    prompt: str
    settings: Mapping[str, object]
    sample: int
    most: int

    @cached_property
    def key(self) -> str:
        """32 hexadecimal digits of all that a reply depends on, as far as it is ours to say."""
        parts = {
            "puzzle": self.instance.id,
            "prompt": self.prompt,
            "settings": dict(self.settings),
            "sample": self.sample,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]

    @property
    def worst(self) -> int:
        """Tokens that it may cost: a token is a byte at least, in every tokenizer that is in use."""
        return len(self.prompt.encode()) + AROUND + self.most


def questions(
    instances: Sequence[Instance],
    template: str,
    settings: Mapping[str, object],
    samples: int,
    most: int,
    seed: int | None = None,
) -> list[Question]:
    """Every sample of every puzzle, puzzle by puzzle.

    seed: where it is given, each request is sent a seed of its own that derives from it. Raises BadInput for a puzzle
    that cannot be asked about.
    """
    made = []
    for instance in instances:
        text = prompt(instance, template)
        for sample in range(samples):
            drawn = {} if seed is None else {"seed": seeds.key(seed, "ask", instance.id, sample) % 2**31}
            made.append(Question(instance, text, {**settings, **drawn}, sample, most))
    return made
