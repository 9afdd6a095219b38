"""Many samples of one board in one batch: randomness is keyed by an instance's id, and the family is part of that."""

from dataclasses import replace

from csp.problem import Instance


def copies(instance: Instance, count: int) -> list[Instance]:
    """The instance under `count` ids, which decode independently of each other."""
    return [replace(instance, family=f"{instance.family}{number}") for number in range(count)]
