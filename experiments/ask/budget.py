"""A budget of tokens that is never passed: what a request may cost is set aside before it is sent.

>>> budget = Budget(limit=10_000, spent=0)
>>> if await budget.take(4_500):                # waits while others may give back what would do
...     budget.settle(4_500, spent=612)
"""

from __future__ import annotations

import asyncio


class Budget:
    """limit: None for none. spent: what earlier runs cost; taken: what is set aside for requests under way."""

    def __init__(self, limit: int | None, spent: int = 0):
        self.limit, self.spent, self.taken = limit, spent, 0
        self._settled = asyncio.Event()

    async def take(self, worst: int) -> bool:
        """Set so much aside. False if the budget would not bear it, even if all requests under way cost nothing."""
        while self.limit is not None and self.spent + self.taken + worst > self.limit:
            if self.spent + worst > self.limit:
                return False
            self._settled.clear()
            await self._settled.wait()
        self.taken += worst
        return True

    def settle(self, worst: int, spent: int) -> None:
        """A request has ended that `worst` was set aside for."""
        self.taken -= worst
        self.spent += spent
        self._settled.set()
